//! Reads from memory by one thread and by two, timed as a whole.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use crate::report::{Grid, number};
use crate::rounds::{Contender, Figures, Plan};

/// The sizes that are tried.
pub(crate) fn sizes(plan: &Plan) -> &'static [usize] {
    if plan.quick { &[1, 1_000] } else { &[1, 1_000, 100_000] }
}

/// How a size is called.
pub(crate) fn sized(count: usize) -> String {
    match count {
        1 => "1 entry".into(),
        _ => format!("{},{:03} entries", count / 1000, count % 1000),
    }
}

pub(crate) fn reads(plan: &Plan) -> usize {
    plan.count(400_000)
}

/// Nanoseconds a read as each of one thread sees it, and as each of two does. `make` gives the reader of one thread,
/// which reads the entry at a place.
pub(crate) fn contender<'a, M, R>(name: &str, order: &'a [u32], make: M) -> Contender<'a, 2>
where
    M: Fn() -> R + Sync + 'a,
    R: FnMut(usize) -> u8,
{
    Contender::new(name, move || [nanoseconds(&make, order, 1), nanoseconds(&make, order, 2)])
}

fn nanoseconds<R: FnMut(usize) -> u8>(make: &(impl Fn() -> R + Sync), order: &[u32], threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let thread = &|number| {
        keep_to_processor(number);
        // A call that the compiler does not see through, so that nothing is read ahead of it or left out.
        let mut read: Box<dyn FnMut(usize) -> u8 + '_> = black_box(Box::new(make()));
        let mut sum = 0;
        order.iter().take(order.len() / 20).for_each(|at| sum ^= read(*at as usize));
        barrier.wait();
        let start = Instant::now();
        order.iter().for_each(|at| sum ^= read(*at as usize));
        black_box(sum);
        start.elapsed().as_secs_f64() * 1e9 / order.len() as f64
    };
    let times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|number| scope.spawn(move || thread(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    times.iter().sum::<f64>() / times.len() as f64
}

/// Keeps this thread to the processor of that number, of those that the process may use. Two threads that set out at the
/// same moment are often put on one, and one of them waits there for the other.
#[cfg(target_os = "linux")]
pub(crate) fn keep_to_processor(number: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let all = sched_getaffinity(None).unwrap();
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|processor| all.is_set(*processor)).collect();
    let mut one = CpuSet::new();
    one.set(usable[number % usable.len()]);
    sched_setaffinity(None, &one).unwrap();
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn keep_to_processor(_: usize) {}

/// The figures, with ratios to the first line.
pub(crate) fn grid(title: &str, figures: &[Figures<2>]) -> Grid {
    let mut grid = Grid::new([title, "ns, 1 thread", "ratio", "ns, 2 threads", "ratio"]);
    for line in figures {
        let ratio = |threads| number(line.ratio(threads, &figures[0], threads));
        grid.row([line.name.clone(), number(line.median(0)), ratio(0), number(line.median(1)), ratio(1)]);
    }
    grid
}
