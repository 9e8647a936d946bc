//! The secrets that a configuration is made of: where each value lies, and which one was taken.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::Guard;

use crate::Secret;
use crate::cache::{Block, Cell, Pinned, Tick};
use crate::registry::Gathered;

/// Where the values lie: one cell for each reference, and the distinct documents that these are in.
pub(super) struct Sources {
    cells: Vec<(Pinned, Arc<Cell>)>,
    documents: Vec<Document>,
}

struct Document {
    slot: Pinned,
    /// The places of its cells.
    places: Vec<usize>,
}

/// The values that were taken at one moment, one for each reference.
pub(super) struct Taken(Vec<Arc<Block>>);

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

    pub(super) fn cell(&self, place: usize) -> Option<&(Pinned, Arc<Cell>)> {
        self.cells.get(place)
    }

    /// One cell of each document.
    pub(super) fn first_cells(&self) -> impl Iterator<Item = (usize, &(Pinned, Arc<Cell>))> {
        self.documents.iter().filter_map(|document| {
            let place = *document.places.first()?;
            Some((place, self.cells.get(place)?))
        })
    }

    /// All values as they are. Those of one document belong together: a landing fills its cells under the same
    /// lock.
    pub(super) fn take(&self) -> Taken {
        let mut taken: Vec<_> = self.cells.iter().map(|(_, cell)| Guard::into_inner(cell.load())).collect();
        for document in self.documents.iter().filter(|document| document.places.len() > 1) {
            document.slot.flights.with(|_| {
                for place in &document.places {
                    taken[*place] = Guard::into_inner(self.cells[*place].1.load());
                }
            });
        }
        Taken(taken)
    }

    /// The first value of those taken that may not be served any more.
    pub(super) fn first_ended(&self, taken: &Taken, now: Tick) -> Option<usize> {
        self.cells.iter().zip(&taken.0).position(|((_, cell), taken)| {
            let present = cell.load();
            let serves = if present.serial() == taken.serial() {
                present.is_live(now)
            } else {
                // Another value took its place, and it is served within its own limits; unless nothing did.
                present.is_a_value() && taken.is_live(now)
            };
            !serves
        })
    }

    /// The first place at which there is no value to be served now.
    pub(super) fn first_without_value(&self, now: Tick) -> Option<usize> {
        self.cells.iter().position(|(_, cell)| !cell.load().is_live(now))
    }

    /// Whether a value that was taken is older than it should be, or another one took its place.
    pub(super) fn is_stale(&self, taken: &Taken, now: Tick) -> bool {
        self.cells.iter().zip(&taken.0).any(|((_, cell), taken)| {
            let present = cell.load();
            present.serial() != taken.serial() || !present.is_fresh(now)
        })
    }
}

impl Taken {
    /// Which values these are.
    pub(super) fn serials(&self) -> Vec<u32> {
        self.0.iter().map(|block| block.serial()).collect()
    }

    /// The first that is none, or has ended.
    pub(super) fn first_ended(&self, now: Tick) -> Option<usize> {
        self.0.iter().position(|block| !block.is_live(now))
    }

    pub(super) fn values(&self) -> Vec<Secret> {
        self.0.iter().map(|block| Secret::new(block.bytes())).collect()
    }
}
