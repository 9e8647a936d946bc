//! From the text of a reference straight to its cell.
//!
//! Readers look into a map that nobody changes. What is new waits in a small map of its own until it is worth making
//! another big one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use strongroom_hazard::{Guard, Retired, Swap};

use super::apart::Apart;
use super::block::Block;
use super::cell::CellRef;
use crate::sync::lock;

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
    limit: usize,
}

struct Pending {
    map: Map,
    /// Not to be merged before, however much there is, so that merging stays a small part of the work.
    not_before: Instant,
}

impl Index {
    /// An index of at most `limit` texts.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            published: Apart(Swap::new(Arc::default())),
            retired: Retired::new(),
            pending: Mutex::new(Pending { map: Map::default(), not_before: Instant::now() }),
            has_pending: AtomicBool::new(false),
            dead: AtomicUsize::new(0),
            limit,
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
            // Merging happens under the lock, so the text is in one of the two if it is known at all.
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
        if known.len() + pending.map.len() < self.limit {
            pending.map.insert(text.into(), cell.clone());
            self.has_pending.store(true, Ordering::Release);
        }
    }

    /// Makes what is new part of the big map, and drops what has died. Called now and then, by nobody who reads.
    pub(crate) fn merge(&self) {
        self.retired.sweep(drop);
        let many_dead = self.dead.load(Ordering::Relaxed) > 16 + self.published.load().len() / 8;
        if !self.has_pending.load(Ordering::Acquire) && !many_dead {
            return;
        }
        let mut pending = lock(&self.pending);
        let began = Instant::now();
        if began < pending.not_before {
            return;
        }
        let published = self.published.load();
        let mut map =
            Map::with_capacity_and_hasher(published.len() + pending.map.len(), RandomState::default());
        let alive = published.iter().filter(|(_, cell)| !cell.is_dead());
        map.extend(alive.map(|(text, cell)| (text.clone(), cell.clone())));
        map.extend(pending.map.drain());
        drop(published);
        let old = self.published.swap(Arc::new(map));
        self.has_pending.store(false, Ordering::Release);
        self.dead.store(0, Ordering::Relaxed);
        pending.map = Map::default();
        pending.not_before = Instant::now() + (began.elapsed() * 100).min(Duration::from_secs(2));
        drop(pending);
        self.retired.retire(old, drop);
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
