//! Where a flight's pilot sits while it flies, and what becomes of the flight if whoever reads vanishes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};

use super::flight::Pilot;
use super::line::{InFront, Turn};
use super::state::State;
use super::{Cache, Pinned, Tick};
use crate::sync::lock;
use crate::{Error, ErrorKind, Recall};

/// Where the pilot of a flight sits, unless it has landed or was given up. The one who reads has the only share that
/// lasts: if a runtime drops that, the flight is lost, and due again a moment later.
pub(super) struct Seat {
    pilot: Mutex<Option<Pilot<State, Pinned>>>,
    /// Its turn in the line of its vault, unless readers wait for it.
    turn: Mutex<Option<Turn>>,
    then: Mutex<Option<Then>>,
    /// Takes the work back from its runtime, once it is a task.
    recall: Mutex<Option<Task>>,
    pub(super) cache: Weak<Cache>,
    /// Where it is flown.
    runtime: Id,
}

/// A task that can be taken back, and its runtime.
pub(super) struct Task {
    pub(super) recall: Recall,
    pub(super) runtime: Handle,
}

impl Task {
    /// Drops what the task does, as it would be dropped there. It may be a backend's, so that it may panic.
    pub(super) fn recall(self) {
        let _inside = self.runtime.enter();
        if catch_unwind(AssertUnwindSafe(|| self.recall.recall())).is_err() {
            tracing::error!("a backend panicked when its work was dropped; this is a defect in it");
        }
    }
}

/// What is to be done when a flight is over.
pub(super) enum Then {
    /// Background work need not wait for it any more.
    MakeWay(InFront),
    Run(Box<dyn FnOnce() + Send>),
}

impl Seat {
    pub(super) fn new(
        pilot: Pilot<State, Pinned>,
        then: Option<Then>,
        cache: Weak<Cache>,
        runtime: Id,
    ) -> Arc<Self> {
        let (pilot, then) = (Mutex::new(Some(pilot)), Mutex::new(then));
        Arc::new(Self { pilot, turn: Mutex::default(), then, recall: Mutex::default(), cache, runtime })
    }

    /// Has the flight keep a turn until it is over.
    pub(super) fn lend(&self, turn: Turn) {
        *lock(&self.turn) = Some(turn);
    }

    /// The turn, which the flight does not need any more.
    pub(super) fn give_back(&self) -> Option<Turn> {
        lock(&self.turn).take()
    }

    pub(super) fn take(&self) -> Option<Pilot<State, Pinned>> {
        lock(&self.pilot).take()
    }

    /// The flight is over, one way or the other.
    pub(super) fn end(&self) {
        drop(self.give_back());
        let then = lock(&self.then).take();
        match then {
            Some(Then::MakeWay(reader)) => drop(reader),
            Some(Then::Run(then)) => then(),
            None => {}
        }
    }

    /// The work has become a task.
    pub(super) fn keep(&self, recall: Recall, runtime: Handle) {
        *lock(&self.recall) = Some(Task { recall, runtime });
    }

    /// Drops the work, if it has become a task.
    pub(super) fn recall(&self) {
        let kept = lock(&self.recall).take();
        kept.into_iter().for_each(Task::recall);
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.pilot).is_none()
    }

    /// Ends the flight, since its runtime stands still.
    pub(super) fn give_up(&self) {
        if let Some(cache) = self.cache.upgrade() {
            cache.warn_of_a_standstill(self.runtime);
        }
        self.lose();
        self.end();
    }

    /// Ends the flight, if it still is one, since nobody is left who flies it.
    pub(super) fn lose(&self) {
        let Some(pilot) = self.take() else { return };
        let cache = self.cache.upgrade();
        let slot = pilot.owner().map(|slot| Arc::downgrade(slot));
        let panicked = std::thread::panicking();
        if let (false, Some(cache)) = (panicked, &cache) {
            cache.leave_host(self.runtime);
        }
        let woken = pilot.land(|state| vanish(state, panicked));
        if let (Some(cache), Some(slot)) = (cache, slot) {
            cache.departures.lose(slot);
        }
        drop(woken);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.lose();
    }
}

/// What becomes of a slot whose pilot vanished.
fn vanish(state: &mut State, panicked: bool) {
    if panicked {
        let message = "the backend panicked; this is a defect in it";
        state.fail(Error::new(ErrorKind::Internal, message), Tick::PAST, 0);
    } else {
        let message = "the runtime that read it has ended or stands still";
        state.lose(Error::new(ErrorKind::Unavailable, message).transient());
    }
}
