//! The core of it: how a reader says what it reads, and how others see that it does.

use std::{hint, ptr};

use crate::barrier;
use crate::sync::{AtomicPtr, Ordering, PATIENCE};

/// Stands for whatever can be found: an address that nothing has.
const ALL: *mut () = ptr::without_provenance_mut(1);

/// Stands for nothing yet: the place is somebody's.
const CLAIMED: *mut () = ptr::without_provenance_mut(2);

/// What somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    This(*mut ()),
    All,
}

impl Noted {
    pub(crate) fn is(self, value: *const ()) -> bool {
        match self {
            Self::This(at) => ptr::eq(at, value),
            Self::All => true,
        }
    }
}

/// Where a reader notes what it reads. Whose it is alone writes to it.
#[derive(Debug)]
pub(crate) struct Place(AtomicPtr<()>);

impl Place {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Whether nothing is read by it at present.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Takes an empty place that is not one thread's alone. [`clear`](Self::clear) gives it back.
    pub(crate) fn claim(&self) -> bool {
        let empty = ptr::null_mut();
        self.0.compare_exchange(empty, CLAIMED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Notes what `source` points to, and says what that is. Until [`clear`](Self::clear), whoever has replaced it there
    /// finds it noted here after a [`barrier::heavy`].
    #[inline]
    pub(crate) fn protect<T>(&self, source: &AtomicPtr<T>) -> *mut T {
        let mut at = source.load(Ordering::Relaxed);
        loop {
            // Releases what was read by this place before: whoever sees this sees that reading was over.
            self.0.store(at.cast(), Ordering::Release);
            barrier::light();
            // If it is still there now, it is replaced later than it was noted, so the note is seen. Acquires what
            // was written before it was put there.
            let now = source.load(Ordering::Acquire);
            if ptr::eq(now, at) {
                return now;
            }
            at = now;
        }
    }

    /// Notes that whatever can be found from now on is read. It stands until [`narrow`](Self::narrow) or
    /// [`clear`](Self::clear), and nothing at all is freed meanwhile.
    #[inline]
    pub(crate) fn protect_all(&self) {
        // Who sees this frees nothing, so nothing has to be over.
        self.0.store(ALL, Ordering::Relaxed);
        barrier::light();
    }

    /// After [`protect_all`](Self::protect_all): of all that was found since, only this is read further.
    #[inline]
    pub(crate) fn narrow<T>(&self, at: *mut T) {
        self.0.store(at.cast(), Ordering::Release);
    }

    /// What is noted: none for nothing.
    pub(crate) fn noted(&self) -> Option<Noted> {
        let mut at = self.0.load(Ordering::Acquire);
        // Any other note that is seen once means that what was found under the first one is over. It takes nanoseconds,
        // unless its thread is kept waiting.
        for _ in 0..PATIENCE {
            if !ptr::eq(at, ALL) {
                break;
            }
            hint::spin_loop();
            at = self.0.load(Ordering::Acquire);
        }
        match at {
            ALL => Some(Noted::All),
            CLAIMED => None,
            _ if at.is_null() => None,
            _ => Some(Noted::This(at)),
        }
    }

    /// Nothing is read by it any more.
    #[inline]
    pub(crate) fn clear(&self) {
        self.0.store(ptr::null_mut(), Ordering::Release);
    }
}
