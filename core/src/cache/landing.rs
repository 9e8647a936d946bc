//! What becomes of what is known: a document, none, a failure, the word of a listing.

use std::time::Duration;

use super::blocks::Blocks;
use super::cell::Cell;
use super::clock::{Clock, Tick};
use super::kept::Kept;
use super::mount::Mounted;
use super::slot::Slot;
use super::state::{Standing, State};
use crate::{Document, Error, ErrorKind, Policy, VersionState};

impl State {
    /// The vault has a document.
    pub(crate) fn take(
        &mut self,
        document: Document,
        started: Tick,
        slot: &Slot,
        mounted: &Mounted,
        clock: &Clock,
        blocks: &Blocks,
    ) {
        self.standing = Standing::Good;
        self.document = Some(Kept::new(document, clock));
        self.fetched = started;
        self.source = mounted.generation;
        self.listed_until = self.trust(slot, &mounted.vault.policy, started);
        self.land(mounted.generation);
        // All values are picked from one document before a reader can see the first of them only if the reader
        // looks at one cell: what belongs together is read as one document.
        let now = clock.now();
        for cell in slot.cells(self) {
            self.fill(cell, slot.subject.resource(), &mounted.vault.policy, now, blocks);
        }
    }

    /// Takes note of what a listing that was asked for at `asked` says of it: whether that is all there is to know.
    pub(crate) fn confirm(
        &mut self,
        listed: Option<&VersionState>,
        asked: Tick,
        slot: &Slot,
        mounted: &Mounted,
        clock: &Clock,
    ) -> bool {
        match (&self.standing, &self.document) {
            _ if self.generation != mounted.generation => false,
            (_, Some(_)) if self.source != mounted.generation => false,
            // It was read after the question.
            (Standing::Good, Some(_)) if self.fetched > asked => true,
            (_, Some(_)) if asked > self.listed_until => false,
            (Standing::Good | Standing::Failed { .. }, Some(document))
                if listed.is_some_and(|listed| document.is_listed_as(listed, clock)) =>
            {
                for cell in slot.cells(self) {
                    cell.extend(cell.ask.limits(&mounted.vault.policy, document, asked));
                }
                self.standing = Standing::Good;
                self.fetched = asked;
                true
            }
            (Standing::Missing { error, .. }, None) => {
                matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Deleted)
                    && listed.is_none_or(|listed| listed.gone)
            }
            _ => false,
        }
    }

    /// The vault says that there is nothing, or that we may not see it.
    pub(crate) fn miss(&mut self, error: Error, now: Tick, slot: &Slot, generation: u32, blocks: &Blocks) {
        self.standing = Standing::Missing { error, since: now };
        self.land(generation);
        self.document = None;
        slot.cells(self).for_each(|cell| cell.empty(blocks));
    }

    /// The read failed; what is held is kept.
    pub(crate) fn fail(&mut self, error: Error, now: Tick, generation: u32) {
        let before = match self.standing {
            Standing::Failed { failures, .. } if self.generation == generation => failures,
            _ => 0,
        };
        let until = now.after(floor(before));
        self.standing = Standing::Failed { error, failures: before.saturating_add(1), until };
        self.land(generation);
    }

    /// The vault fails, as others that were asked for with it at `asked` have shown: nobody asks before `until`. No
    /// read has ended. Whether that is news.
    pub(crate) fn fail_too(&mut self, error: &Error, asked: Tick, until: Tick, generation: u32) -> bool {
        let fails = matches!(self.standing, Standing::Good)
            && self.document.is_some()
            && (self.generation == generation && self.fetched <= asked);
        if fails {
            self.standing = Standing::Failed { error: error.clone(), failures: 1, until };
        }
        fails
    }

    /// The one who read vanished.
    pub(crate) fn lose(&mut self, error: Error) {
        self.standing = Standing::Lost(error);
        self.land(0);
    }

    /// The next reader asks the vault; until it answers, what is held is served as stale.
    pub(crate) fn forget(&mut self, slot: &Slot) {
        self.generation = 0;
        slot.cells(self).for_each(|cell| cell.load().mark_stale());
    }

    /// Takes everything away for good, and says from how many cells.
    pub(crate) fn end(&mut self, slot: &Slot, blocks: &Blocks) -> usize {
        self.standing = Standing::Unknown;
        self.generation = 0;
        self.document = None;
        slot.cells(self).inspect(|cell| cell.end(blocks)).count()
    }

    /// Until when listings will do for what was read now: for half to the whole of [`TRUST`] times the ttl, or of the
    /// `resurrect_ttl` where that is longer. Drawn, so that what was read together is not read together again.
    fn trust(&self, slot: &Slot, policy: &Policy, read: Tick) -> Tick {
        let ttl = slot.shortest_ttl(self, policy).unwrap_or_default();
        let longest = ttl.saturating_mul(TRUST).max(policy.resurrect_ttl).min(LONGEST_TRUST).max(ttl);
        read.after(longest.mul_f64(0.5 + fastrand::f64() / 2.0))
    }

    fn land(&mut self, generation: u32) {
        self.generation = generation;
        self.landings = self.landings.next();
    }

    pub(super) fn fill(&self, cell: &Cell, resource: &str, policy: &Policy, now: Tick, blocks: &Blocks) {
        let Some(document) = &self.document else { return };
        match cell.ask.pick(document, resource, policy) {
            Ok(value) => {
                let limits = cell.ask.limits(policy, document, self.fetched);
                cell.publish(value.as_bytes(), document.version(), limits, now, blocks);
            }
            Err(_) => cell.empty(blocks),
        }
    }
}

/// How long nobody asks again after a failure that came after so many others: readers of a document that keeps failing
/// ask one after the other and not one upon the other. One failure alone holds nobody back.
fn floor(before: u8) -> Duration {
    match before {
        0 => Duration::ZERO,
        _ => FLOOR
            .0
            .saturating_mul(1 << (before - 1).min(8))
            .min(FLOOR.1)
            .mul_f64(0.75 + fastrand::f64() / 2.0),
    }
}

/// The wait after a second failure in a row, and the longest.
const FLOOR: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// For how long listings will do at most, however long a value may be served.
const LONGEST_TRUST: Duration = Duration::from_secs(30 * 24 * 3600);

/// For how many times the ttl listings will do: what is really read meanwhile is next to nothing beside the listings.
const TRUST: u32 = 5_000;
