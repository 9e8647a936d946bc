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

    /// Takes what readers can no longer find. It is freed at once if nobody reads it.
    pub(crate) fn retire(&self, old: Arc<T>) {
        // Nobody can find it any more, so a count of one stays one.
        if Arc::strong_count(&old) > 1 {
            let mut list = lock(&self.0);
            list.push(old);
            // A reader is done within nanoseconds: at powers of two few are still held, so a writer in a hurry
            // neither piles them up nor goes through the list each time.
            if list.len() >= 64 && list.len().is_power_of_two() {
                free(&mut list);
            }
        }
    }

    /// Frees what nobody reads any more.
    pub(crate) fn sweep(&self) {
        free(&mut lock(&self.0));
    }
}

fn free<T>(list: &mut Vec<Arc<T>>) {
    list.retain(|old| Arc::strong_count(old) > 1);
    if list.is_empty() {
        *list = Vec::new();
    }
}
