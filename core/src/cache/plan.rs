//! What a slot remembers of its refreshes: when it is due next, and why.

use std::time::Duration;

use super::clock::Tick;
use crate::{Error, ErrorKind, schedule};

/// The longest wait between two tries at what has no ttl.
const LONGEST: Duration = Duration::from_secs(60);

/// A twentieth of this, or of the ttl if that is shorter, is between two refreshes of one document at least.
const FLOOR: Duration = Duration::from_secs(10);

/// A document that nobody holds and nobody read for so many refreshes is not refreshed any more.
const IDLE: u8 = 10;

/// What a slot remembers of its refreshes.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// When it is due; entries of the queue that say otherwise are out of date.
    due: Tick,
    failures: u8,
    idle: u8,
    /// Whether it was refreshed at all yet.
    settled: bool,
    /// Why it is to be read whatever a listing would say, if it is.
    cause: Option<Cause>,
}

/// Why a document is to be read whatever a listing would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// There is nothing to compare with a listing, or no listing.
    Unknown,
    /// A listing has shown another version than the one that is held.
    Differs,
    /// A listing shows what is held: to see whether it may still be read.
    Verify,
}

impl Cause {
    /// Whether a read for this cause that failed with `error` says that the word of the listing is worth nothing.
    pub(super) fn belies(self, error: &Error) -> bool {
        match self {
            Self::Unknown => false,
            Self::Differs => error.kind() == ErrorKind::PermissionDenied,
            Self::Verify => matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self { due: Tick::NEVER, failures: 0, idle: 0, settled: false, cause: None }
    }
}

impl Schedule {
    pub(crate) fn due(&self) -> Tick {
        self.due
    }

    /// When to read again after a landing. What was read counts from when its read was sent, so that a vault that takes
    /// its time does not make it older.
    pub(super) fn next(&mut self, now: Tick, fetched: Tick, ttl: Duration, failed: bool, used: bool) -> Tick {
        self.idle = if used { 0 } else { self.idle.saturating_add(1) };
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
        self.cause = None;
        let due = if failed {
            now.after(schedule::retry(self.failures, ttl))
        } else if std::mem::replace(&mut self.settled, true) {
            fetched.after(schedule::later(ttl))
        } else {
            fetched.after(schedule::first(ttl))
        };
        // Not at once, though the read took a whole ttl.
        let due = due.max(now.after(ttl.min(FLOOR) / 20));
        self.due = if self.idle > IDLE { Tick::NEVER } else { due };
        self.due
    }

    /// When to read again what has no ttl: only where handles show what another vault gave, or what was to be read
    /// anew and could not be.
    pub(super) fn without_ttl(&mut self, now: Tick, again: bool) -> Tick {
        self.failures = if again { self.failures.saturating_add(1) } else { 0 };
        self.due = if again { now.after(schedule::retry(self.failures, LONGEST)) } else { Tick::NEVER };
        self.due
    }

    /// It has to be read. `scattered`: what comes after that is spread over the whole ttl again.
    pub(super) fn must_read(&mut self, due: Tick, cause: Cause, scattered: bool) {
        self.due = due;
        self.cause = Some(cause);
        self.settled &= !scattered;
    }

    /// Why it is to be read whatever a listing would say.
    pub(super) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// How often it failed in a row.
    pub(super) fn failures(&self) -> u8 {
        self.failures
    }

    /// Whether it is to be read whatever a listing would say.
    pub(super) fn is_to_be_read(&self) -> bool {
        self.cause.is_some()
    }

    /// It is to be read before it is due, to see whether it may still be: any time until then, drawn. When, unless
    /// it is not to be refreshed at all or will be read in any case.
    pub(super) fn verify(&mut self, now: Tick) -> Option<Tick> {
        if self.due == Tick::NEVER || self.is_to_be_read() {
            return None;
        }
        let due = now.after(self.due.since(now).mul_f64(fastrand::f64()));
        self.must_read(due, Cause::Verify, false);
        Some(due)
    }

    pub(super) fn is_due_at(&self, due: Tick) -> bool {
        self.due == due
    }

    pub(super) fn is_due_from_now(&mut self, due: Tick) {
        self.due = due;
    }
}
