//! Rotation: every document that has a `ttl` is read anew before it is older than that, in the background.
//!
//! One task a registry, on the host runtime, with a queue of the moments at which documents are due. The first
//! refresh comes at a random part of the `ttl`, so that a fleet that was started at once does not ask at once;
//! later ones between 0.8 and 1.0 of it. A vault that fails is asked again after a wait that grows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Id;

use super::clock::{STEP, Tick};
use super::slot::{Slot, State};
use super::{Cache, Mount, Mounted, Pinned};
use crate::sync::lock;
use crate::{Error, Policy};

/// How many background reads of one vault are under way at the same time, so that readers who wait go first.
const AT_ONCE: usize = 4;

/// The shortest wait after a failure, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A document that nobody holds and nobody read for so many refreshes is not refreshed any more.
const IDLE: u8 = 10;

/// What is due when, and whether somebody sees to it.
#[derive(Default)]
pub(crate) struct Rotation {
    due: Mutex<BTreeMap<Tick, Vec<Weak<Slot>>>>,
    running: AtomicBool,
}

/// What a slot remembers of its refreshes.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// When it is due; entries of the queue that say otherwise are out of date.
    due: Tick,
    failures: u8,
    idle: u8,
    /// Whether it was refreshed at all yet.
    settled: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { due: Tick::NEVER, failures: 0, idle: 0, settled: false }
    }
}

impl Schedule {
    pub(crate) fn due(&self) -> Tick {
        self.due
    }

    /// When to read again after a landing.
    fn next(&mut self, now: Tick, ttl: Duration, failed: bool, used: bool) -> Tick {
        self.idle = if used { 0 } else { self.idle.saturating_add(1) };
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
        let wait = if failed {
            let grown = RETRY.0.saturating_mul(1 << self.failures.min(6));
            grown.min(RETRY.1).min(ttl).mul_f64(0.5 + fastrand::f64() / 2.0).max(RETRY.0)
        } else if std::mem::replace(&mut self.settled, true) {
            ttl.mul_f64(0.8 + fastrand::f64() * 0.2)
        } else {
            ttl.mul_f64(0.05 + fastrand::f64() * 0.95)
        };
        self.due = if self.idle > IDLE { Tick::NEVER } else { now.after(wait) };
        self.due
    }
}

impl Slot {
    /// The smallest ttl that a reference to this document asks for.
    fn shortest_ttl(&self, state: &State, policy: &Policy) -> Option<Duration> {
        self.cells(state).filter_map(|cell| cell.ask.ttl(policy)).min()
    }
}

impl Cache {
    /// After a landing: notes when the slot is due again.
    pub(super) fn reschedule(&self, slot: &Pinned, mounted: &Mounted) {
        let now = self.clock.now();
        // The one who landed holds it too.
        let held = slot.pins.load(Ordering::Relaxed) > 1;
        let due = slot.flights.with(|state| {
            let ttl = slot.shortest_ttl(state, &mounted.vault.policy)?;
            // Every cell is asked, so that every mark is taken away.
            let used = slot.cells(state).filter(|cell| cell.was_used()).count() > 0;
            let failed = state.has_failed();
            Some(state.schedule().next(now, ttl, failed, used || held)).filter(|due| *due != Tick::NEVER)
        });
        self.enqueue(slot, due);
    }

    /// After another reference has asked for the document: it may want it younger.
    pub(super) fn hasten(&self, slot: &Pinned, mounted: &Mounted) {
        let due = slot.flights.with(|state| {
            if state.has_failed() {
                // It is overdue, and when it is tried again does not depend on how many ask for it.
                return None;
            }
            let latest = state.fetched()?.after(slot.shortest_ttl(state, &mounted.vault.policy)?);
            let schedule = state.schedule();
            (latest < schedule.due).then(|| {
                schedule.due = latest;
                latest
            })
        });
        self.enqueue(slot, due);
    }

    fn enqueue(&self, slot: &Pinned, due: Option<Tick>) {
        if let Some(due) = due {
            lock(&self.rotation.due).entry(due).or_default().push(Arc::downgrade(slot));
            // Where there is no runtime, whoever waits for a change says so.
            let _ = self.keep_rotating();
        }
    }

    /// Sees to it that somebody sees to what is due.
    ///
    /// # Errors
    ///
    /// There is something to do and no runtime to do it on.
    pub(crate) fn keep_rotating(&self) -> Result<(), Error> {
        if lock(&self.rotation.due).is_empty() || self.rotation.running.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let cache = self.me.clone();
        let started = self.host.spawn(|id| {
            let watch = Watch { cache: cache.clone(), id };
            async move {
                rotate(&cache, id).await;
                drop(watch);
            }
        });
        if started.is_err() {
            self.rotation.running.store(false, Ordering::Release);
        }
        started
    }

    /// Starts to read what is due; what has to wait for its turn is due again a moment later.
    fn refresh_due(&self) {
        let now = self.clock.advance();
        let due = {
            let mut queue = lock(&self.rotation.due);
            let later = queue.split_off(&now.after(STEP));
            std::mem::replace(&mut *queue, later)
        };
        for (tick, slots) in due {
            for slot in slots {
                let Some(slot) = slot.upgrade().and_then(|slot| self.table.pin_listed(&slot)) else {
                    continue;
                };
                if slot.flights.with(|state| state.schedule().due != tick) {
                    continue;
                }
                if slot.mount.background.load(Ordering::Relaxed) < AT_ONCE {
                    let turn = Turn::new(&slot.mount);
                    // Without a runtime there is no reading; the task that runs this is on one.
                    let _ = self.start_reading_in_the_background(&slot, turn);
                } else {
                    let again = now.after(STEP * 2);
                    slot.flights.with(|state| state.schedule().due = again);
                    lock(&self.rotation.due).entry(again).or_default().push(Arc::downgrade(&slot));
                }
            }
        }
    }
}

/// One of the background reads that a vault may have at a time.
pub(crate) struct Turn(Arc<Mount>);

impl Turn {
    fn new(mount: &Arc<Mount>) -> Self {
        mount.background.fetch_add(1, Ordering::Relaxed);
        Self(mount.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.background.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the background reads of a vault.
pub(crate) type Background = AtomicUsize;

async fn rotate(cache: &Weak<Cache>, id: Id) {
    loop {
        // A floor on the period: however much is due, whatever fails.
        tokio::time::sleep(STEP).await;
        let Some(cache) = cache.upgrade() else { return };
        // Another runtime hosts the registry now, or there is nothing to do.
        if cache.host.id() != Some(id) || lock(&cache.rotation.due).is_empty() {
            return;
        }
        cache.refresh_due();
    }
}

/// Notes when the rotation ends, by itself or with its runtime.
struct Watch {
    cache: Weak<Cache>,
    id: Id,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(cache) = self.cache.upgrade() else { return };
        cache.rotation.running.store(false, Ordering::Release);
        if lock(&cache.rotation.due).is_empty() {
            return;
        }
        if cache.host.id() == Some(self.id) {
            cache.host.forget(self.id);
        } else if cache.keep_rotating().is_ok() {
            return;
        }
        // Those who wait for a change look after the rotation on their own runtime, or say that there is none.
        for slot in cache.all() {
            drop(slot.flights.announce(|_| ()));
        }
    }
}
