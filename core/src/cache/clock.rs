//! A coarse clock: time in steps of 50 ms, read for the price of a load.

use std::time::{Duration, Instant, SystemTime};

use crate::sync::{AtomicU32, Ordering};

/// How far apart ticks are. Deadlines are kept to this precision, always on the early side.
pub(crate) const STEP: Duration = Duration::from_millis(50);

/// A moment, in steps since the clock was made. Enough for 6.8 years; later moments are [`NEVER`](Self::NEVER).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u32);

impl Tick {
    /// Before all time: whatever ends here has ended.
    pub(crate) const PAST: Self = Self(0);
    /// Before all time too: the deadline of a value whose successor is being put in its place.
    pub(crate) const MOVED: Self = Self(1);
    /// After all time.
    pub(crate) const NEVER: Self = Self(u32::MAX);

    /// The tick that is `wait` later, rounded down.
    pub(crate) fn after(self, wait: Duration) -> Self {
        let steps = u32::try_from(wait.as_millis() / STEP.as_millis()).unwrap_or(u32::MAX);
        Self(self.0.saturating_add(steps))
    }

    /// How long after `earlier` this is, at least zero.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        STEP * self.0.saturating_sub(earlier.0)
    }
}

/// What a clock shows when it starts.
const FIRST: Tick = Tick(2);

/// A tick that its writer moves while others read it.
#[derive(Debug)]
pub(crate) struct AtomicTick(AtomicU32);

impl AtomicTick {
    pub(crate) fn new(tick: Tick) -> Self {
        Self(AtomicU32::new(tick.0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Tick {
        Tick(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn store(&self, tick: Tick) {
        self.0.store(tick.0, Ordering::Relaxed);
    }
}

/// The present tick, moved forward by whoever owns the clock. Monotonic: the wall clock may jump.
#[derive(Debug)]
pub(crate) struct Clock {
    now: AtomicTick,
    start: Start,
}

#[derive(Debug)]
enum Start {
    Machine(Instant),
    /// The runtime's time, which tests pause.
    #[cfg(test)]
    Runtime(tokio::time::Instant),
}

impl Clock {
    /// A clock that starts now, at the first tick after those that are past.
    pub(crate) fn new() -> Self {
        Self { now: AtomicTick::new(FIRST), start: Start::Machine(Instant::now()) }
    }

    #[cfg(test)]
    pub(crate) fn of_the_runtime() -> Self {
        Self { now: AtomicTick::new(FIRST), start: Start::Runtime(tokio::time::Instant::now()) }
    }

    #[cfg(test)]
    pub(crate) fn is_of_the_runtime(&self) -> bool {
        matches!(self.start, Start::Runtime(_))
    }

    /// The tick as it was last moved: behind by a step at most while somebody moves it.
    #[inline]
    pub(crate) fn now(&self) -> Tick {
        self.now.load()
    }

    /// Moves the clock to the present and says what it shows.
    pub(crate) fn advance(&self) -> Tick {
        let elapsed = match &self.start {
            Start::Machine(start) => start.elapsed(),
            #[cfg(test)]
            Start::Runtime(start) => start.elapsed(),
        };
        let now = FIRST.after(elapsed);
        // Written once a step, however many reads ask: every hit looks at it.
        if self.now() < now {
            // Two may advance it at once: the later time stands, so it never runs backwards.
            self.now.0.fetch_max(now.0, Ordering::Relaxed);
        }
        now
    }

    /// When, by this clock, a moment of the wall clock comes.
    pub(crate) fn at(&self, moment: SystemTime) -> Tick {
        match moment.duration_since(SystemTime::now()) {
            Ok(wait) => self.advance().after(wait),
            Err(_) => Tick::PAST,
        }
    }
}
