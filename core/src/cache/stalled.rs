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
use super::slot::State;
use crate::sync::lock;

/// How long a flight may take before its runtime is asked.
const LONG: Duration = Duration::from_secs(1);

/// How long a runtime may take to answer. One that is merely busy answers sooner.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the pilot of a flight sits, unless it has landed or was given up.
pub(super) struct Seat(Mutex<Option<Pilot<State, Pinned>>>);

impl Seat {
    pub(super) fn new(pilot: Pilot<State, Pinned>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(pilot))))
    }

    pub(super) fn take(&self) -> Option<Pilot<State, Pinned>> {
        lock(&self.0).take()
    }

    fn is_empty(&self) -> bool {
        lock(&self.0).is_none()
    }
}

/// The flights that are under way.
#[derive(Default)]
pub(super) struct Departures(Mutex<Vec<Departure>>);

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
        lock(&self.0).push(departure);
    }

    /// Gives up the flights of runtimes that stand still. Called at every step of the keeper.
    pub(super) fn look_after(&self, now: Tick) {
        let mut given_up = Vec::new();
        lock(&self.0).retain_mut(|departure| {
            let Some(seat) = departure.seat.upgrade().filter(|seat| !seat.is_empty()) else { return false };
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
        given_up.iter().for_each(|seat| drop(seat.take()));
    }
}
