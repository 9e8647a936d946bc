//! What is known of a document, and what follows from that for those who want it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::block::Block;
use super::blocks::Blocks;
use super::cell::{Cell, Further};
use super::clock::{Clock, Tick};
use super::kept::{Edition, Kept};
use super::mount::Mounted;
use super::plan::Schedule;
use super::slot::Slot;
use crate::{Error, ErrorKind, Fetched, Secret, VersionState};

/// What is known of a document.
pub(crate) struct State {
    pub(super) standing: Standing,
    /// The last good document, as long as it may be served.
    pub(super) document: Option<Kept>,
    /// When the read that brought the document was sent.
    pub(super) fetched: Tick,
    /// Until when the word of a listing will do: to one who may list and no longer read, all seems unchanged.
    pub(super) listed_until: Tick,
    /// Which vault of the prefix the standing comes from; 0 for none, so that the next reader asks anew.
    pub(super) generation: u32,
    /// Which vault of the prefix gave the document.
    pub(super) source: u32,
    pub(super) landings: Landings,
    /// About how many bytes all this takes, as last counted, up to 4 GiB; [`GONE`] once it has left the table.
    weight: u32,
    schedule: Schedule,
    /// The cells beside the slot's first, for what else references ask for. Boxed, since mostly there are none and there
    /// are many of these.
    #[expect(clippy::box_collection, reason = "one word where there are none")]
    pub(super) further: Option<Box<Vec<Arc<Further>>>>,
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
pub(super) enum Standing {
    /// There was none.
    Unknown,
    /// With the document.
    Good,
    /// There is no such document, or it may not be read: remembered for a while.
    Missing { error: Error, since: Tick },
    /// It failed for a reason that may pass. The document, if any, is served within its limits; until `until` nobody
    /// asks again.
    Failed { error: Error, failures: u8, until: Tick },
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

impl State {
    pub(super) fn new() -> Self {
        Self {
            standing: Standing::Unknown,
            document: None,
            fetched: Tick::PAST,
            listed_until: Tick::PAST,
            generation: 0,
            source: 0,
            landings: Landings::default(),
            weight: 0,
            schedule: Schedule::default(),
            further: None,
        }
    }

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

    /// Whether the vault said that there is nothing, or denied it.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self.standing, Standing::Missing { .. })
    }

    /// How the last read failed, if it did.
    pub(crate) fn error(&self) -> Option<&Error> {
        match &self.standing {
            Standing::Missing { error, .. } | Standing::Failed { error, .. } | Standing::Lost(error) => {
                Some(error)
            }
            Standing::Unknown | Standing::Good => None,
        }
    }

    /// Whether the last read failed for a reason that may pass.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.standing, Standing::Failed { .. } | Standing::Lost(_))
    }

    /// Which edition this generation of the vault gave last, whatever became of later reads.
    pub(crate) fn held(&self, generation: u32) -> Option<Edition> {
        self.document.as_ref().filter(|_| self.source == generation).map(Kept::edition)
    }

    /// Whether the document comes from a vault that was replaced.
    pub(super) fn is_of_another_vault(&self, generation: u32) -> bool {
        self.document.is_some() && self.source != generation
    }

    /// Whether a handle shows what is no longer fresh, or another vault's.
    pub(super) fn is_overdue(&self, slot: &Slot, generation: u32, now: Tick) -> bool {
        self.document.is_some()
            && (self.source != generation || slot.cells(self).any(|cell| !cell.load().is_fresh(now)))
    }

    pub(crate) fn document(&self) -> Option<&Kept> {
        self.document.as_ref()
    }

    pub(super) fn further(&self) -> impl Iterator<Item = &Arc<Further>> {
        self.further.iter().flat_map(|further| further.iter())
    }

