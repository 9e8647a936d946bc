//! One value as readers see it: its bytes and the moments at which it grows stale and ends, packed together.

use std::num::NonZero;
use std::time::Duration;

use zeroize::Zeroize;

use super::clock::{AtomicTick, Tick};
use crate::sync::{AtomicU32, Ordering};

/// Values up to this length lie in the block itself, so that reading one touches one place in memory.
pub(super) const INLINE: usize = 71;

/// The bit of a mark that says whether it was read by its text since somebody last looked for what can go.
const USED: u32 = 1;

/// A value with its limits. Readers compare the limits with the clock; only the writer moves them, and a new
/// value is a new block. The bytes are wiped on drop.
pub(crate) struct Block {
    /// From here on it is not served.
    deadline: AtomicTick,
    /// From here on it is served as stale.
    stale_from: AtomicTick,
    fetched: AtomicTick,
    /// Counts the values that the cell has had, above [`USED`].
    mark: AtomicU32,
    /// The version; 0 where the vault keeps none.
    version: u64,
    bytes: Bytes,
}

enum Bytes {
    /// The length is not 0, so it takes no other byte to say that the value is here: a reader looks at one.
    Inline {
        length: NonZero<u8>,
        bytes: [u8; INLINE],
    },
    Elsewhere(Elsewhere),
}

enum Elsewhere {
    Nowhere,
    /// Nor will there ever be a value.
    Gone,
    /// What is too long, or empty.
    Heap(Box<[u8]>),
}

/// How long a value may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) fetched: Tick,
    pub(crate) stale_from: Tick,
    pub(crate) deadline: Tick,
}

impl Limits {
    /// Never to be served.
    pub(crate) const ENDED: Self = Self { fetched: Tick::PAST, stale_from: Tick::PAST, deadline: Tick::PAST };
}

impl Block {
    /// A block for a value, which is to be [filled in](Self::fill) where it will lie.
    pub(crate) fn new(limits: Limits, serial: u32, version: Option<u64>) -> Self {
        Self::with(Bytes::Elsewhere(Elsewhere::Nowhere), limits, serial, version)
    }

    /// A block that is no value: nothing is served.
    pub(crate) fn none(serial: u32) -> Self {
        Self::new(Limits::ENDED, serial, None)
    }

    /// A block after which none comes: what it belonged to is gone.
    pub(crate) fn gone(serial: u32) -> Self {
        Self::with(Bytes::Elsewhere(Elsewhere::Gone), Limits::ENDED, serial, None)
    }

    fn with(bytes: Bytes, limits: Limits, serial: u32, version: Option<u64>) -> Self {
        Self {
            deadline: AtomicTick::new(limits.deadline),
            stale_from: AtomicTick::new(limits.stale_from),
            fetched: AtomicTick::new(limits.fetched),
            mark: AtomicU32::new(serial << 1),
            version: version.unwrap_or(0),
            bytes,
        }
    }

    /// Puts the value in, straight from where it is: a block that is moved with its value leaves a copy behind that
    /// nobody wipes.
    pub(crate) fn fill(&mut self, value: &[u8]) {
        let length = u8::try_from(value.len()).ok().filter(|_| value.len() <= INLINE).and_then(NonZero::new);
        self.bytes = match length {
            Some(length) => Bytes::Inline { length, bytes: [0; INLINE] },
            None => Bytes::Elsewhere(Elsewhere::Heap(value.into())),
        };
        if let Bytes::Inline { bytes, .. } = &mut self.bytes {
            bytes[..value.len()].copy_from_slice(value);
        }
    }

    /// A block with its value.
    #[cfg(test)]
    pub(crate) fn of(value: &[u8], limits: Limits, serial: u32, version: Option<u64>) -> Self {
        let mut block = Self::new(limits, serial, version);
        block.fill(value);
        block
    }

    pub(crate) fn is_a_value(&self) -> bool {
        !matches!(self.bytes, Bytes::Elsewhere(Elsewhere::Nowhere | Elsewhere::Gone))
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.bytes, Bytes::Elsewhere(Elsewhere::Gone))
    }

    /// Notes that somebody reads it. Written once between two looks, so that readers do not fight over it.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if !self.is_used() {
            self.mark.fetch_or(USED, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.mark.load(Ordering::Relaxed) & USED != 0
    }

    /// Whether it was read since the last look.
    pub(crate) fn was_used(&self) -> bool {
        self.mark.fetch_and(!USED, Ordering::Relaxed) & USED != 0
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Inline { length, bytes } => match bytes.get(..usize::from(length.get())) {
                Some(bytes) => bytes,
                None => nothing(),
            },
            Bytes::Elsewhere(Elsewhere::Heap(bytes)) => bytes,
            Bytes::Elsewhere(Elsewhere::Nowhere | Elsewhere::Gone) => nothing(),
        }
    }

    /// Whether it may be served by somebody who remembers it: it is in time, and no other has taken its place.
    #[inline]
    pub(crate) fn is_current(&self, now: Tick) -> bool {
        now < self.deadline.load()
    }

    /// From when on it is not served.
    pub(crate) fn deadline(&self) -> Tick {
        self.deadline.load()
    }

    /// Whether it may be served by somebody who just found it in its cell. While its successor takes its place it
    /// is still what there is.
    #[inline]
    pub(crate) fn is_live(&self, now: Tick) -> bool {
        self.is_current(now) || self.deadline.load() == Tick::MOVED
    }

    /// Whether it may be served and nobody need read it anew.
    #[inline]
    pub(crate) fn is_fresh(&self, now: Tick) -> bool {
        now < self.stale_from.load() && self.is_live(now)
    }

    /// Another block is about to take its place: whoever remembers this one has to look there.
    pub(crate) fn move_on(&self, now: Tick) {
        self.deadline.store(if self.is_current(now) { Tick::MOVED } else { Tick::PAST });
    }

    pub(crate) fn age(&self, now: Tick) -> Duration {
        now.since(self.fetched.load())
    }

    pub(crate) fn serial(&self) -> u32 {
        self.mark.load(Ordering::Relaxed) >> 1
    }

    pub(crate) fn version(&self) -> Option<u64> {
        (self.version != 0).then_some(self.version)
    }

    /// The same value was read again.
    pub(crate) fn extend(&self, limits: Limits) {
        self.fetched.store(limits.fetched);
        self.stale_from.store(limits.stale_from);
        self.deadline.store(limits.deadline);
    }

    /// The value counts as stale from now on.
    pub(crate) fn mark_stale(&self) {
        self.stale_from.store(Tick::PAST);
    }

    /// What it takes of the heap beyond the block itself.
    pub(crate) fn heap(&self) -> usize {
        match &self.bytes {
            Bytes::Elsewhere(Elsewhere::Heap(bytes)) => bytes.len(),
            Bytes::Inline { .. } | Bytes::Elsewhere(_) => 0,
        }
    }
}

/// Out of the way of those who read something.
#[cold]
fn nothing() -> &'static [u8] {
    &[]
}

impl Drop for Block {
    fn drop(&mut self) {
        match &mut self.bytes {
            Bytes::Inline { bytes, .. } => bytes.zeroize(),
            Bytes::Elsewhere(Elsewhere::Heap(bytes)) => bytes.zeroize(),
            Bytes::Elsewhere(Elsewhere::Nowhere | Elsewhere::Gone) => {}
        }
    }
}
