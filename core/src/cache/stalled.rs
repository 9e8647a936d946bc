//! Flights whose runtime is alive and stands still, as a current-thread runtime does between two `block_on`.
//!
//! A runtime that ends drops its tasks, so their flights are told. One that nobody drives does nothing at all:
//! the keeper asks the runtime of a flight that takes long for a sign of life and gives the flight up without one,
//! so that those who wait start again in their own runtime. What was done for it is dropped, with all that it held.

use std::collections::HashMap;
use std::sync::{Mutex, Weak};

use foldhash::fast::RandomState;
use tokio::runtime::Handle;

use super::cockpit::{Cockpit, Launch, Work};
use super::seat::Seat;
use super::sign::Sign;
use super::slot::Slot;
use crate::recall;
use crate::sync::lock;

/// After how many steps of the keeper a task takes over what a reader flies, which costs little: 100 ms at least.
const SOLO: u32 = 3;

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
    cockpit: Weak<Cockpit<Runway>>,
    /// How many steps of the keeper it is under way.
    steps: u32,
    sign: Sign,
}

/// The runtime of a flight, and the seat from which it is taken back where nobody drives that.
pub(super) struct Runway {
    pub(super) runtime: Handle,
    pub(super) seat: Weak<Seat>,
}

impl Launch for Runway {
    fn launch(&self, work: Work) {
        let (task, recall) = recall::of(work);
        if let Some(seat) = self.seat.upgrade() {
            seat.keep(recall, self.runtime.clone());
        }
        drop(self.runtime.spawn(task));
    }

    fn within<T>(&self, step: impl FnOnce() -> T) -> T {
        let _inside = self.runtime.enter();
        step()
    }
}

impl Departures {
    pub(super) fn add(&self, slot: &Slot, seat: Weak<Seat>, cockpit: Weak<Cockpit<Runway>>, runtime: Handle) {
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
        given_up.iter().for_each(|seat| seat.give_up());
        // All of them are told before any of the work is dropped, with a place in the vault's window, for one.
        given_up.iter().for_each(|seat| seat.recall());
        drop(looked_at);
    }
}
