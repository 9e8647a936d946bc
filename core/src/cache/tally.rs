//! How many reads found a value in memory: each thread counts its own, in memory that no other thread writes, and the
//! keeper adds them up. Without the feature `metrics` nobody counts.

#[cfg(feature = "metrics")]
use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    sync::{Arc, Mutex},
};

#[cfg(feature = "metrics")]
use crate::sync::lock;

/// The hits of a registry.
#[cfg(not(feature = "metrics"))]
#[derive(Debug, Default)]
pub(crate) struct Tally(());

/// The hits of a registry.
#[cfg(feature = "metrics")]
#[derive(Debug)]
pub(crate) struct Tally {
    /// Never used again, as an address may be.
    id: u64,
    threads: Mutex<Vec<Reported>>,
    steps: AtomicUsize,
}

#[cfg(feature = "metrics")]
impl Default for Tally {
    fn default() -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            threads: Mutex::default(),
            steps: AtomicUsize::new(0),
        }
    }
}

/// What one thread has counted. On a cache line of its own, so that counting slows nobody else down.
#[cfg(feature = "metrics")]
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count {
    fresh: AtomicU64,
    stale: AtomicU64,
}

#[cfg(feature = "metrics")]
#[derive(Debug)]
struct Reported {
    count: Arc<Count>,
    fresh: u64,
    stale: u64,
}

#[cfg(feature = "metrics")]
thread_local! {
    /// Where this thread counts, for the registry that it read last.
    static MINE: RefCell<Option<(u64, Arc<Count>)>> = const { RefCell::new(None) };
}

#[cfg(not(feature = "metrics"))]
impl Tally {
    /// Counts a read.
    #[inline]
    pub(crate) fn hit(&self, _: bool) {}
}

#[cfg(feature = "metrics")]
impl Tally {
    /// Counts a read that found a value, fresh or stale.
    #[inline]
    pub(crate) fn hit(&self, is_fresh: bool) {
        // A thread that is ending does not count.
        let _ = MINE.try_with(|mine| {
            let Ok(mut mine) = mine.try_borrow_mut() else { return };
            let (_, count) = match mine.as_mut() {
                Some(mine) if mine.0 == self.id => mine,
                _ => mine.insert((self.id, self.join())),
            };
            let count = if is_fresh { &count.fresh } else { &count.stale };
            // Nobody else writes it.
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        });
    }

    #[cold]
    fn join(&self) -> Arc<Count> {
        let count = Arc::<Count>::default();
        lock(&self.threads).push(Reported { count: count.clone(), fresh: 0, stale: 0 });
        count
    }

    /// Whether it is time for something that is done once in so many steps of the keeper.
    pub(crate) fn is_time(&self, every: usize) -> bool {
        self.steps.fetch_add(1, Ordering::Relaxed) % every == 0
    }

    /// What was counted since the last time, fresh and stale. Threads that have ended are forgotten.
    pub(crate) fn take(&self) -> (u64, u64) {
        let (mut fresh, mut stale) = (0, 0);
        lock(&self.threads).retain_mut(|thread| {
            // Looked at before the figures, so that none are lost that were counted before the end.
            let has_ended = Arc::strong_count(&thread.count) == 1;
            let now =
                (thread.count.fresh.load(Ordering::Relaxed), thread.count.stale.load(Ordering::Relaxed));
            fresh += now.0.wrapping_sub(thread.fresh);
            stale += now.1.wrapping_sub(thread.stale);
            (thread.fresh, thread.stale) = now;
            !has_ended
        });
        (fresh, stale)
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use super::*;

    #[test]
    fn every_thread_counts_and_none_is_lost_or_counted_twice() {
        let tally = Arc::new(Tally::default());
        let counting: Vec<_> = (0..4)
            .map(|thread| {
                let tally = tally.clone();
                std::thread::spawn(move || (0..1000).for_each(|at| tally.hit(at % 10 != thread)))
            })
            .collect();
        tally.hit(true);
        let early = tally.take();
        counting.into_iter().for_each(|thread| thread.join().unwrap());
        let late = tally.take();
        assert_eq!((early.0 + late.0, early.1 + late.1), (3601, 400));
        assert_eq!(tally.take(), (0, 0));
        assert_eq!(lock(&tally.threads).len(), 1, "those that have ended are forgotten");
        // Another registry's reads are its own.
        let other = Tally::default();
        other.hit(false);
        tally.hit(true);
        assert_eq!((tally.take(), other.take()), ((1, 0), (0, 1)));
    }
}
