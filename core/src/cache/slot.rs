//! One document of one vault: what is known of it, and the cells that readers look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use super::ask::Ask;
use super::block::{Block, Limits};
use super::cell::Cell;
use super::clock::{Clock, Tick};
use super::flight::Flights;
use super::mount::{Mount, Mounted};
use super::retired::Retired;
use super::rotate::Schedule;
use crate::{Document, Error, ErrorKind, Fetched, Policy, ReadRequest, Secret};

/// A resource in one version, with the options that belong to its identity.
pub(crate) struct Slot {
    pub(crate) mount: Arc<Mount>,
    pub(crate) request: ReadRequest,
    pub(crate) flights: Flights<State>,
    /// How many handles and waiting readers hold it. While any does, it is not evicted. Leaves zero only under the
    /// table's lock.
    pub(super) pins: AtomicU32,
}

/// What is known of a document.
pub(crate) struct State {
    standing: Standing,
    /// The last good document, as long as it may be served.
    document: Option<Arc<Document>>,
    /// When the read that brought the document was sent.
    fetched: Tick,
    /// Which vault of the prefix the standing comes from; 0 for none, so that the next reader asks anew.
    generation: u32,
    landings: Landings,
    /// About how many bytes all this takes, as last counted; none once it has left the table.
    weight: Option<usize>,
    schedule: Schedule,
    /// One for each thing that references ask for.
    cells: Box<[Arc<Cell>]>,
}

/// Counts how often reads of a slot have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Landings(u32);

impl Landings {
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    pub(crate) fn before(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// Whether there were more.
    pub(crate) fn are_after(self, since: Self) -> bool {
        let more = self.0.wrapping_sub(since.0);
        0 < more && more < u32::MAX / 2
    }
}

/// How the last read ended.
enum Standing {
    /// There was none.
    Unknown,
    /// With the document.
    Good,
    /// There is no such document, or it may not be read: remembered for a while.
    Missing { error: Error, since: Tick },
    /// It failed for a reason that may pass. The document, if any, is served within its limits.
    Failed(Error),
    /// Its reader vanished, for instance with its runtime.
    Lost(Error),
}

/// What a reader finds after a landing.
pub(crate) enum Landed {
    /// The result.
    Here(Result<Fetched, Error>),
    /// The one who read vanished: somebody may try again.
    Lost(Error),
}

impl Slot {
    pub(crate) fn new(mount: Arc<Mount>, request: ReadRequest) -> Self {
        let state = State {
            standing: Standing::Unknown,
            document: None,
            fetched: Tick::PAST,
            generation: 0,
            landings: Landings::default(),
            weight: Some(0),
            schedule: Schedule::default(),
            cells: Box::default(),
        };
        Self { mount, request, flights: Flights::new(state), pins: AtomicU32::new(0) }
    }

    pub(crate) fn is_pinned(&self) -> bool {
        self.pins.load(Ordering::Acquire) > 0
    }

    /// The cell for what a reference asks for, filled from the document that is held.
    pub(crate) fn cell(
        &self,
        ask: Ask,
        mounted: &Mounted,
        clock: &Clock,
        retired: &Retired<Block>,
    ) -> Arc<Cell> {
        self.flights.with(|state| {
            if let Some(cell) = state.cells.iter().find(|cell| cell.ask == ask) {
                return cell.clone();
            }
            let cell = Arc::new(Cell::new(ask));
            if state.generation == mounted.generation {
                state.fill(&cell, &self.request.resource, &mounted.vault.policy, clock, retired);
            }
            let mut cells = std::mem::take(&mut state.cells).into_vec();
            cells.push(cell.clone());
            state.cells = cells.into_boxed_slice();
            cell
        })
    }

