//! What has been replaced and may still be read: freed by the writer, never by a reader.

use crate::sync::{Arc, Mutex, lock};

/// Replaced things that a reader may still hold. A thing in here has an owner on the writer's side until
/// nobody else is left, so a reader that lets go of it never frees it.
#[derive(Debug)]
pub(crate) struct Retired<T>(Mutex<Vec<Arc<T>>>);

impl<T> Retired<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Takes what readers can no longer find. It goes to `free` once nobody reads it: at once, or from here or
    /// [`sweep`](Self::sweep) later.
    pub(crate) fn retire(&self, old: Arc<T>, mut free: impl FnMut(Arc<T>)) {
        // Nobody can find it any more, so a count of one stays one.
        if Arc::strong_count(&old) == 1 {
            return free(old);
        }
        let mut list = lock(&self.0);
        list.push(old);
        // A reader is done within nanoseconds: at powers of two few are still held, so a writer in a hurry
        // neither piles them up nor goes through the list each time.
        if list.len() >= 64 && list.len().is_power_of_two() {
            free_unread(&mut list, free);
        }
    }

    /// Frees what nobody reads any more.
    pub(crate) fn sweep(&self, free: impl FnMut(Arc<T>)) {
        let mut list = lock(&self.0);
        free_unread(&mut list, free);
        if list.is_empty() {
            *list = Vec::new();
        }
    }
}

fn free_unread<T>(list: &mut Vec<Arc<T>>, mut free: impl FnMut(Arc<T>)) {
    let mut at = 0;
    while let Some(old) = list.get(at) {
        if Arc::strong_count(old) > 1 {
            at += 1;
        } else {
            free(list.swap_remove(at));
        }
    }
}
