//! Flights whose runtime is alive and stands still, as a current-thread runtime does between two `block_on`.
//!
//! A runtime that ends drops its tasks, so their flights are told. One that nobody drives does nothing at all:
//! the keeper asks the runtime of a flight that takes long for a sign of life and gives the flight up without one,
//! so that those who wait start again in their own runtime.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::Pinned;
use super::clock::Tick;
use super::flight::Pilot;
use super::slot::{Slot, State};
use crate::sync::lock;

/// How long a flight may take before its runtime is asked.
const LONG: Duration = Duration::from_secs(1);

/// How long a runtime may take to answer. One that is merely busy answers sooner.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the pilot of a flight sits, unless it has landed or was given up.
pub(super) struct Seat {
    pilot: Mutex<Option<Pilot<State, Pinned>>>,
    then: Mutex<Option<Then>>,
}

/// What is to be done when a flight is over.
pub(super) type Then = Box<dyn FnOnce() + Send>;

impl Seat {
    pub(super) fn new(pilot: Pilot<State, Pinned>, then: Option<Then>) -> Arc<Self> {
        Arc::new(Self { pilot: Mutex::new(Some(pilot)), then: Mutex::new(then) })
    }

    pub(super) fn take(&self) -> Option<Pilot<State, Pinned>> {
        lock(&self.pilot).take()
    }

    /// The flight is over, one way or the other.
    pub(super) fn end(&self) {
        let then = lock(&self.then).take();
        then.into_iter().for_each(|then| then());
    }

    fn is_empty(&self) -> bool {
        lock(&self.pilot).is_none()
    }
}

/// The flights that are under way, and the slots of those that were lost.
#[derive(Default)]
pub(super) struct Departures {
    under_way: Mutex<UnderWay>,
    lost: Mutex<Vec<Weak<Slot>>>,
}

#[derive(Default)]
struct UnderWay {
    list: Vec<Departure>,
    /// With how many of them those that have landed are looked for.
    crowd: usize,
}

struct Departure {
    seat: Weak<Seat>,
    runtime: Handle,
    /// Since when nothing was heard of its runtime.
    since: Tick,
    /// The sign of life that it was asked for.
    sign: Option<Arc<AtomicBool>>,
}

impl Departures {
    pub(super) fn add(&self, seat: &Arc<Seat>, runtime: &Handle, now: Tick) {
        let departure =
            Departure { seat: Arc::downgrade(seat), runtime: runtime.clone(), since: now, sign: None };
        let mut under_way = lock(&self.under_way);
        if under_way.list.len() >= under_way.crowd {
            // Many come and go between two steps of the keeper.
            under_way.list.retain(|departure| departure.seat.strong_count() > 0);
            under_way.crowd = (2 * under_way.list.len()).max(64);
        }
        under_way.list.push(departure);
    }

    /// Notes that the flight of a slot was lost. Called under the slot's lock.
    pub(super) fn lose(&self, slot: Weak<Slot>) {
        lock(&self.lost).push(slot);
    }

    /// The slots whose flights were lost since the last call.
    pub(super) fn take_lost(&self) -> Vec<Weak<Slot>> {
        std::mem::take(&mut *lock(&self.lost))
    }

    /// Gives up the flights of runtimes that stand still. Called at every step of the keeper.
    pub(super) fn look_after(&self, now: Tick) {
        let (mut given_up, mut looked_at) = (Vec::new(), Vec::new());
        lock(&self.under_way).list.retain_mut(|departure| {
            let Some(seat) = departure.seat.upgrade() else { return false };
            // This may be the last share of it by now: none is let go of under the lock.
            looked_at.push(seat.clone());
            if seat.is_empty() {
                return false;
            }
            let waited = now.since(departure.since);
            match &departure.sign {
                None if waited >= LONG => {
                    let sign = Arc::new(AtomicBool::new(false));
                    departure.sign = Some(sign.clone());
                    departure.since = now;
                    departure.runtime.spawn(async move { sign.store(true, Ordering::Relaxed) });
                }
                Some(sign) if sign.load(Ordering::Relaxed) => {
                    departure.sign = None;
                    departure.since = now;
                }
                Some(_) if waited >= PATIENCE => {
                    given_up.push(seat);
                    return false;
                }
                _ => {}
            }
            true
        });
        // Whoever waits is woken by this, which may run anything.
        for seat in given_up {
            drop(seat.take());
            seat.end();
        }
        drop(looked_at);
    }
}
