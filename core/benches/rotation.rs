//! What rotation costs the readers: `cargo bench -p strongroom-core --bench rotation`.
//!
//! 1,000 secrets, each read at random by a thread of its own reader's; the time of every single read is taken, with
//! nothing else going on and while all 1,000 get another value every second. Rounds of both are interleaved. The
//! percentiles are of single reads, so they hold whatever the machine does meanwhile: compare the two lines.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strongroom_core::{MemoryVault, Reader, Registry, Vault};

const SECRETS: usize = 1_000;
const ROUNDS: usize = 8;
const ROUND: Duration = Duration::from_secs(3);
/// How many reads are timed together: a single one is quicker than looking at the time.
const TOGETHER: usize = 16;

fn main() {
    let vault = Arc::new(MemoryVault::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
    write_all(&vault, 0);
    let references: Vec<_> = (0..SECRETS).map(|at| format!("{{vault://my-vault/r/{at}/secret}}")).collect();
    let live: Vec<_> = runtime.block_on(async {
        let mut live = Vec::new();
        for reference in &references {
            live.push(registry.watch(reference).await.unwrap());
        }
        live
    });
    let mut readers: Vec<_> = live.iter().map(|live| live.reader()).collect();
    let (mut quiet, mut rotating, mut rotations) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        read(&mut readers, &mut quiet);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let rotate = scope.spawn(|| {
                let mut count = 0;
                for second in 0.. {
                    let start = Instant::now();
                    write_all(&vault, 1 + round * 1_000 + second);
                    // Spread over the second, as rotations are.
                    for (at, live) in live.iter().enumerate() {
                        if done.load(Ordering::Relaxed) {
                            return count;
                        }
                        runtime.block_on(live.refresh()).unwrap();
                        count += 1;
                        let due = start + Duration::from_secs(1).mul_f64((at + 1) as f64 / SECRETS as f64);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                }
                count
            });
            read(&mut readers, &mut rotating);
            done.store(true, Ordering::Relaxed);
            rotations += rotate.join().unwrap();
        });
    }
    let seconds = ROUNDS as f64 * ROUND.as_secs_f64();
    println!("{:.0} rotations a second while `rotating`; nanoseconds a read", f64::from(rotations) / seconds);
    let quiet = line("quiet", &mut quiet);
    let rotating = line("rotating", &mut rotating);
    println!("p99.9 while rotating: {:.2} of the quiet one", rotating / quiet);
}

fn write_all(vault: &MemoryVault, value: usize) {
    for at in 0..SECRETS {
        let resource = format!("r/{at}");
        vault.delete(&resource);
        vault.set(resource, &format!(r#"{{"secret":"{value:032}{at:031}"}}"#)).unwrap();
    }
}

/// Reads for a round and takes the times.
fn read(readers: &mut [Reader], times: &mut Vec<f32>) {
    let start = Instant::now();
    let mut sum = 0;
    let mut random = fastrand::Rng::with_seed(7);
    while start.elapsed() < ROUND {
        for _ in 0..1_000 {
            let picked: [usize; TOGETHER] = std::array::from_fn(|_| random.usize(..SECRETS));
            let before = Instant::now();
            for at in picked {
                let value = readers[at].current().unwrap();
                sum ^= value.as_bytes()[0] ^ value.as_bytes()[62];
            }
            times.push(before.elapsed().as_nanos() as f32 / TOGETHER as f32);
        }
    }
    black_box(sum);
}

/// Prints percentiles and gives the p99.9.
fn line(what: &str, times: &mut [f32]) -> f32 {
    times.sort_unstable_by(f32::total_cmp);
    let percentile = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let (p50, p99, p999) = (percentile(0.5), percentile(0.99), percentile(0.999));
    println!(
        "{what:>9}: p50 {p50:6.1}  p99 {p99:6.1}  p99.9 {p999:6.1}  of {} groups of {TOGETHER}",
        times.len()
    );
    p999
}
