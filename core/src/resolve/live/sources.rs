//! The secrets that a configuration is made of: where each value lies, and which one was taken.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Secret;
use crate::cache::{AtomicTick, Block, Pinned, PinnedCell, Tick};
use crate::registry::Gathered;

/// Where the values lie: one cell for each reference, and the distinct documents that these are in.
pub(super) struct Sources {
    cells: Vec<(Pinned, PinnedCell)>,
    documents: Vec<Document>,
}

struct Document {
    slot: Pinned,
    /// The places of its cells.
    places: Vec<usize>,
}

/// The values that were there at one moment, one for each reference, and until when each might be served then.
pub(super) struct Taken(Vec<(Arc<Block>, Tick)>);

/// Which values a configuration was built from, and until when they may be served.
pub(super) struct Used(Vec<(u32, AtomicTick)>);

impl Sources {
    pub(super) fn new(gathered: Vec<Gathered>) -> Self {
        let mut documents: Vec<Document> = Vec::new();
        let mut known = HashMap::new();
        for (place, Gathered { slot, .. }) in gathered.iter().enumerate() {
            let at = *known.entry(Arc::as_ptr(slot)).or_insert_with(|| {
                documents.push(Document { slot: slot.clone(), places: Vec::new() });
                documents.len() - 1
            });
            documents[at].places.push(place);
        }
        let cells = gathered.into_iter().map(|Gathered { slot, cell, .. }| (slot, cell)).collect();
        Self { cells, documents }
    }

    /// The distinct documents.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Pinned> {
        self.documents.iter().map(|document| &document.slot)
    }

    pub(super) fn cell(&self, place: usize) -> Option<&(Pinned, PinnedCell)> {
        self.cells.get(place)
    }

    /// One cell of each document, by its place.
    pub(super) fn first_cells(&self) -> impl Iterator<Item = (usize, &(Pinned, PinnedCell))> {
        self.documents.iter().filter_map(|document| {
            let place = *document.places.first()?;
            Some((place, self.cells.get(place)?))
        })
    }

    /// All values as they are. A landing fills the cells of its document under the same lock, so those of one
    /// document belong together, and none of them is just being replaced. Their limits are taken there too: those of
    /// a value that is replaced later say nothing any more.
    pub(super) fn take(&self) -> Taken {
        let take = |(_, cell): &(Pinned, PinnedCell)| {
            let block = cell.load_full();
            let until = block.deadline();
            (block, until)
        };
        let mut taken: Vec<_> = self.cells.iter().map(take).collect();
        for document in &self.documents {
            document.slot.flights.with(|_| {
                for place in &document.places {
                    taken[*place] = take(&self.cells[*place]);
                }
            });
        }
        Taken(taken)
    }

    /// The first of those values that may not be served any more.
    pub(super) fn first_ended(&self, used: &Used, now: Tick) -> Option<usize> {
        self.cells.iter().zip(&used.0).position(|((_, cell), (serial, until))| {
            let present = cell.load();
            // A value whose successor is being put in its place keeps the limit that it had.
            if present.serial() == *serial && present.is_current(now) {
                until.store(present.deadline());
            }
            // Where another value took its place, it is served within its own limit; where none did, not at all.
            !present.is_a_value() || now >= until.load()
        })
    }

    /// The first place at which there is no value to be served now.
    pub(super) fn first_without_value(&self, now: Tick) -> Option<usize> {
        self.cells.iter().position(|(_, cell)| !cell.load().is_live(now))
    }

    /// Whether one of those values is older than it should be, or another one took its place.
    pub(super) fn is_stale(&self, used: &Used, now: Tick) -> bool {
        self.cells.iter().zip(&used.0).any(|((_, cell), (serial, _))| {
            let present = cell.load();
            present.serial() != *serial || !present.is_fresh(now)
        })
    }
}

impl Taken {
    pub(super) fn serials(&self) -> Vec<u32> {
        self.0.iter().map(|(block, _)| block.serial()).collect()
    }

    /// The first that is no value, or may not be served.
    pub(super) fn first_ended(&self, now: Tick) -> Option<usize> {
        self.0.iter().position(|(block, until)| !block.is_a_value() || now >= *until)
    }

    pub(super) fn values(&self) -> Vec<Secret> {
        self.0.iter().map(|(block, _)| Secret::new(block.bytes())).collect()
    }

    pub(super) fn used(&self) -> Used {
        Used(self.0.iter().map(|(block, until)| (block.serial(), AtomicTick::new(*until))).collect())
    }
}
