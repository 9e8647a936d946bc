//! The primitives of the concurrent modules, in one place so that a model checker can put its own here.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, RwLock};

pub(crate) use strongroom_hazard::{Guard, Retired, Swap};

/// Locks. Nothing that we run under a lock leaves its data half-done, so a panic elsewhere poisons nothing.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
