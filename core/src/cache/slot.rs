//! One document of one vault, and the cells that readers look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::ask::Ask;
use super::blocks::Blocks;
use super::cell::{Cell, CellRef, Further, PinnedCell};
use super::clock::Tick;
use super::flight::Flights;
use super::mount::{Mount, Mounted};
use super::state::{Standing, State};
use super::subject::Subject;
use crate::{Error, ErrorKind, escaped};

/// A resource in one version, with the options that belong to its identity.
///
/// In the order of C, so that the cell lies where it does in a [`Further`]: a reader need not look which of them it has.
#[repr(C)]
pub(crate) struct Slot {
    /// What the first reference to it has asked for.
    first: Cell,
    pub(crate) mount: Arc<Mount>,
    pub(crate) subject: Subject,
    pub(crate) flights: Flights<State>,
    /// How many handles and waiting readers hold it. While any does, it is not evicted. Leaves zero only under the
    /// table's lock.
    pub(super) pins: AtomicU32,
}

impl Slot {
    pub(crate) fn new(mount: Arc<Mount>, subject: Subject, ask: Arc<Ask>, blocks: &Blocks) -> Self {
        let first = Cell::new(ask, blocks);
        Self { mount, subject, first, flights: Flights::new(State::new()), pins: AtomicU32::new(0) }
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::Acquire) > 0
    }

    /// The cell for what a reference asks for, filled from the document that is held, and how many others were ended to make
    /// room for it.
    pub(crate) fn cell(
        self: &Arc<Self>,
        ask: &Arc<Ask>,
        mounted: &Mounted,
        now: Tick,
        blocks: &Blocks,
    ) -> (PinnedCell, usize) {
        if Arc::ptr_eq(&self.first.ask, ask) {
            return (PinnedCell::new(CellRef::First(self.clone())), 0);
        }
        self.flights.with(|state| {
            let known = state.further().find(|further| Arc::ptr_eq(&further.cell.ask, ask)).cloned();
            let (further, ended) = known.map_or_else(
                || {
                    let ended = state.make_room_for_a_cell(blocks);
                    let further = Further::new(Cell::new(ask.clone(), blocks));
                    if state.generation == mounted.generation && state.source == mounted.generation {
                        state.fill(
                            &further.cell,
                            self.subject.resource(),
                            &mounted.vault.policy,
                            now,
                            blocks,
                        );
                    }
                    state.further.get_or_insert_default().push(further.clone());
                    (further, ended)
                },
                |known| (known, 0),
            );
            (PinnedCell::new(CellRef::Further(further)), ended)
        })
    }

    /// Whether the last read brought the document.
    pub(crate) fn is_good(&self) -> bool {
        self.flights.with(|state| matches!(state.standing, Standing::Good))
    }

    /// What it is, as a reference to all of it, without its options.
    pub(crate) fn shown(&self) -> String {
        let version = self.subject.version().map(|version| format!("#{version}")).unwrap_or_default();
        let reference = format!("{{vault://{}/{}/{version}}}", self.mount.prefix(), self.subject.resource());
        escaped(&reference).to_string()
    }

    pub(crate) fn first(&self) -> &Cell {
        &self.first
    }

    /// All cells that references have asked for.
    pub(crate) fn cells<'a>(&'a self, state: &'a State) -> impl Iterator<Item = &'a Cell> {
        std::iter::once(&self.first).chain(state.further().map(|further| &further.cell))
    }

    /// Why a handle has nothing to show.
    pub(crate) fn explain(&self, cell: &Cell, now: Tick) -> Error {
        let mounted = match self.mount.mounted() {
            Ok(mounted) => mounted,
            Err(error) => return error,
        };
        let policy = &mounted.vault.policy;
        let error = self.flights.with(|state| match (&state.standing, &state.document) {
            (Standing::Missing { error, .. }, _) => error.clone(),
            (_, Some(document)) => match cell.ask.pick(document, self.subject.resource(), policy) {
                Err(error) => error,
                Ok(_) => state.expired(now),
            },
            (Standing::Failed { error, .. } | Standing::Lost(error), None) => error.clone(),
            (Standing::Unknown | Standing::Good, None) => {
                Error::new(ErrorKind::Unavailable, "the value was dropped; get it anew").transient()
            }
        });
        self.mount.place(error, &mounted.vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_document_is_small() {
        assert!(size_of::<State>() <= 96 && size_of::<Slot>() <= 176, "there are many");
    }
}
