//! How far apart two processors are: a virtual machine may have them beside each other or not, and not always the same.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::hits::keep_to_processor;

const TIMES: u32 = 50_000;

/// In how many nanoseconds a thread on one processor sees what one on another has written. On a machine with but one
/// processor they would wait for each other's turn: not a number there.
pub(crate) fn distance() -> f64 {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return f64::NAN;
    }
    let turn = AtomicU32::new(0);
    let play = |processor: usize, remainder: u32| {
        keep_to_processor(processor);
        let start = Instant::now();
        for at in (remainder..2 * TIMES).step_by(2) {
            while turn.load(Ordering::Acquire) != at {
                spin_loop();
            }
            turn.store(at + 1, Ordering::Release);
        }
        start.elapsed().as_nanos() as f64 / f64::from(2 * TIMES)
    };
    std::thread::scope(|scope| {
        scope.spawn(|| play(1, 1));
        let here = scope.spawn(|| play(0, 0));
        here.join().unwrap_or(f64::NAN)
    })
}
