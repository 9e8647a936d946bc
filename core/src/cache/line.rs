//! The background work of one vault: a few things at a time, in the order in which they fell due, behind readers who
//! wait, and with a budget for what failed before.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::Mount;
use super::clock::Tick;
use super::slot::Slot;
use crate::sync::lock;

/// How much background work of one vault is under way at the same time, so that readers who wait find room.
const AT_ONCE: usize = 4;

/// The same while readers wait for that vault. Never less: a vault that somebody always waits for is rotated too.
const BEHIND_READERS: usize = 1;

/// How many retries a vault has at most, and how many more a second it gets while none succeeds.
const RETRIES: (f64, f64) = (10.0, 0.5);

/// What a refresh earns for later retries where it succeeds: a tenth of one, so that retries are at most a tenth of
/// all. One that was a retry itself gets back what it took.
const EARNED: f64 = 0.1;

/// Something that is due for a vault.
pub(super) struct Work {
    /// When it fell due. What is scheduled for another moment by now is out of date.
    pub(super) due: Tick,
    pub(super) what: What,
}

pub(super) enum What {
    /// Read one document.
    Read(Weak<Slot>),
    /// Ask for the versions of several, which are in one folder.
    Poll(Vec<Weak<Slot>>),
}

/// What is due for one vault, and how much of it is under way.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// How many reads that readers wait for are under way.
    readers: AtomicUsize,
    /// Whether no more retries can be earned, so that most who succeed need not lock.
    is_rich: AtomicBool,
}

struct State {
    waiting: VecDeque<Work>,
    under_way: usize,
    retries: f64,
    /// When `retries` was last reckoned.
    reckoned: Tick,
}

impl Default for State {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: 0, retries: RETRIES.0, reckoned: Tick::PAST }
    }
}

impl Line {
    pub(super) fn push(&self, work: Work) {
        lock(&self.state).waiting.push_back(work);
    }

    /// Everything that waits, out of the line.
    pub(super) fn drain(&self) -> Vec<Work> {
        lock(&self.state).waiting.drain(..).collect()
    }

    /// Whether another retry may be made now, which takes it.
    pub(super) fn may_retry(&self, now: Tick) -> bool {
        let mut state = lock(&self.state);
        let earned = now.since(state.reckoned).as_secs_f64() * RETRIES.1;
        state.reckoned = now;
        state.retries = (state.retries + earned).min(RETRIES.0);
        let may = state.retries >= 1.0;
        if may {
            state.retries -= 1.0;
            self.is_rich.store(false, Ordering::Relaxed);
        }
        may
    }

    /// A refresh has succeeded.
    pub(super) fn succeeded(&self, was_a_retry: bool) {
        if self.is_rich.load(Ordering::Relaxed) {
            return;
        }
        let mut state = lock(&self.state);
        let earned = if was_a_retry { 1.0 + EARNED } else { EARNED };
        state.retries = (state.retries + earned).min(RETRIES.0);
        self.is_rich.store(state.retries >= RETRIES.0, Ordering::Relaxed);
    }

    /// When what may not be retried now is looked at again.
    pub(super) fn patience() -> Duration {
        Duration::from_secs(1).mul_f64(1.0 + fastrand::f64())
    }

    fn take(&self) -> Option<Work> {
        let readers = self.readers.load(Ordering::Relaxed);
        let room = if readers > 0 { BEHIND_READERS } else { AT_ONCE };
        let mut state = lock(&self.state);
        if state.under_way >= room {
            return None;
        }
        let work = state.waiting.pop_front()?;
        state.under_way += 1;
        Some(work)
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("waiting", &lock(&self.state).waiting.len()).finish_non_exhaustive()
    }
}

/// One of the things of a vault that may be under way in the background.
pub(crate) struct Turn(Arc<Mount>);

impl Turn {
    /// The next thing in line, if there is room for it.
    pub(super) fn next(mount: &Arc<Mount>) -> Option<(Work, Self)> {
        mount.line.take().map(|work| (work, Self(mount.clone())))
    }

    pub(super) fn mount(&self) -> &Arc<Mount> {
        &self.0
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0.line.state).under_way -= 1;
    }
}

/// A read that readers wait for, which background work lets go first.
pub(crate) struct InFront(Arc<Slot>);

impl InFront {
    pub(super) fn new(slot: &Arc<Slot>) -> Self {
        slot.mount.line.readers.fetch_add(1, Ordering::Relaxed);
        Self(slot.clone())
    }
}

impl Drop for InFront {
    fn drop(&mut self) {
        self.0.mount.line.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
