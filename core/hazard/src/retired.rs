//! What has been replaced and may still be read: freed on the writer's side, never by a reader.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::list::List;
use crate::{barrier, orphans};

/// How much may wait to be freed before somebody looks without being asked to.
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
///
/// An `Arc` is for one pointer at a time: one that is in here twice is its own other owner.
pub struct Retired<T: Send + Sync + 'static>(Mutex<State<T>>);

struct State<T> {
    list: List<T>,
    /// How many make somebody look.
    much: usize,
}

impl<T: Send + Sync + 'static> Retired<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State { list: List::new(), much: MUCH }))
    }

    /// Takes what was replaced. It goes to `free` once nobody reads it or has a count of it: by [`sweep`](Self::sweep), or
    /// by a later call once a thousand wait.
    pub fn retire(&self, mut replaced: Replaced<T>, free: impl FnMut(Arc<T>)) {
        let Some(value) = replaced.0.take() else { return };
        let mut state = self.lock();
        state.list.push(value);
        let unread = if state.list.len() >= state.much { state.take_unread() } else { return };
        drop(state);
        unread.into_iter().for_each(free);
    }

    /// Passes to `free` what nobody reads any more. Where anything came since the last call, this has a fence carried out
    /// on all threads of the process that run, which takes some microseconds: for a thread in the background, a few
    /// times a second.
    pub fn sweep(&self, free: impl FnMut(Arc<T>)) {
        orphans::sweep();
        let unread = self.lock().take_unread();
        unread.into_iter().for_each(free);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync> State<T> {
    /// All that nobody reads, nor has a count of.
    fn take_unread(&mut self) -> Vec<Arc<T>> {
        // Counts after notes: who makes a count of what is noted has made it when the note is gone.
        let is_counted = |value: &Arc<T>| Arc::strong_count(value) > 1;
        let (counted, unread): (Vec<_>, _) = self.list.take_unread().into_iter().partition(is_counted);
        counted.into_iter().for_each(|value| self.list.put_back(value));
        // What is held for long is not gone through with each call.
        self.much = MUCH.max(2 * self.list.len());
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
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let unread = state.list.take_unread();
        // First, since freeing may panic.
        orphans::adopt(&mut state.list);
        drop(unread);
        orphans::sweep_patiently();
    }
}

impl<T: Send + Sync + 'static> fmt::Debug for Retired<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retired").field(&self.lock().list.len()).finish()
    }
}
