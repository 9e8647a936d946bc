//! What is due when: a heap in one piece of memory, since there may be many slots and few are due at the same moment.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Weak;

use super::clock::Tick;
use super::slot::Slot;

/// Slots by the moments at which they fall due. One may be in it several times; its schedule says which counts.
#[derive(Default)]
pub(super) struct Queue(BinaryHeap<Due>);

struct Due {
    at: Tick,
    slot: Weak<Slot>,
}

impl Queue {
    pub(super) fn push(&mut self, at: Tick, slot: Weak<Slot>) {
        self.0.push(Due { at, slot });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a slot is in it at a moment.
    #[cfg(test)]
    pub(super) fn holds(&self, at: Tick, slot: &Weak<Slot>) -> bool {
        self.0.iter().any(|due| due.at == at && due.slot.ptr_eq(slot))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out what falls due up to `now`, the earliest first.
    pub(super) fn take_until(&mut self, now: Tick) -> Vec<(Tick, Weak<Slot>)> {
        let mut due = Vec::new();
        while let Some(next) = self.0.peek() {
            if next.at > now {
                break;
            }
            due.extend(self.0.pop().map(|Due { at, slot }| (at, slot)));
        }
        // After a crowd has gone, its room goes too.
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(self.0.len() * 2);
        }
        due
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
