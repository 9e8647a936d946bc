//! Flights whose runtime is alive and stands still, as a current-thread runtime does between two `block_on`.
//!
//! A runtime that ends drops its tasks, so their flights are told. One that nobody drives does nothing at all:
//! the keeper asks the runtime of a flight that takes long for a sign of life and gives the flight up without one,
//! so that those who wait start again in their own runtime.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use foldhash::fast::RandomState;
use tokio::runtime::{Handle, Id};

use super::cockpit::{Cockpit, Launch, Work};
use super::flight::Pilot;
use super::line::{InFront, Turn};
use super::sign::Sign;
use super::slot::Slot;
use super::state::State;
use super::{Cache, Pinned, Tick};
use crate::sync::lock;
use crate::{Error, ErrorKind};

/// After how many steps of the keeper a task takes over what a reader flies, which costs little: 100 ms at least.
const SOLO: u32 = 3;

/// Where the pilot of a flight sits, unless it has landed or was given up. The one who reads has the only share that
/// lasts: if a runtime drops that, the flight is lost, and due again a moment later.
pub(super) struct Seat {
    pilot: Mutex<Option<Pilot<State, Pinned>>>,
    /// Its turn in the line of its vault, unless readers wait for it.
    turn: Mutex<Option<Turn>>,
    then: Mutex<Option<Then>>,
    pub(super) cache: Weak<Cache>,
    /// Where it is flown.
    runtime: Id,
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
        Arc::new(Self { pilot, turn: Mutex::default(), then, cache, runtime })
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

    fn is_empty(&self) -> bool {
        lock(&self.pilot).is_none()
    }

    /// Ends the flight, if it still is one, since nobody is left who flies it.
    fn lose(&self) {
        let Some(pilot) = self.take() else { return };
        let cache = self.cache.upgrade();
        let slot = pilot.owner().map(|slot| Arc::downgrade(slot));
        let panicked = std::thread::panicking();
        if let (false, Some(cache)) = (panicked, &cache) {
            cache.host.forget(self.runtime);
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

/// The flights that are under way, and the slots of those that were lost.
#[derive(Default)]
pub(super) struct Departures {
    under_way: Mutex<UnderWay>,
    lost: Mutex<Vec<Weak<Slot>>>,
}

#[derive(Default)]
struct UnderWay {
    /// By the address of the slot that is read.
    list: HashMap<usize, Departure, RandomState>,
    /// With how many of them those that have landed are looked for.
    crowd: usize,
}

struct Departure {
    seat: Weak<Seat>,
    /// Where its first reader flies it, unless it began as a task.
    cockpit: Weak<Cockpit<Handle>>,
    /// How many steps of the keeper it is under way.
    steps: u32,
    sign: Sign,
}

impl Launch for Handle {
    fn launch(&self, work: Work) {
        drop(self.spawn(work));
    }

    fn within<T>(&self, step: impl FnOnce() -> T) -> T {
        let _inside = self.enter();
        step()
    }
}

impl Departures {
    pub(super) fn add(&self, slot: &Slot, seat: Weak<Seat>, cockpit: Weak<Cockpit<Handle>>, runtime: Handle) {
        let departure = Departure { seat, cockpit, steps: 0, sign: Sign::of(runtime) };
        let mut under_way = lock(&self.under_way);
        if under_way.list.len() >= under_way.crowd {
            // Many come and go between two steps of the keeper.
            under_way.list.retain(|_, departure| departure.seat.strong_count() > 0);
            under_way.crowd = (2 * under_way.list.len()).max(64);
        }
        under_way.list.insert(std::ptr::from_ref(slot).addr(), departure);
    }

    /// Somebody joins the flight of a slot: it is not its first reader's alone any more.
    pub(super) fn join(&self, slot: &Slot) {
        let at = std::ptr::from_ref(slot).addr();
        let cockpit = lock(&self.under_way).list.get(&at).and_then(|departure| departure.cockpit.upgrade());
        cockpit.into_iter().for_each(|cockpit| cockpit.hand_over());
    }

    /// Notes that the flight of a slot was lost.
    pub(super) fn lose(&self, slot: Weak<Slot>) {
        lock(&self.lost).push(slot);
    }

    /// The slots whose flights were lost since the last call.
    pub(super) fn take_lost(&self) -> Vec<Weak<Slot>> {
        std::mem::take(&mut *lock(&self.lost))
    }

    /// Gives up the flights of runtimes that stand still. Called at every step of the keeper.
    pub(super) fn look_after(&self) {
        let (mut given_up, mut looked_at, mut solos) = (Vec::new(), Vec::new(), Vec::new());
        lock(&self.under_way).list.retain(|_, departure| {
            let Some(seat) = departure.seat.upgrade() else { return false };
            // This may be the last share of it by now: none is let go of under the lock.
            looked_at.push(seat.clone());
            if seat.is_empty() {
                return false;
            }
            departure.steps += 1;
            if departure.steps >= SOLO {
                solos.extend(std::mem::take(&mut departure.cockpit).upgrade());
            }
            if departure.sign.is_missing() {
                given_up.push(seat);
                return false;
            }
            true
        });
        // Whoever waits is woken by this, which may run anything.
        solos.iter().for_each(|solo| solo.hand_over());
        for seat in given_up {
            seat.lose();
            seat.end();
        }
        drop(looked_at);
    }
}
