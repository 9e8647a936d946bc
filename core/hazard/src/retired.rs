//! What has been replaced and may still be read: freed on the writer's side, never by a reader.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::place::Noted;
use crate::{barrier, orphans, record};

/// For how long nobody looks again what can be freed, unless there is [much](MUCH): a look interrupts other threads.
const REST: Duration = Duration::from_millis(50);

/// How much may wait to be freed before somebody looks nevertheless.
const MUCH: usize = 1024;

/// A value that a [`Swap`](crate::Swap) no longer points to. It is to be [retired](Retired::retire); one that is not
/// is freed as soon as nobody reads it, which is looked for at once.
#[must_use = "what was replaced goes to a `Retired`"]
#[derive(Debug)]
pub struct Replaced<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Replaced<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + Sync + 'static> Drop for Replaced<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            barrier::heavy();
            orphans::leave(value);
        }
    }
}

/// Replaced values that a reader may still hold. Each has an owner in here until nobody else is left, so a reader that
/// lets go of it never frees it.
pub struct Retired<T: Send + Sync + 'static>(Mutex<List<T>>);

struct List<T> {
    values: Vec<Arc<T>>,
    /// How many make somebody look.
    much: usize,
    looked: Option<Instant>,
}

impl<T: Send + Sync + 'static> Retired<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(List { values: Vec::new(), much: MUCH, looked: None }))
    }

    /// Takes what was replaced. It goes to `free` once nobody reads it or has a count of it: at once where nothing was
    /// freed for 50 ms, else by a later call or by [`sweep`](Self::sweep).
    pub fn retire(&self, mut replaced: Replaced<T>, free: impl FnMut(Arc<T>)) {
        let Some(value) = replaced.0.take() else { return };
        let mut list = self.lock();
        list.values.push(value);
        let unread = if list.is_time() { list.take_unread() } else { return };
        drop(list);
        unread.into_iter().for_each(free);
    }

    /// Frees what nobody reads any more.
    pub fn sweep(&self, free: impl FnMut(Arc<T>)) {
        orphans::sweep();
        let mut list = self.lock();
        if list.values.is_empty() {
            return;
        }
        let unread = list.take_unread();
        drop(list);
        unread.into_iter().for_each(free);
    }

    fn lock(&self) -> MutexGuard<'_, List<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync> List<T> {
    fn is_time(&self) -> bool {
        self.values.len() >= self.much || self.looked.is_none_or(|looked| looked.elapsed() >= REST)
    }

    /// All that nobody reads, nor has a count of.
    fn take_unread(&mut self) -> Vec<Arc<T>> {
        barrier::heavy();
        // Before the counts: who makes a count of what is noted has made it when the note is gone.
        let noted: Vec<Noted> = record::noted().collect();
        let is_read = |value: &Arc<T>| {
            let at: *const () = Arc::as_ptr(value).cast();
            noted.iter().any(|noted| noted.is(at)) || Arc::strong_count(value) > 1
        };
        let (read, unread) = mem::take(&mut self.values).into_iter().partition(is_read);
        self.values = read;
        // What is held for long is not gone through with each call.
        self.much = MUCH.max(2 * self.values.len());
        self.looked = Some(Instant::now());
        unread
    }
}

impl<T: Send + Sync + 'static> Default for Retired<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync + 'static> Drop for Retired<T> {
    fn drop(&mut self) {
        let values = mem::take(&mut self.lock().values);
        if !values.is_empty() {
            barrier::heavy();
            values.into_iter().for_each(orphans::leave);
        }
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Retired<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retired").field(&self.lock().values.len()).finish()
    }
}
