//! What is still read when its owner ends.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::list::List;
use crate::record;

type Orphan = dyn Any + Send + Sync;

static ORPHANS: Mutex<List<Orphan>> = Mutex::new(List::new());

/// Whether there are any, so that hardly anybody needs the lock.
static ARE_ANY: AtomicBool = AtomicBool::new(false);

fn orphans() -> MutexGuard<'static, List<Orphan>> {
    ORPHANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees what nobody can find any more, or has it freed later if somebody reads it. All loads of it are over: they
/// happened before this, or [`heavy`](crate::barrier::heavy) was run since it could be found.
pub(crate) fn leave<T: Send + Sync + 'static>(value: Arc<T>) {
    let at: *const () = Arc::as_ptr(&value).cast();
    if record::places().any(|place| place.noted().is_some_and(|noted| noted.is(at))) {
        orphans().push(value);
        ARE_ANY.store(true, Ordering::Release);
    }
}

/// Has all of a list freed later.
pub(crate) fn adopt<T: Send + Sync + 'static>(list: &mut List<T>) {
    if list.len() > 0 {
        list.drain().for_each(|value| orphans().push(value));
        ARE_ANY.store(true, Ordering::Release);
    }
}

/// Frees all, if that takes a moment only: there may be nobody to sweep later.
pub(crate) fn sweep_patiently() {
    for _ in 0..10 {
        sweep();
        if !ARE_ANY.load(Ordering::Acquire) {
            break;
        }
        // Whoever is on the way may be waiting for this processor.
        thread::yield_now();
    }
}

/// Frees those that nobody reads any more.
pub(crate) fn sweep() {
    if !ARE_ANY.load(Ordering::Acquire) {
        return;
    }
    let mut orphans = orphans();
    let unread = orphans.take_unread();
    ARE_ANY.store(orphans.len() > 0, Ordering::Release);
    // What they are made of may have owned something that is read, and is an orphan now.
    drop(orphans);
    drop(unread);
}
