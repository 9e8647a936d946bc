//! A fleet in virtual time: how many requests a second many programs make that were started at once, by the very
//! schedule that rotation runs on.

use std::time::Duration;

use strongroom_core::schedule;

/// Programs that were all started within a few seconds and hold the same secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) programs: usize,
    /// How many questions keep one program's secrets fresh: its secrets, or with version polling its folders.
    pub(crate) questions: usize,
    pub(crate) ttl: Duration,
    /// Within what time they were started.
    pub(crate) start: Duration,
    /// For how long they are watched.
    pub(crate) watched: Duration,
}

/// The requests that refresh what is held; those that first read it are not counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// In the worst second.
    pub(crate) peak: usize,
    /// In the worst second of the last quarter.
    pub(crate) late_peak: usize,
    /// In the mean second after one ttl.
    pub(crate) mean: f64,
}

/// When a question is asked for the first time, and when again.
pub(crate) type Waits = (fn(Duration) -> Duration, fn(Duration) -> Duration);

/// What rotation does.
pub(crate) const SCATTERED: Waits = (schedule::first, schedule::later);

impl Fleet {
    /// The load that the fleet makes. `seed` fixes the dice.
    pub(crate) fn load(self, (first, later): Waits, seed: u64) -> Load {
        fastrand::seed(seed);
        let seconds = self.watched.as_secs() as usize;
        let mut counts = vec![0_usize; seconds];
        for _ in 0..self.programs {
            let start = self.start.mul_f64(fastrand::f64());
            for _ in 0..self.questions {
                let mut at = start + first(self.ttl);
                while let Some(count) = counts.get_mut(at.as_secs() as usize) {
                    *count += 1;
                    at += later(self.ttl);
                }
            }
        }
        let peak = |counts: &[usize]| counts.iter().copied().max().unwrap_or_default();
        let settled = &counts[(self.ttl.as_secs() as usize).min(seconds)..];
        Load {
            peak: peak(&counts),
            late_peak: peak(&counts[seconds - seconds / 4..]),
            mean: settled.iter().sum::<usize>() as f64 / settled.len().max(1) as f64,
        }
    }
}
