//! One value that readers look at: the field of a document that some references ask for.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::ask::Ask;
use super::block::{Block, Limits};
use super::retired::Retired;
use super::slot::Slot;
use crate::Secret;

/// A value and its successors. Readers take the present block without a lock; only the slot that the cell
/// belongs to puts another one in its place, under its own lock.
pub(crate) struct Cell {
    block: ArcSwap<Block>,
    pub(crate) ask: Arc<Ask>,
}

/// A cell where it lies: the first one of a slot in the slot itself, since most have but one.
#[derive(Clone)]
pub(crate) enum CellRef {
    First(Arc<Slot>),
    Further(Arc<Further>),
}

/// A cell beside the first one of its slot, and the one that was made before it.
pub(crate) struct Further {
    pub(super) cell: Cell,
    pub(super) before: Option<Arc<Self>>,
}

impl Deref for CellRef {
    type Target = Cell;

    #[inline]
    fn deref(&self) -> &Cell {
        match self {
            Self::First(slot) => slot.first(),
            Self::Further(further) => &further.cell,
        }
    }
}

impl Cell {
    pub(crate) fn new(ask: Arc<Ask>) -> Self {
        Self { block: ArcSwap::from_pointee(Block::none(0)), ask }
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
        if now.is_used() {
            next.mark_used();
        }
        drop(now);
        self.replace(next, retired);
    }

    /// Takes the value away for good, since the slot is gone.
    pub(crate) fn end(&self, retired: &Retired<Block>) {
        let serial = self.block.load().serial();
        self.replace(Block::gone(serial.wrapping_add(1)), retired);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.block.load().is_gone()
    }

    /// Whether it was read by its text since the last look.
    pub(crate) fn was_used(&self) -> bool {
        self.block.load().was_used()
    }

    fn replace(&self, next: Block, retired: &Retired<Block>) {
        retired.retire(self.block.swap(Arc::new(next)));
    }
}
