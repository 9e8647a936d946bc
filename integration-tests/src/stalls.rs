//! How late this machine is: [`Stalls`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often is looked at the clock.
const TICK: Duration = Duration::from_millis(10);

/// Notes when a thread that does nothing else wakes later than it should: what a test measures meanwhile is late as well,
/// whatever it tests.
#[derive(Debug)]
pub struct Stalls {
    stopping: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(Instant, Duration)>>,
}

impl Stalls {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Self {
        let stopping = Arc::<AtomicBool>::default();
        let is_over = stopping.clone();
        let thread = thread::spawn(move || {
            let mut late = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let due = Instant::now() + TICK;
                thread::sleep(TICK);
                let now = Instant::now();
                late.push((now, now - due.min(now)));
            }
            late
        });
        Self { stopping, thread }
    }

    /// Ends the watch, and gives how late the machine was between two moments, all in all.
    ///
    /// # Panics
    /// The thread that watches has panicked.
    pub fn end(self) -> impl Fn(Instant, Instant) -> Duration {
        self.stopping.store(true, Ordering::Relaxed);
        let late = self.thread.join().expect("it does not panic");
        move |from, to| {
            late.iter()
                .filter(|(woken, late)| *woken >= from && *woken - *late <= to)
                .map(|(_, late)| *late)
                .sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_machine_is_hardly_late_and_what_is_not_watched_is_nothing() {
        let (stalls, from) = (Stalls::watch(), Instant::now());
        thread::sleep(Duration::from_millis(200));
        let late = stalls.end();
        let to = Instant::now();
        assert!(late(from, to) <= to - from);
        assert_eq!(late(to + TICK, to + TICK * 2), Duration::ZERO);
    }
}
