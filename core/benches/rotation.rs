//! What rotation costs the readers: `cargo bench -p strongroom-core --bench rotation`.
//!
//! 1,000 secrets, each read at random by a thread with a reader of its own for each, with nothing else going on and
//! while all 1,000 get another value every second. Rounds of both are interleaved; shown are the medians of their
//! percentiles. Hits are timed one by one, which includes looking at the time, and again in groups of 16, which hides
//! less: one slow hit makes its group a slow one, so the p99.9 of groups is more than a p99.99 of hits.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strongroom_core::{Live, MemoryVault, Reader, Registry, Vault};
use tokio::runtime::Runtime;

const SECRETS: usize = 1_000;
const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_secs(1);

fn main() {
    let vault = Arc::new(MemoryVault::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
    for at in 0..SECRETS {
        write(&vault, at, 0);
    }
    let references: Vec<_> = (0..SECRETS).map(|at| format!("{{vault://my-vault/r/{at}/secret}}")).collect();
    let live: Vec<_> = runtime.block_on(async {
        let mut live = Vec::new();
        for reference in &references {
            live.push(registry.watch(reference).await.unwrap());
        }
        live
    });
    let mut readers: Vec<_> = live.iter().map(|live| live.reader()).collect();
    println!("nanoseconds a read, medians of {ROUNDS} rounds");
    measure::<1>("one by one", &runtime, &vault, &live, &mut readers);
    measure::<16>("in groups of 16", &runtime, &vault, &live, &mut readers);
}

fn measure<const TOGETHER: usize>(
    how: &str,
    runtime: &Runtime,
    vault: &MemoryVault,
    live: &[Live],
    readers: &mut [Reader],
) {
    let (mut quiet, mut rotating, mut rotations) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        quiet.push(read::<TOGETHER>(readers));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let rotate = scope.spawn(|| {
                let start = Instant::now();
                for count in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return count;
                    }
                    let at = count % SECRETS;
                    write(vault, at, 1 + round * 1_000 + count / SECRETS);
                    runtime.block_on(live[at].refresh()).unwrap();
                    let due = start + Duration::from_secs(1).mul_f64((count + 1) as f64 / SECRETS as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                0
            });
            rotating.push(read::<TOGETHER>(readers));
            done.store(true, Ordering::Relaxed);
            rotations += rotate.join().unwrap();
        });
    }
    let a_second = rotations as f64 / (ROUNDS as f64 * ROUND.as_secs_f64());
    println!("{how}, {a_second:.0} rotations a second while `rotating`");
    let quiet = line("quiet", &quiet);
    let rotating = line("rotating", &rotating);
    println!("p99.9 while rotating: {:.2} of the quiet one", rotating / quiet);
}

/// Writes a value that the secret has not had.
fn write(vault: &MemoryVault, at: usize, value: usize) {
    let resource = format!("r/{at}");
    vault.delete(&resource);
    vault.set(resource, &format!(r#"{{"secret":"{value:032}{at:031}"}}"#)).unwrap();
}

/// Reads for a round and gives p50, p99 and p99.9 of the time that a read takes.
fn read<const TOGETHER: usize>(readers: &mut [Reader]) -> [f32; 3] {
    let start = Instant::now();
    let (mut sum, mut times) = (0, Vec::with_capacity(20_000_000));
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
    times.sort_unstable_by(f32::total_cmp);
    [0.5, 0.99, 0.999].map(|part| times[((times.len() - 1) as f64 * part) as usize])
}

/// Prints the medians of the rounds and gives that of p99.9.
fn line(what: &str, rounds: &[[f32; 3]]) -> f32 {
    let [p50, p99, p999] = std::array::from_fn(|which| {
        let mut of_rounds: Vec<_> = rounds.iter().map(|round| round[which]).collect();
        of_rounds.sort_unstable_by(f32::total_cmp);
        of_rounds[of_rounds.len() / 2]
    });
    println!("{what:>9}: p50 {p50:6.1}  p99 {p99:6.1}  p99.9 {p999:6.1}");
    p999
}
