//! So many readers of a server at a time: the rate they reach, how long a read takes them, and what it costs.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

use crate::reader::{Reader, VALUE};
use crate::report::{Grid, number};
use crate::rounds::{Figures, percentile};

/// Reads a second, p50 and p99 in microseconds, microseconds of this process's CPU a read.
pub(crate) type Load = [f64; 4];

pub(crate) const RATE: usize = 0;
pub(crate) const P99: usize = 2;
pub(crate) const CPU: usize = 3;

/// A runtime with a thread for each core.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// What `concurrency` readers reach that together read so many secrets, one after the other each.
pub(crate) async fn load(
    reader: Arc<dyn Reader>,
    paths: &Arc<[String]>,
    reads: usize,
    concurrency: usize,
) -> Load {
    let next = Arc::new(AtomicUsize::new(0));
    let (cpu, start) = (cpu(), Instant::now());
    let readers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (reader, paths, next) = (reader.clone(), paths.clone(), next.clone());
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(reads / concurrency * 2);
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= reads {
                        return times;
                    }
                    let start = Instant::now();
                    let value = reader.read(&paths[at % paths.len()]).await.unwrap();
                    times.push(nanoseconds(start));
                    assert_eq!(value, VALUE.as_bytes());
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for reader in readers {
        times.append(&mut reader.await.unwrap());
    }
    summary(&mut times, start.elapsed(), self::cpu().checked_sub(cpu).unwrap_or_default())
}

/// Times in nanoseconds, and what all of it took, as one line of figures.
pub(crate) fn summary(times: &mut [u64], took: Duration, cpu: Duration) -> Load {
    let reads = times.len() as f64;
    let micros = |part, times: &mut [u64]| percentile(times, part) / 1e3;
    [reads / took.as_secs_f64(), micros(0.5, times), micros(0.99, times), cpu.as_secs_f64() * 1e6 / reads]
}

/// Since then.
pub(crate) fn nanoseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What this process has spent of CPU time, in user space and in the kernel, over all of its threads.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The figures of one concurrency, with the rate's and the p99's ratio to the first line.
pub(crate) fn grid(title: String, figures: &[Figures<4>]) -> Grid {
    let head = ["reads/s", "ratio", "p50, us", "p99, us", "ratio", "CPU of the client, us a read", "ratio"];
    let mut grid = Grid::new([title].into_iter().chain(head.map(String::from)));
    for line in figures {
        let ratio = |column| number(line.ratio(column, &figures[0], column));
        grid.row([
            line.name.clone(),
            number(line.median(RATE)),
            ratio(RATE),
            number(line.median(1)),
            number(line.median(P99)),
            ratio(P99),
            number(line.median(CPU)),
            ratio(CPU),
        ]);
    }
    grid
}

/// Runs something to its end with the time that it took.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = work.await;
    (result, start.elapsed())
}
