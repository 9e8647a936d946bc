//! What the modules find in the crate under this name, from loom.

// Loom's own has no weak ones. What is tried here is who comes when.
pub(crate) use std::sync::Arc;

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard, RwLock};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// `strongroom_hazard::Swap` as its users see it, with its orderings. That it frees nothing too early is tried with it.
#[derive(Debug)]
pub(crate) struct Swap<T> {
    at: AtomicUsize,
    /// All values that it ever had.
    values: std::sync::Mutex<Vec<Arc<T>>>,
}

#[derive(Debug)]
pub(crate) struct Guard<T>(Arc<T>);

impl<T> std::ops::Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Swap<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        Self { at: AtomicUsize::new(0), values: std::sync::Mutex::new(vec![value]) }
    }

    pub(crate) fn load(&self) -> Guard<T> {
        let at = self.at.load(Ordering::Acquire);
        Guard(self.values.lock().unwrap()[at].clone())
    }

    pub(crate) fn load_through<U>(&self, find: impl FnOnce(&T) -> Option<&Swap<U>>) -> Option<Guard<U>> {
        find(&*self.load()).map(Swap::load)
    }

    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        let new = {
            let mut values = self.values.lock().unwrap();
            values.push(value);
            values.len() - 1
        };
        let old = self.at.swap(new, Ordering::AcqRel);
        self.values.lock().unwrap()[old].clone()
    }
}

/// Nothing is ever freed here.
#[derive(Debug)]
pub(crate) struct Retired<T>(std::marker::PhantomData<T>);

impl<T> Retired<T> {
    pub(crate) fn new() -> Self {
        Self(std::marker::PhantomData)
    }

    pub(crate) fn sweep(&self, _: impl FnMut(Arc<T>)) {}

    pub(crate) fn retire(&self, _: Arc<T>, _: impl FnMut(Arc<T>)) {}
}
