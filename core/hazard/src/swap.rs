//! The pointer, and what a reader holds of it.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::orphans;
use crate::place::Place;
use crate::record;
use crate::retired::Replaced;
use crate::sync::{AtomicPtr, Ordering};

/// A shared pointer that is replaced while others read it.
pub struct Swap<T: Send + Sync + 'static> {
    /// From [`Arc::into_raw`], with the count that is ours.
    at: AtomicPtr<T>,
    _owned: PhantomData<Arc<T>>,
}

impl<T: Send + Sync + 'static> Swap<T> {
    /// A pointer to `value`.
    #[must_use]
    pub fn new(value: Arc<T>) -> Self {
        Self { at: AtomicPtr::new(Arc::into_raw(value).cast_mut()), _owned: PhantomData }
    }

    /// What it points to now: no lock, no count, and where the system helps, no fence.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Guard<T> {
        let place = record::place();
        Guard::new(place.protect(&self.at), place)
    }

    /// What another pointer points to now that is found in what this one points to. `find` is to be quick: nothing is
    /// freed while it runs.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use std::sync::Arc;
    /// use strongroom_hazard::Swap;
    ///
    /// let map = HashMap::from([("one", Swap::new(Arc::new(1)))]);
    /// let map = Swap::new(Arc::new(map));
    /// assert_eq!(map.load_through(|map| map.get("one")).as_deref(), Some(&1));
    /// assert!(map.load_through(|map| map.get("two")).is_none());
    /// ```
    #[must_use]
    #[inline]
    pub fn load_through<U: Send + Sync + 'static>(
        &self,
        find: impl FnOnce(&T) -> Option<&Swap<U>>,
    ) -> Option<Guard<U>> {
        let place = record::place();
        place.protect_all();
        let whole = Guard::new(self.at.load(Ordering::Acquire), place);
        let at = find(&whole)?.at.load(Ordering::Acquire);
        place.narrow(at);
        // The place is the other guard's from here on.
        mem::forget(whole);
        Some(Guard::new(at, place))
    }

    /// What it points to now, to keep.
    #[must_use]
    pub fn load_full(&self) -> Arc<T> {
        self.load().to_arc()
    }

    /// Puts another value in the place of the present one, which is to be [retired](crate::Retired::retire).
    pub fn swap(&self, value: Arc<T>) -> Replaced<T> {
        // Releases the new value and acquires the old one.
        let old = self.at.swap(Arc::into_raw(value).cast_mut(), Ordering::AcqRel);
        // SAFETY: it is from `Arc::into_raw` and no longer here, so the count that was ours is handed over.
        Replaced::new(unsafe { Arc::from_raw(old) })
    }
}

impl<T: Send + Sync + 'static> Drop for Swap<T> {
    fn drop(&mut self) {
        // SAFETY: it is from `Arc::into_raw`, and nobody takes it after us.
        orphans::leave(unsafe { Arc::from_raw(*self.at.get_mut()) });
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for Swap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Swap").field(&*self.load()).finish()
    }
}

/// A value as it was when it was [loaded](Swap::load). It is not freed while this lives, even if it is replaced.
///
/// It is for a moment's use: a thread has eight places to note what it reads, and shares the further ones with others.
pub struct Guard<T: Send + Sync + 'static> {
    at: NonNull<T>,
    /// Where it is noted that this is read.
    place: &'static Place,
    /// The place is its thread's.
    _here: PhantomData<*const T>,
}

impl<T: Send + Sync + 'static> Guard<T> {
    /// Of what is noted at a place, which is its own until it ends.
    #[inline]
    fn new(at: *mut T, place: &'static Place) -> Self {
        // SAFETY: it is from `Arc::into_raw`, which is never null.
        Self { at: unsafe { NonNull::new_unchecked(at) }, place, _here: PhantomData }
    }

    /// The value, to keep.
    #[must_use]
    pub fn to_arc(&self) -> Arc<T> {
        // SAFETY: it is from `Arc::into_raw`, and alive while this guard lives.
        unsafe { Arc::increment_strong_count(self.at.as_ptr()) };
        // SAFETY: the count is the one just made.
        unsafe { Arc::from_raw(self.at.as_ptr()) }
    }
}

impl<T: Send + Sync + 'static> Deref for Guard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it is alive while it is noted, and nobody has it to themselves: those who do away with it
        // keep a count until they have seen that it is noted no more.
        unsafe { self.at.as_ref() }
    }
}

impl<T: Send + Sync + 'static> Drop for Guard<T> {
    #[inline]
    fn drop(&mut self) {
        self.place.clear();
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
