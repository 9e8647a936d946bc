//! What is still read when its owner ends.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::record;

type Orphan = Arc<dyn Any + Send + Sync>;

static ORPHANS: Mutex<Vec<Orphan>> = Mutex::new(Vec::new());

/// Whether there are any, so that hardly anybody needs the lock.
static ARE_ANY: AtomicBool = AtomicBool::new(false);

/// Frees what nobody can find any more, or has it freed later if somebody reads it. All loads of it are over: they
/// happened before this, or [`heavy`](crate::barrier::heavy) was run since it could be found.
pub(crate) fn leave<T: Send + Sync + 'static>(value: Arc<T>) {
    if is_noted(&value) {
        let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
        orphans.push(value);
        ARE_ANY.store(true, Ordering::Release);
    }
}

/// Frees those that nobody reads any more.
pub(crate) fn sweep() {
    if !ARE_ANY.load(Ordering::Acquire) {
        return;
    }
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    let (read, unread) = std::mem::take(&mut *orphans).into_iter().partition(is_noted);
    *orphans = read;
    ARE_ANY.store(!orphans.is_empty(), Ordering::Release);
    drop(orphans);
    // What they are made of may have owned something that is read.
    let unread: Vec<Orphan> = unread;
    drop(unread);
}

fn is_noted<T: ?Sized>(value: &Arc<T>) -> bool {
    let at: *const () = Arc::as_ptr(value).cast();
    record::noted().any(|noted| noted.is(at))
}
