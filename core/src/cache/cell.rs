//! One value that readers look at: the field of a document that some references ask for.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use strongroom_hazard::{Guard, Swap};

use super::ask::Ask;
use super::block::{Block, Limits};
use super::blocks::Blocks;
use super::clock::Tick;
use super::slot::Slot;

/// A value and its successors. Readers take the present block without a lock; only the slot that the cell
/// belongs to puts another one in its place, under its own lock.
pub(crate) struct Cell {
    block: Swap<Block>,
    pub(crate) ask: Arc<Ask>,
}

/// A cell where it lies: the first one of a slot in the slot itself, since most have but one.
#[derive(Clone)]
pub(crate) enum CellRef {
    First(Arc<Slot>),
    Further(Arc<Further>),
}

/// A cell beside the first one of its slot. The cell lies where it does in a [`Slot`].
#[repr(C)]
pub(crate) struct Further {
    pub(super) cell: Cell,
    /// How many handles and waiting readers hold it. While any does, it stays with its slot. Leaves zero only under the
    /// slot's lock.
    pins: AtomicU32,
}

impl Further {
    pub(super) fn new(cell: Cell) -> Arc<Self> {
        Arc::new(Self { cell, pins: AtomicU32::new(0) })
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::Acquire) > 0
    }
}

/// A cell that stays with its slot while this lives; the first one does in any case.
pub(crate) struct PinnedCell(CellRef);

impl PinnedCell {
    /// Called under the lock of the cell's slot, or by who holds it already.
    pub(super) fn new(cell: CellRef) -> Self {
        if let CellRef::Further(further) = &cell {
            further.pins.fetch_add(1, Ordering::Relaxed);
        }
        Self(cell)
    }

    /// The cell, to remember it.
    pub(super) fn unpinned(&self) -> &CellRef {
        &self.0
    }
}

impl Clone for PinnedCell {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for PinnedCell {
    fn drop(&mut self) {
        if let CellRef::Further(further) = &self.0 {
            further.pins.fetch_sub(1, Ordering::Release);
        }
    }
}

impl Deref for PinnedCell {
    type Target = Cell;

    #[inline]
    fn deref(&self) -> &Cell {
        &self.0
    }
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
    pub(crate) fn new(ask: Arc<Ask>, blocks: &Blocks) -> Self {
        Self { block: Swap::new(blocks.place(Block::none(0), None)), ask }
    }

    #[inline]
    pub(crate) fn load(&self) -> Guard<Block> {
        self.block.load()
    }

    /// Where the present block is.
    #[inline]
    pub(super) fn place(&self) -> &Swap<Block> {
        &self.block
    }

    /// The present block, to remember it.
    pub(crate) fn load_full(&self) -> Arc<Block> {
        self.block.load_full()
    }

    /// Puts a value in, if it is another one, else moves the limits of the present one.
    pub(crate) fn publish(
        &self,
        value: &[u8],
        version: Option<u64>,
        limits: Limits,
        now: Tick,
        blocks: &Blocks,
    ) {
        let old = self.block.load();
        let same = old.is_a_value() && old.bytes() == value;
        if same && old.version() == version {
            return old.extend(limits);
        }
        // A version of its own does not make it another value.
        let serial = if same { old.serial() } else { old.serial().wrapping_add(1) };
        old.move_on(now);
        self.replace(old, Block::new(limits, serial, version), Some(value), blocks);
    }

    /// Takes the value away.
    pub(crate) fn empty(&self, blocks: &Blocks) {
        let old = self.block.load();
        if old.is_a_value() {
            old.extend(Limits::ENDED);
            let next = Block::none(old.serial().wrapping_add(1));
            self.replace(old, next, None, blocks);
        }
    }

    /// Moves the limits of the value, if there is one: it is the vault's still.
    pub(crate) fn extend(&self, limits: Limits) {
        let now = self.block.load();
        if now.is_a_value() {
            now.extend(limits);
        }
    }

    /// Takes the value away for good, since the slot is gone.
    pub(crate) fn end(&self, blocks: &Blocks) {
        let old = self.block.load();
        old.extend(Limits::ENDED);
        let next = Block::gone(old.serial().wrapping_add(1));
        self.replace(old, next, None, blocks);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.block.load().is_gone()
    }

    /// Whether it was read by its text since the last look.
    pub(crate) fn was_used(&self) -> bool {
        self.block.load().was_used()
    }

    fn replace(&self, old: Guard<Block>, next: Block, value: Option<&[u8]>, blocks: &Blocks) {
        if old.is_used() {
            next.mark_used();
        }
        // Or else we would be the reader who keeps it from being freed.
        drop(old);
        blocks.retire(self.block.swap(blocks.place(next, value)));
    }
}
