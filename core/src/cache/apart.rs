//! What readers look at on every hit, apart in memory from what others write.

use std::ops::Deref;

/// A thing in a cache line of its own, and in that line's neighbour, which processors fetch with it. Beside anything
/// that is written often, each write would cost every reader a trip to the memory of another core.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Apart<T>(pub(crate) T);

impl<T> Deref for Apart<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
