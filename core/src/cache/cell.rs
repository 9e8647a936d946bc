//! One value that readers look at: the field of a document that some references ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};

use super::ask::Ask;
use super::block::{Block, Limits};
use super::retired::Retired;
use crate::Secret;

/// A value and its successors. Readers take the present block without a lock; only the slot that the cell
/// belongs to puts another one in its place, under its own lock.
pub(crate) struct Cell {
    block: ArcSwap<Block>,
    pub(crate) ask: Ask,
    /// Whether it was read by its text since somebody last looked for what can go.
    used: AtomicBool,
    /// Whether its slot is gone, so that it will never have a value again.
    dead: AtomicBool,
}

impl Cell {
    pub(crate) fn new(ask: Ask) -> Self {
        Self {
            block: ArcSwap::from_pointee(Block::none(0)),
            ask,
            used: AtomicBool::new(true),
            dead: AtomicBool::new(false),
        }
    }

    /// Where the present block is, for readers that remember one.
    #[inline]
    pub(crate) fn swap(&self) -> &ArcSwap<Block> {
        &self.block
    }

    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Block>> {
        self.block.load()
    }

    /// Puts a value in, if it is another one, else moves the limits of the present one.
    pub(crate) fn publish(
        &self,
        value: Option<&Secret>,
        version: Option<u64>,
        limits: Limits,
        retired: &Retired<Block>,
    ) {
        let now = self.block.load();
        let same = value.is_some_and(|value| now.is_a_value() && now.bytes() == value.as_bytes());
        // A version of its own does not make it another value.
        let serial = if same { now.serial() } else { now.serial().wrapping_add(1) };
        let next = match value {
            Some(_) if same && now.version() == version => return now.extend(limits),
            Some(value) => Block::new(value.as_bytes(), limits, serial, version),
            None if now.is_a_value() => Block::none(serial),
            None => return,
        };
        drop(now);
        retired.retire(self.block.swap(Arc::new(next)));
    }

    /// Takes the value away for good.
    pub(crate) fn end(&self, retired: &Retired<Block>) {
        self.dead.store(true, Ordering::Relaxed);
        self.publish(None, None, Limits::ENDED, retired);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Notes that somebody reads it. Written once between two looks, so that readers do not fight over it.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was read since the last look.
    pub(crate) fn was_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}