    /// Before another cell is made: where there are many, or their values are large, of those that nobody holds half of the
    /// bound stays; those that were not read since the last time go first. What is asked for may come from whoever sends
    /// requests, and the document answers it in any case. Says how many went.
    pub(super) fn make_room_for_a_cell(&mut self, blocks: &Blocks) -> usize {
        let Some(further) = &mut self.further else { return 0 };
        let before = further.len();
        let is_crowded = before >= CELLS && before == further.capacity();
        let loose = || further.iter().filter(|further| !further.is_pinned());
        let bytes: usize = loose().map(|further| further.cell.load().heap()).sum();
        let bound = self.document.as_ref().map_or(0, Kept::heap).max(LOOSE);
        if !is_crowded && bytes <= bound {
            return 0;
        }
        let (mut many, mut heavy) =
            (loose().count().saturating_sub(CELLS / 2), bytes.saturating_sub(bound / 2));
        for even_if_used in [false, true] {
            further.retain(|further| {
                let cell = &further.cell;
                let goes =
                    (many > 0 || heavy > 0) && !further.is_pinned() && (!cell.was_used() || even_if_used);
                if goes {
                    many = many.saturating_sub(1);
                    heavy = heavy.saturating_sub(cell.load().heap());
                    cell.end(blocks);
                }
                !goes
            });
        }
        // Where handles hold nearly all of them, the next look is after as many again: each costs no more than a few.
        if further.len() > further.capacity() / 2 {
            further.reserve(further.len());
        } else {
            further.shrink_to(CELLS.max(2 * further.len()));
        }
        before - further.len()
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
            // Who asks the new vault is told what it says; handles have what the old one gave.
            (Standing::Failed { error, until, .. }, _)
                if is_a_miss(error) && self.is_of_another_vault(mounted.generation) =>
            {
                (now < *until).then(|| Err(error.clone()))
            }
            (Standing::Failed { error, until, .. }, _) => {
                let block = cell.load();
                if block.is_a_value() && block.is_live(now) {
                    // What may be served is read anew in the background, however many ask for it.
                    // Whoever sees to that needs a moment.
                    let due = Some(self.schedule.due()).filter(|due| *due != Tick::NEVER);
                    let due = due.map(|due| due.after(LATE));
                    return (now < due.unwrap_or(*until).max(*until)).then(|| Ok(fetched(&block, now)));
                }
                (now < *until).then(|| Err(error.clone()))
            }
            (Standing::Good, Some(document)) => {
                let block = cell.load();
                if block.is_a_value() {
                    return block.is_fresh(now).then(|| Ok(fetched(&block, now)));
                }
                // The document is there and has no such value: a miss like any other.
                let miss = cell.ask.pick(document, slot.subject.resource(), policy).err()?;
                (now < self.fetched.after(neg_ttl)).then_some(Err(miss))
            }
            _ => None,
        }
    }

    /// What a reader gets who waited for a landing; nothing where all was taken away since. Where the read failed that is
    /// what is served all the same, unless the reader wants to know of that.
    pub(crate) fn landed(
        &self,
        cell: &Cell,
        slot: &Slot,
        mounted: &Mounted,
        now: Tick,
        is_served: bool,
    ) -> Option<Landed> {
        let block = cell.load();
        let held = (block.is_a_value() && block.is_live(now)).then(|| fetched(&block, now));
        Some(Landed::Here(match (&self.standing, &self.document) {
            (Standing::Unknown, _) => return None,
            (Standing::Lost(error), _) => return Some(Landed::Lost(error.clone())),
            (Standing::Missing { error, .. }, _) => Err(error.clone()),
            (Standing::Failed { error, .. }, _)
                if is_a_miss(error) && self.is_of_another_vault(mounted.generation) =>
            {
                Err(error.clone())
            }
            (Standing::Failed { error, .. }, _) => match held {
                Some(held) if is_served => Ok(held),
                Some(_) => Err(error.clone().note(STILL_SERVED)),
                None => Err(error.clone()),
            },
            (Standing::Good, document) => held.ok_or_else(|| {
                let policy = &mounted.vault.policy;
                let miss = document
                    .as_ref()
                    .and_then(|document| cell.ask.pick(document, slot.subject.resource(), policy).err());
                miss.unwrap_or_else(|| self.expired(now))
            }),
        }))
    }

    /// Whether the document that this generation of the vault gave is what a listing shows; none where none is held.
    pub(crate) fn is_listed_as(
        &self,
        listed: Option<&VersionState>,
        generation: u32,
        clock: &Clock,
    ) -> Option<bool> {
        let held = self.document.as_ref().filter(|_| self.source == generation)?;
        Some(listed.is_some_and(|listed| held.is_listed_as(listed, clock)))
    }

    /// Until when the word of a listing will do for the document, by which those that were not read for long come first.
    pub(crate) fn listed_until(&self) -> Tick {
        self.listed_until
    }

    /// The value was there and may no longer be served.
    pub(super) fn expired(&self, now: Tick) -> Error {
        let age = now.since(self.fetched).as_secs();
        let message = format!("the value may no longer be served: it was last read {age} s ago");
        match &self.standing {
            Standing::Failed { error, .. } | Standing::Lost(error) => error.clone().context(message),
            _ => Error::new(ErrorKind::Unavailable, message).transient(),
        }
    }

    /// About how many bytes it takes: as last counted, and now. None once it has left the table.
    pub(crate) fn weigh(&mut self, slot: &Slot) -> Option<(usize, usize)> {
        let before = self.weight;
        let cells = slot.cells(self).map(|cell| size_of::<Cell>() + size_of::<Block>() + cell.load().heap());
        let document = self.document.as_ref().map_or(0, Kept::heap);
        let now = size_of::<Slot>() + document + cells.sum::<usize>();
        let now = u32::try_from(now).unwrap_or(u32::MAX).min(GONE - 1);
        (before != GONE).then(|| {
            self.weight = now;
            (before as usize, now as usize)
        })
    }

    /// Notes that it leaves the table, and gives back what it was counted for.
    pub(crate) fn leave(&mut self) -> usize {
        let weight = self.weight();
        self.weight = GONE;
        weight
    }

    /// About how many bytes it took when it was last weighed.
    pub(crate) fn weight(&self) -> usize {
        if self.weight == GONE { 0 } else { self.weight as usize }
    }
}

const STILL_SERVED: &str = "what was read before is still served";

/// So many cells beside its first a slot may have, whoever holds them.
const CELLS: usize = 128;

/// So many bytes the values in those may have that nobody holds, or as many as the document.
const LOOSE: usize = 64 << 10;

/// The weight of what has left the table.
const GONE: u32 = u32::MAX;

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

/// How late a read in the background may begin before readers see to it themselves.
const LATE: Duration = Duration::from_secs(1);
