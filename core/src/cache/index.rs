//! From the text of a reference straight to its cell.
//!
//! Readers look into a map that nobody changes. What is new waits in a small map of its own until it is worth making
//! another big one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use super::apart::Apart;
use super::block::Block;
use super::cell::CellRef;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Guard, Mutex, Ordering, Retired, Swap, lock};

type Map = HashMap<Arc<str>, CellRef, RandomState>;

/// The cells by the texts that mean them.
pub(crate) struct Index {
    /// The big map, which every reader looks at.
    published: Apart<Swap<Map>>,
    retired: Retired<Map>,
    pending: Mutex<Pending>,
    /// Whether there is anything pending, so that most readers need not lock to see that there is nothing.
    has_pending: AtomicBool,
    /// How many cells have died since the last merge.
    dead: AtomicUsize,
    bounds: Bounds,
}

/// How many texts there may be, and how many bytes they may have together.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) texts: usize,
    pub(crate) bytes: usize,
}

struct Pending {
    map: Map,
    /// How many bytes the texts of this map and of the big one have.
    bytes: usize,
    /// Whether there was no room for a text: at the next merge some go that were not read of late.
    is_full: bool,
    /// Not to be merged before, however much there is, so that merging stays a small part of the work.
    not_before: Instant,
}

impl Index {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let pending = Pending { map: Map::default(), bytes: 0, is_full: false, not_before: Instant::now() };
        Self {
            published: Apart(Swap::new(Arc::default())),
            retired: Retired::new(),
            pending: Mutex::new(pending),
            has_pending: AtomicBool::new(false),
            dead: AtomicUsize::new(0),
            bounds,
        }
    }

    /// The present block of what `text` means.
    #[inline]
    pub(crate) fn load(&self, text: &str) -> Option<Guard<Block>> {
        let found = self.published.load_through(|map| map.get(text).map(|cell| cell.place()));
        let Some(block) = found else { return self.load_new(text) };
        block.mark_used();
        Some(block)
    }

    /// The same, of what may have been learnt of only just now.
    #[cold]
    pub(crate) fn load_new(&self, text: &str) -> Option<Guard<Block>> {
        let published = || self.published.load().get(text).map(look);
        if self.has_pending.load(Ordering::Acquire) {
            // What was pending stays so until it is in the big map, so the text is in one of the two if it is known at all.
            let pending = lock(&self.pending);
            pending.map.get(text).map(look).or_else(published)
        } else {
            published()
        }
    }

    /// Remembers what `text` means.
    pub(crate) fn insert(&self, text: &str, cell: &CellRef) {
        let known = self.published.load();
        if cell.is_dead() || known.get(text).is_some_and(|known| std::ptr::eq(&**known, &**cell)) {
            return;
        }
        let mut pending = lock(&self.pending);
        let has_room = known.len() + pending.map.len() < self.bounds.texts;
        if has_room && pending.bytes + text.len() <= self.bounds.bytes {
            let before = pending.map.insert(text.into(), cell.clone());
            if before.is_none() {
                pending.bytes += text.len();
            }
        } else {
            pending.is_full = true;
        }
        self.has_pending.store(true, Ordering::Release);
    }

    /// Makes what is new part of the big map, and drops what has died, and some of what was not read of late where there is
    /// no more room. Called now and then, by nobody who reads.
    pub(crate) fn merge(&self) {
        self.retired.sweep(drop);
        let published = self.published.load();
        let many_dead = self.dead.load(Ordering::Relaxed) > 16 + published.len() / 8;
        if !self.has_pending.load(Ordering::Acquire) && !many_dead {
            return;
        }
        let began = Instant::now();
        let (new, is_full) = {
            let pending = lock(&self.pending);
            if began < pending.not_before {
                return;
            }
            (pending.map.clone(), pending.is_full)
        };
        self.dead.store(0, Ordering::Relaxed);
        // Not under the lock, which readers of new texts wait for. Meanwhile each text is in one of the two maps or in both.
        let mut map = Map::with_capacity_and_hasher(published.len() + new.len(), RandomState::default());
        let alive = published.iter().chain(&new).filter(|(_, cell)| !cell.is_dead());
        map.extend(alive.map(|(text, cell)| (text.clone(), cell.clone())));
        drop(published);
        if is_full {
            self.make_room(&mut map);
        }
        let bytes: usize = map.keys().map(|text| text.len()).sum();
        let old = self.published.swap(Arc::new(map));
        let mut pending = lock(&self.pending);
        // What came meanwhile, also for the same text, is still to be merged.
        pending
            .map
            .retain(|text, cell| !new.get(text).is_some_and(|merged| std::ptr::eq(&**merged, &**cell)));
        pending.map.shrink_to_fit();
        pending.bytes = bytes + pending.map.keys().map(|text| text.len()).sum::<usize>();
        pending.is_full = false;
        self.has_pending.store(!pending.map.is_empty(), Ordering::Release);
        pending.not_before = Instant::now() + (began.elapsed() * 100).min(Duration::from_secs(2));
        drop(pending);
        self.retired.retire(old, drop);
    }

    /// Whether something is still to be merged.
    #[cfg(test)]
    pub(crate) fn has_pending(&self) -> bool {
        self.has_pending.load(Ordering::Acquire)
    }

    /// Drops an eighth of the texts, or of their bytes: of those whose values were not read of late as long as there are
    /// any. Whoever asks by one that is gone has it remembered again.
    fn make_room(&self, map: &mut Map) {
        let keep = |bound: usize| bound - bound.div_ceil(8);
        let mut many = map.len().saturating_sub(keep(self.bounds.texts));
        let bytes: usize = map.keys().map(|text| text.len()).sum();
        let mut heavy = bytes.saturating_sub(keep(self.bounds.bytes));
        for even_if_used in [false, true] {
            map.retain(|text, cell| {
                let goes = (many > 0 || heavy > 0) && (even_if_used || !cell.load().is_used());
                if goes {
                    many = many.saturating_sub(1);
                    heavy = heavy.saturating_sub(text.len());
                }
                !goes
            });
        }
    }

    /// Notes that cells have died.
    pub(crate) fn note_dead(&self, cells: usize) {
        self.dead.fetch_add(cells, Ordering::Relaxed);
    }
}

#[inline]
fn look(cell: &CellRef) -> Guard<Block> {
    let block = cell.load();
    block.mark_used();
    block
}
