//! What is due when: a heap in one piece of memory, since there may be many slots and few are due at the same moment.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Weak;

use super::clock::Tick;
use super::slot::Slot;

/// Slots by the moments at which they fall due. One may be in it several times; its schedule says which counts.
#[derive(Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Due>,
    /// With how many of them those are looked for that do not count any more.
    crowd: usize,
    /// Whether that is being done, with all of them somewhere else.
    is_away: bool,
}

/// So few are never too many.
const FEW: usize = 1024;

pub(super) struct Due {
    at: Tick,
    slot: Weak<Slot>,
}

impl Queue {
    pub(super) fn push(&mut self, at: Tick, slot: Weak<Slot>) {
        self.heap.push(Due { at, slot });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether a slot is in it at a moment.
    #[cfg(test)]
    pub(super) fn holds(&self, at: Tick, slot: &Weak<Slot>) -> bool {
        self.heap.iter().any(|due| due.at == at && due.slot.ptr_eq(slot))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty() && !self.is_away
    }

    /// Takes out what falls due up to `now`, the earliest first.
    pub(super) fn take_until(&mut self, now: Tick) -> Vec<(Tick, Weak<Slot>)> {
        let mut due = Vec::new();
        while let Some(next) = self.heap.peek() {
            if next.at > now {
                break;
            }
            due.extend(self.heap.pop().map(|Due { at, slot }| (at, slot)));
        }
        // After a crowd has gone, its room goes too.
        if self.heap.capacity() > 64 && self.heap.len() < self.heap.capacity() / 4 {
            self.heap.shrink_to(self.heap.len() * 2);
        }
        due
    }

    /// All of them, to be looked through and put back, where so many have come since the last time that it is worth it:
    /// what is evicted, or due at another moment by now, would stay until its own.
    pub(super) fn take_a_crowd(&mut self) -> Option<Vec<Due>> {
        if self.heap.len() < self.crowd.max(FEW) {
            return None;
        }
        self.is_away = true;
        Some(std::mem::take(&mut self.heap).into_vec())
    }

    pub(super) fn put_back(&mut self, counting: Vec<Due>) {
        let mut counting = BinaryHeap::from(counting);
        counting.append(&mut self.heap);
        self.crowd = 2 * counting.len();
        counting.shrink_to(self.crowd);
        self.heap = counting;
        self.is_away = false;
    }
}

impl Due {
    /// Whether its slot is there and due at this moment.
    pub(super) fn counts(&self) -> bool {
        let slot = self.slot.upgrade();
        slot.is_some_and(|slot| slot.flights.with(|state| state.schedule().is_due_at(self.at)))
    }
}

/// The earliest is the greatest, as a heap wants it.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Due {}
