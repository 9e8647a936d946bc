//! Where blocks lie: in runs, and what one leaves is where the next one goes.
//!
//! Readers look at blocks on every hit. Whatever else is allocated comes and goes with each refresh, and if it lay
//! between blocks it would share cache lines with them: each write to it would cost the next reader of the block beside
//! it a trip to the memory of another core.

use std::iter::repeat_with;

use strongroom_hazard::{Replaced, Retired};

use super::block::Block;
use crate::sync::{Arc, Mutex, lock};

/// How many places are made at a time.
const RUN: usize = 32;

/// How many empty places are kept at most.
const SPARE: usize = 8 * RUN;

/// Places for blocks, and the blocks that were replaced and may still be read.
pub(crate) struct Blocks {
    empty: Mutex<Vec<Arc<Block>>>,
    retired: Retired<Block>,
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self { empty: Mutex::new(Vec::new()), retired: Retired::new() }
    }

    /// Puts a block where there is a place for it, and its value into it there.
    pub(crate) fn place(&self, block: Block, value: Option<&[u8]>) -> Arc<Block> {
        let place = {
            let mut empty = lock(&self.empty);
            if empty.is_empty() {
                empty.extend(repeat_with(|| Arc::new(Block::none(0))).take(RUN));
            }
            empty.pop()
        };
        let mut place = place.unwrap_or_else(|| Arc::new(Block::none(0)));
        match Arc::get_mut(&mut place) {
            Some(empty) => {
                *empty = block;
                if let Some(value) = value {
                    empty.fill(value);
                }
                place
            }
            // Nobody else has an empty place; if somebody did, another would do.
            None => self.place(block, value),
        }
    }

    /// Takes a block that readers can no longer find, and wipes it once nobody reads it.
    pub(crate) fn retire(&self, old: Replaced<Block>) {
        self.retired.retire(old, |old| self.wipe(old));
    }

    /// Wipes what nobody reads any more.
    pub(crate) fn sweep(&self) {
        self.retired.sweep(|old| self.wipe(old));
    }

    fn wipe(&self, mut old: Arc<Block>) {
        if let Some(block) = Arc::get_mut(&mut old) {
            *block = Block::none(0);
            let mut empty = lock(&self.empty);
            if empty.len() < SPARE {
                empty.push(old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_hazard::Swap;

    use super::super::block::Limits;
    use super::*;

    fn placed(blocks: &Blocks, value: &[u8]) -> Arc<Block> {
        blocks.place(Block::new(Limits::ENDED, 1, None), Some(value))
    }

    /// Sweeps until so many places are empty: what other tests read at this moment may hold it up.
    fn sweep_to(blocks: &Blocks, empty: usize) {
        for _ in 0..10_000 {
            if lock(&blocks.empty).len() == empty {
                return;
            }
            std::thread::yield_now();
            blocks.sweep();
        }
        panic!("{} places are empty", lock(&blocks.empty).len());
    }

    #[test]
    fn what_a_block_leaves_is_wiped_and_used_again() {
        let blocks = Blocks::new();
        let old = Swap::new(placed(&blocks, b"old"));
        let place = Arc::as_ptr(&old.load_full());
        blocks.retire(old.swap(Arc::new(Block::none(0))));
        sweep_to(&blocks, RUN);
        let next = placed(&blocks, b"next");
        assert_eq!((Arc::as_ptr(&next), next.bytes()), (place, &b"next"[..]));
        let all: Vec<_> = lock(&blocks.empty).iter().map(|block| block.is_a_value()).collect();
        assert_eq!(all, [false; RUN - 1]);
    }

    #[test]
    fn what_somebody_reads_stays_until_nobody_does() {
        let blocks = Blocks::new();
        let read = Swap::new(placed(&blocks, b"read"));
        let (noted, counted) = (read.load(), read.load_full());
        blocks.retire(read.swap(Arc::new(Block::none(0))));
        blocks.sweep();
        assert_eq!((noted.bytes(), lock(&blocks.empty).len()), (&b"read"[..], RUN - 1));
        drop(noted);
        blocks.sweep();
        assert_eq!((counted.bytes(), lock(&blocks.empty).len()), (&b"read"[..], RUN - 1));
        drop(counted);
        sweep_to(&blocks, RUN);
        assert!(lock(&blocks.empty).iter().all(|block| !block.is_a_value()));
    }

    #[test]
    fn few_empty_places_are_kept() {
        let blocks = Blocks::new();
        let many: Vec<_> = (0..2 * SPARE).map(|_| Swap::new(placed(&blocks, b"many"))).collect();
        many.iter().for_each(|old| blocks.retire(old.swap(Arc::new(Block::none(0)))));
        sweep_to(&blocks, SPARE);
    }
}
