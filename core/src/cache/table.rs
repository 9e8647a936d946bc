//! All slots by what they hold, within bounds.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::ask::Ask;
use super::blocks::Blocks;
use super::clock::Tick;
use super::flight::Flights;
use super::mount::Mount;
use super::slot::Slot;
use super::state::State;
use super::subject::Subject;
use crate::ReadRequest;
use crate::sync::lock;

/// How much a registry may hold of what no handle holds.
///
/// What a [`Live`](crate::Live) handle holds is never dropped and counts. What is over the bounds is dropped the
/// next time something is added, first what was not read since the last time. Where handles hold nearly all that may
/// be, or more, that is done once a second at most, unless much was added meanwhile: an eighth of the bounds, or a
/// sixteenth of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// How many documents, at least 1. Default 10,000.
    pub entries: usize,
    /// How many bytes they may take, approximately; and how many the texts of references that are looked up may have, 1 MiB
    /// at least. Default 64 MiB.
    pub bytes: usize,
    /// How many misses are remembered, at least 1. Default 1,000.
    pub misses: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 64 << 20, misses: 1_000 }
    }
}

/// How soon the table is looked through again, though little was added since handles were found to hold nearly all.
const AGAIN: Duration = Duration::from_secs(1);

/// A slot that stays while this lives.
pub(crate) struct Pinned(Arc<Slot>);

impl Pinned {
    /// Whether a handle or a waiting reader holds it besides.
    pub(super) fn is_held_by_others(&self) -> bool {
        self.0.pins.load(Ordering::Relaxed) > 1
    }
}

impl Clone for Pinned {
    fn clone(&self) -> Self {
        self.0.pins.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::Release);
    }
}

impl AsRef<Flights<State>> for Pinned {
    fn as_ref(&self) -> &Flights<State> {
        &self.0.flights
    }
}

impl Deref for Pinned {
    type Target = Arc<Slot>;

    fn deref(&self) -> &Arc<Slot> {
        &self.0
    }
}

/// All slots of a registry.
pub(crate) struct Table {
    slots: Mutex<Slots>,
    hasher: RandomState,
    limits: CacheLimits,
    /// About how many bytes all slots take.
    weight: AtomicUsize,
}

#[derive(Default)]
struct Slots {
    table: HashTable<Arc<Slot>>,
    /// Those that landed without a document, the oldest first; they may have one meanwhile.
    misses: VecDeque<Weak<Slot>>,
    looked: Looked,
}

/// When the table was last looked through for what may go, and how much of it would be worth another look.
struct Looked {
    at: Tick,
    entries: usize,
    bytes: usize,
    #[cfg(test)]
    times: usize,
}

impl Default for Looked {
    fn default() -> Self {
        Self {
            at: Tick::PAST,
            entries: 0,
            bytes: 0,
            #[cfg(test)]
            times: 0,
        }
    }
}