    /// A cell, if any reference has asked for one yet.
    pub(crate) fn any_cell(&self) -> Option<Arc<Cell>> {
        self.flights.with(|state| state.cells.first().cloned())
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
            (_, Some(document)) => match cell.ask.pick(document, &self.request.resource, policy) {
                Err(error) => error,
                Ok(_) => state.expired(now),
            },
            (Standing::Failed(error) | Standing::Lost(error), None) => error.clone(),
            (Standing::Unknown | Standing::Good, None) => {
                Error::new(ErrorKind::Unavailable, "the value was dropped; get it anew").transient()
            }
        });
        self.mount.place(error, &mounted.vault)
    }
}

impl State {
    pub(crate) fn landings(&self) -> Landings {
        self.landings
    }

    pub(crate) fn schedule(&mut self) -> &mut Schedule {
        &mut self.schedule
    }

    /// When the document was read, if there is one.
    pub(crate) fn fetched(&self) -> Option<Tick> {
        self.document.as_ref().map(|_| self.fetched)
    }

    /// Whether the last read failed for a reason that may pass.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.standing, Standing::Failed(_) | Standing::Lost(_))
    }

    /// The document that this generation of the vault gave last.
    pub(crate) fn held(&self, generation: u32) -> Option<Arc<Document>> {
        self.document.clone().filter(|_| self.generation == generation)
    }

    pub(crate) fn document(&self) -> Option<&Arc<Document>> {
        self.document.as_ref()
    }

    pub(crate) fn cells(&self) -> &[Arc<Cell>] {
        &self.cells
    }

    /// What a reader gets without anybody asking the vault.
    pub(crate) fn known(
        &self,
        cell: &Cell,
        slot: &Slot,
        mounted: &Mounted,
        now: Tick,
    ) -> Option<Result<Fetched, Error>> {
        if self.generation != mounted.generation {
            return None;
        }
        let policy = &mounted.vault.policy;
        let neg_ttl = cell.ask.neg_ttl(policy);
        match (&self.standing, &self.document) {
            (Standing::Missing { error, since }, _) if now < since.after(neg_ttl) => Some(Err(error.clone())),
            (Standing::Good, Some(document)) => {
                let block = cell.load();
                if block.is_a_value() {
                    return block.is_fresh(now).then(|| Ok(fetched(&block, now)));
                }
                // The document is there and has no such value: a miss like any other.
                let miss = cell.ask.pick(document, &slot.request.resource, policy).err()?;
                (now < self.fetched.after(neg_ttl)).then_some(Err(miss))
            }
            _ => None,
        }
    }

    /// What a reader gets who waited for a landing; nothing where all was taken away since.
    pub(crate) fn landed(&self, cell: &Cell, slot: &Slot, mounted: &Mounted, now: Tick) -> Option<Landed> {
        let block = cell.load();
        let held = (block.is_a_value() && block.is_live(now)).then(|| fetched(&block, now));
        Some(Landed::Here(match (&self.standing, &self.document) {
            (Standing::Unknown, _) => return None,
            (Standing::Lost(error), _) => return Some(Landed::Lost(error.clone())),
            (Standing::Missing { error, .. }, _) => Err(error.clone()),
            (Standing::Failed(error), _) => held.ok_or_else(|| error.clone()),
            (Standing::Good, document) => held.ok_or_else(|| {
                let policy = &mounted.vault.policy;
                let miss = document
                    .as_ref()
                    .and_then(|document| cell.ask.pick(document, &slot.request.resource, policy).err());
                miss.unwrap_or_else(|| self.expired(now))
            }),
        }))
    }

    /// The vault has a document.
    pub(crate) fn take(
        &mut self,
        document: Document,
        started: Tick,
        slot: &Slot,
        mounted: &Mounted,
        clock: &Clock,
        retired: &Retired<Block>,
    ) {
        self.standing = Standing::Good;
        self.document = Some(Arc::new(document));
        self.fetched = started;
        self.land(mounted.generation);
        // All values are picked from one document before a reader can see the first of them only if the reader
        // looks at one cell: what belongs together is read as one document.
        for cell in &self.cells {
            self.fill(cell, &slot.request.resource, &mounted.vault.policy, clock, retired);
        }
    }

    /// The vault says that there is nothing, or that we may not see it.
    pub(crate) fn miss(&mut self, error: Error, now: Tick, generation: u32, retired: &Retired<Block>) {
        self.standing = Standing::Missing { error, since: now };
        self.land(generation);
        self.empty(retired);
    }

    /// The read failed; what is held is kept.
    pub(crate) fn fail(&mut self, error: Error, generation: u32) {
        self.standing = Standing::Failed(error);
        self.land(generation);
    }

    /// The one who read vanished.
    pub(crate) fn lose(&mut self, error: Error) {
        self.standing = Standing::Lost(error);
        self.land(0);
    }

    /// The next reader asks the vault; until it answers, what is held is served as stale.
    pub(crate) fn forget(&mut self) {
        self.generation = 0;
        for cell in &self.cells {
            cell.load().mark_stale();
        }
    }

    /// Takes everything away for good.
    pub(crate) fn end(&mut self, retired: &Retired<Block>) {
        self.standing = Standing::Unknown;
        self.generation = 0;
        self.document = None;
        self.cells.iter().for_each(|cell| cell.end(retired));
    }

    fn land(&mut self, generation: u32) {
        self.generation = generation;
        self.landings = self.landings.next();
    }

    fn empty(&mut self, retired: &Retired<Block>) {
        self.document = None;
        self.cells.iter().for_each(|cell| cell.publish(None, None, Limits::ENDED, retired));
    }

    fn fill(&self, cell: &Cell, resource: &str, policy: &Policy, clock: &Clock, retired: &Retired<Block>) {
        let Some(document) = &self.document else { return };
        let value = cell.ask.pick(document, resource, policy).ok();
        let limits = cell.ask.limits(policy, document, self.fetched, clock);
        cell.publish(value.as_ref(), document.version(), limits, retired);
    }

    /// The value was there and may no longer be served.
    fn expired(&self, now: Tick) -> Error {
        let age = now.since(self.fetched).as_secs();
        let message = format!("the value may no longer be served: it was last read {age} s ago");
        match &self.standing {
            Standing::Failed(error) | Standing::Lost(error) => error.clone().context(message),
            _ => Error::new(ErrorKind::Unavailable, message).transient(),
        }
    }

    /// About how many bytes it takes: as last counted, and now. None once it has left the table.
    pub(crate) fn weigh(&mut self) -> Option<(usize, usize)> {
        let before = self.weight?;
        let cells = self.cells.iter().map(|cell| size_of::<Cell>() + size_of::<Block>() + cell.load().heap());
        let document = self.document.as_ref().map_or(0, |document| document.as_bytes().len());
        let now = size_of::<Slot>() + document + cells.sum::<usize>();
        self.weight = Some(now);
        Some((before, now))
    }

    /// Notes that it leaves the table, and gives back what it was counted for.
    pub(crate) fn leave(&mut self) -> usize {
        self.weight.take().unwrap_or(0)
    }

    /// About how many bytes it took when it was last weighed.
    pub(crate) fn weight(&self) -> usize {
        self.weight.unwrap_or(0)
    }
}

fn fetched(block: &Block, now: Tick) -> Fetched {
    let at = SystemTime::now().checked_sub(block.age(now)).unwrap_or(SystemTime::UNIX_EPOCH);
    Fetched::new(Secret::new(block.bytes()), block.version(), at)
}

/// Whether a failure says something about the secret, so that asking again at once would bring the same answer.
pub(crate) fn is_a_miss(error: &Error) -> bool {
    use ErrorKind::{Deleted, InvalidValue, NotFound, PermissionDenied, Unsupported};
    !error.is_retryable()
        && matches!(error.kind(), NotFound | Deleted | PermissionDenied | Unsupported | InvalidValue)
}

/// How long an answer that takes a held value away is doubted.
pub(crate) const DOUBT: Duration = Duration::from_secs(1);
