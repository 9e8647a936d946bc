//! From the text of a reference straight to its cell.
//!
//! Readers look into a map that nobody changes. Each thread remembers it, so that finding it costs no write to
//! memory that others read. What is new waits in a small map of its own until it is worth making another big one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::cache::Cache;
use arc_swap::{ArcSwap, Guard};
use foldhash::fast::RandomState;

use super::apart::Apart;
use super::block::Block;
use super::cell::CellRef;
use super::retired::Retired;
use crate::sync::lock;

type Map = HashMap<Arc<str>, CellRef, RandomState>;

/// The cells by the texts that mean them.
pub(crate) struct Index {
    front: Apart<Front>,
    retired: Retired<Map>,
    pending: Mutex<Pending>,
    /// Whether there is anything pending, so that most readers need not lock to see that there is nothing.
    has_pending: AtomicBool,
    /// How many cells have died since the last merge.
    dead: AtomicUsize,
    limit: usize,
}

/// What every reader looks at.
struct Front {
    id: u64,
    published: Published,
}

/// The big map.
#[derive(Clone, Default)]
struct Published(Arc<Apart<ArcSwap<Map>>>);

impl Deref for Published {
    type Target = ArcSwap<Map>;

    #[inline]
    fn deref(&self) -> &ArcSwap<Map> {
        &self.0
    }
}

struct Pending {
    map: Map,
    /// Not to be merged before, however much there is, so that merging stays a small part of the work.
    not_before: Instant,
}

/// What this thread knows of the index that it used last.
struct Near {
    id: u64,
    map: Cache<Published, Arc<Map>>,
}

thread_local! {
    static NEAR: RefCell<Option<Near>> = const { RefCell::new(None) };
}

impl Index {
    /// An index of at most `limit` texts.
    pub(crate) fn new(limit: usize) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            front: Apart(Front { id: IDS.fetch_add(1, Ordering::Relaxed), published: Published::default() }),
            retired: Retired::new(),
            pending: Mutex::new(Pending { map: Map::default(), not_before: Instant::now() }),
            has_pending: AtomicBool::new(false),
            dead: AtomicUsize::new(0),
            limit,
        }
    }

    /// The present block of what `text` means.
    #[inline]
    pub(crate) fn load(&self, text: &str) -> Option<Guard<Arc<Block>>> {
        let front = &*self.front;
        let near = NEAR.try_with(|near| {
            // Taken only by a reader that is already within this function, which runs nothing of others.
            let mut near = near.try_borrow_mut().ok()?;
            let near = match near.as_mut() {
                Some(near) if near.id == front.id => near,
                _ => near.insert(Near { id: front.id, map: Cache::new(front.published.clone()) }),
            };
            near.map.load().get(text).map(look)
        });
        near.ok().flatten().or_else(|| self.load_new(text))
    }

    /// What a thread does not know of yet.
    #[cold]
    pub(crate) fn load_new(&self, text: &str) -> Option<Guard<Arc<Block>>> {
        let published = || self.front.published.load().get(text).map(look);
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
        let known = self.front.published.load();
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
        let many_dead = self.dead.load(Ordering::Relaxed) > 16 + self.front.published.load().len() / 8;
        if !self.has_pending.load(Ordering::Acquire) && !many_dead {
            return;
        }
        let mut pending = lock(&self.pending);
        let began = Instant::now();
        if began < pending.not_before {
            return;
        }
        let published = self.front.published.load();
        let mut map =
            Map::with_capacity_and_hasher(published.len() + pending.map.len(), RandomState::default());
        let alive = published.iter().filter(|(_, cell)| !cell.is_dead());
        map.extend(alive.map(|(text, cell)| (text.clone(), cell.clone())));
        map.extend(pending.map.drain());
        drop(published);
        let old = self.front.published.swap(Arc::new(map));
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
fn look(cell: &CellRef) -> Guard<Arc<Block>> {
    let block = cell.load();
    block.mark_used();
    block
}