impl Table {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self {
            slots: Mutex::default(),
            hasher: RandomState::default(),
            limits: CacheLimits { entries: limits.entries.max(1), misses: limits.misses.max(1), ..limits },
            weight: AtomicUsize::new(0),
        }
    }

    /// The slot for a request to a mount, made for `ask` if there is none. What has to go for it is given back, to be ended
    /// outside the lock.
    pub(crate) fn pin(
        &self,
        mount: &Arc<Mount>,
        request: ReadRequest,
        ask: &Arc<Ask>,
        now: Tick,
        blocks: &Blocks,
    ) -> (Pinned, Vec<Arc<Slot>>) {
        let subject = Subject::from(request);
        let hash = self.hash(mount, &subject);
        let mut slots = lock(&self.slots);
        let found = slots
            .table
            .find(hash, |slot| Arc::ptr_eq(&slot.mount, mount) && slot.subject == subject)
            .cloned();
        if let Some(slot) = found {
            slot.pins.fetch_add(1, Ordering::Relaxed);
            return (Pinned(slot), Vec::new());
        }
        let evicted = self.make_room(&mut slots, now);
        let slot = Arc::new(Slot::new(mount.clone(), subject, ask.clone(), blocks));
        slot.pins.fetch_add(1, Ordering::Relaxed);
        slots.table.insert_unique(hash, slot.clone(), |slot| self.hash(&slot.mount, &slot.subject));
        (Pinned(slot), evicted)
    }

    /// Notes that a slot's weight may have changed.
    pub(crate) fn weigh(&self, slot: &Slot) {
        if let Some((before, now)) = slot.flights.with(|state| state.weigh(slot)) {
            // Modulo its size, so that one step will do.
            self.weight.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    /// What has to go since what there is has grown too heavy; to be ended outside the lock.
    pub(crate) fn relieve(&self, now: Tick) -> Vec<Arc<Slot>> {
        if self.weight.load(Ordering::Relaxed) <= self.limits.bytes {
            return Vec::new();
        }
        self.make_room(&mut lock(&self.slots), now)
    }

    /// Notes that a slot landed without a document. Those that are too many are given back, to be ended.
    pub(crate) fn note_miss(&self, slot: &Arc<Slot>) -> Vec<Arc<Slot>> {
        let mut slots = lock(&self.slots);
        slots.misses.push_back(Arc::downgrade(slot));
        let mut evicted = Vec::new();
        while slots.misses.len() > self.limits.misses {
            let oldest = slots.misses.pop_front().and_then(|oldest| oldest.upgrade());
            let Some(oldest) = oldest else { continue };
            if !oldest.is_pinned() && oldest.flights.with(|state| state.document().is_none()) {
                self.remove(&mut slots.table, &oldest);
                evicted.push(oldest);
            }
        }
        evicted
    }

    /// Takes out those slots of a mount for which `chosen` says so.
    pub(crate) fn take(&self, chosen: impl Fn(&Slot) -> bool) -> Vec<Arc<Slot>> {
        let taken: Vec<_> = lock(&self.slots).table.extract_if(|slot| chosen(slot)).collect();
        for slot in &taken {
            self.lighten(slot);
        }
        taken
    }

    /// A slot, held, unless it has left the table.
    pub(crate) fn pin_listed(&self, slot: &Arc<Slot>) -> Option<Pinned> {
        let hash = self.hash(&slot.mount, &slot.subject);
        let slots = lock(&self.slots);
        slots.table.find(hash, |other| Arc::ptr_eq(other, slot))?;
        slot.pins.fetch_add(1, Ordering::Relaxed);
        Some(Pinned(slot.clone()))
    }

    /// Those slots for which `chosen` says so, held.
    pub(crate) fn pin_all(&self, chosen: impl Fn(&Slot) -> bool) -> Vec<Pinned> {
        let slots = lock(&self.slots);
        let held = slots.table.iter().filter(|slot| chosen(slot)).map(|slot| {
            slot.pins.fetch_add(1, Ordering::Relaxed);
            Pinned(slot.clone())
        });
        held.collect()
    }

    /// Looks at all slots.
    pub(crate) fn for_each(&self, look: impl FnMut(&Arc<Slot>)) {
        lock(&self.slots).table.iter().for_each(look);
    }

    /// How often it was looked through for what may go.
    #[cfg(test)]
    pub(crate) fn looks(&self) -> usize {
        lock(&self.slots).looked.times
    }

    /// About how many bytes all takes.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.slots).table.len()
    }

    fn hash(&self, mount: &Arc<Mount>, subject: &Subject) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        Arc::as_ptr(mount).hash(&mut hasher);
        subject.hash(&mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    fn remove(&self, table: &mut HashTable<Arc<Slot>>, slot: &Arc<Slot>) {
        let hash = self.hash(&slot.mount, &slot.subject);
        if let Ok(entry) = table.find_entry(hash, |other| Arc::ptr_eq(other, slot)) {
            entry.remove();
            self.lighten(slot);
        }
    }

    fn lighten(&self, slot: &Slot) {
        self.weight.fetch_sub(slot.flights.with(State::leave), Ordering::Relaxed);
    }

    /// Drops an eighth of what no handle holds where one more would be too much: first what was not read since the
    /// last time. So the cost of looking through the table is shared by the many that follow, also where handles
    /// hold so much that hardly anything may go.
    fn make_room(&self, slots: &mut Slots, now: Tick) -> Vec<Arc<Slot>> {
        let is_full =
            |entries: usize, bytes: usize| entries >= self.limits.entries || bytes > self.limits.bytes;
        let bytes = self.weight.load(Ordering::Relaxed);
        let entries = slots.table.len();
        let is_worth_it = entries >= slots.looked.entries
            || bytes > slots.looked.bytes
            || now.since(slots.looked.at) >= AGAIN;
        if !is_full(entries, bytes) || !is_worth_it {
            return Vec::new();
        }
        let mut evicted = Vec::new();
        for even_if_used in [false, true] {
            let bytes = self.weight.load(Ordering::Relaxed);
            if !is_full(slots.table.len(), bytes) {
                break;
            }
            let entries = self.limits.entries - self.limits.entries.div_ceil(8);
            let mut many = slots.table.len().saturating_sub(entries);
            let mut heavy = bytes.saturating_sub(self.limits.bytes / 8 * 7);
            let out = slots.table.extract_if(|slot| {
                if (many == 0 && heavy == 0) || slot.is_pinned() {
                    return false;
                }
                let (used, weight) = slot.flights.with(|state| {
                    // Every cell is asked, so that every mark is taken away.
                    let used = slot.cells(state).filter(|cell| cell.was_used()).count() > 0;
                    (used, state.weight())
                });
                if used && !even_if_used {
                    return false;
                }
                many = many.saturating_sub(1);
                heavy = heavy.saturating_sub(weight);
                true
            });
            let out: Vec<_> = out.collect();
            out.iter().for_each(|slot| self.lighten(slot));
            evicted.extend(out);
        }
        slots.misses.retain(|slot| slot.strong_count() > 0);
        let more = |limit: usize, left: usize| left + (limit / 8).max(left / 16);
        slots.looked = Looked {
            at: now,
            entries: more(self.limits.entries, slots.table.len()),
            bytes: more(self.limits.bytes, self.weight.load(Ordering::Relaxed)),
            #[cfg(test)]
            times: slots.looked.times + 1,
        };
        evicted
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("limits", &self.limits).finish_non_exhaustive()
    }
}
