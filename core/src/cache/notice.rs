//! What is told of landings: events, log lines and figures, none of them with a value.

use std::sync::{Arc, Mutex};

use super::clock::Tick;
use super::kept::Kept;
use super::outbox::Next;
use super::slot::Slot;
use super::state::{State, is_a_miss};
use super::{Cache, Mount};
use crate::sync::lock;
use crate::{Error, Heard, RotationEvent, RotationKind, metrics};

/// What can be seen of a slot from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance {
    /// Whether there is a document.
    pub(super) held: bool,
    /// Whether the vault said that there is none.
    pub(super) missing: bool,
    pub(super) failed: bool,
    pub(super) version: Option<u64>,
    /// Changes with every value of every cell.
    pub(super) serials: u32,
}

impl Glance {
    /// What became of it between two glances.
    fn kinds(self, after: Self) -> impl Iterator<Item = RotationKind> {
        let other = (after.version, after.serials) != (self.version, self.serials);
        let changed = after.held && ((self.held && other) || self.missing);
        let gone = self.held && !after.held;
        let failing = after.held && after.failed && !self.failed;
        let recovered = self.failed && after.held && !after.failed;
        [
            (recovered, RotationKind::Recovered),
            (changed, RotationKind::Changed),
            (gone, RotationKind::Gone),
            (failing, RotationKind::Failing),
        ]
        .into_iter()
        .filter_map(|(is, kind)| is.then_some(kind))
    }
}

/// What became of a slot between two glances.
pub(super) struct Change {
    slot: Arc<Slot>,
    before: Glance,
    after: Glance,
}

/// How a vault answers, as its last answers show.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<Beats>);

/// The last answer of each sort.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beats {
    /// When a vault last answered, be it with a refusal.
    pub(crate) answered: Option<Tick>,
    /// The last failure and when it came.
    pub(crate) failure: Option<(Error, Tick)>,
    failing: bool,
    /// Which vault of the prefix is heard.
    generation: u32,
}

impl Pulse {
    pub(crate) fn beats(&self) -> Beats {
        lock(&self.0).clone()
    }

    /// Of the vault of a generation. What those before it say is not heard any more.
    pub(super) fn of(generation: u32) -> Self {
        Self(Mutex::new(Beats { generation, ..Beats::default() }))
    }

    /// Another vault has taken the place.
    pub(super) fn restart(&self, generation: u32) {
        *lock(&self.0) = Beats { generation, ..Beats::default() };
    }
}

impl Beats {
    /// Whether the last answer was a failure.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing
    }
}

/// Whether the vault failed, and did not just say no.
fn failure<T>(answer: &Result<T, Error>) -> Option<&Error> {
    answer.as_ref().err().filter(|error| !is_a_miss(error))
}

impl Cache {
    /// Notes how the vault of a generation has answered. What it says once another has taken its place is counted, and
    /// says nothing about the other.
    pub(super) fn note_answer<T>(
        &self,
        mount: &Mount,
        generation: u32,
        operation: &'static str,
        answer: &Result<T, Error>,
    ) {
        metrics::upstream(mount.prefix(), operation, answer.as_ref().err());
        let now = self.clock.now();
        let failure = failure(answer);
        let turned = {
            let mut beats = lock(&mount.pulse.0);
            (beats.generation == generation).then(|| {
                match failure {
                    Some(error) => beats.failure = Some((error.clone(), now)),
                    None => beats.answered = Some(now),
                }
                std::mem::replace(&mut beats.failing, failure.is_some()) != failure.is_some()
            })
        };
        match failure {
            Some(error) if turned == Some(true) => {
                tracing::warn!(prefix = mount.prefix(), "the vault fails: {error}");
            }
            None if turned == Some(true) => {
                tracing::info!(prefix = mount.prefix(), "the vault answers again");
            }
            _ => {}
        }
    }

    /// Notes what became of a slot between two glances, to be told once nothing is locked. Called under the slot's lock.
    pub(super) fn note_change(&self, slot: &Arc<Slot>, before: Glance, after: Glance) {
        if before.kinds(after).next().is_some() {
            self.outbox.put(Change { slot: slot.clone(), before, after });
        }
    }

    /// Tells what was noted. Called under no lock.
    pub(super) fn tell(&self) {
        self.outbox.tell(|next| match next {
            Next::This(change) => self.tell_of(&change),
            Next::Missed(many) => self.send(|| Heard::Missed(many)),
        });
    }

    fn tell_of(&self, Change { slot, before, after }: &Change) {
        for kind in before.kinds(*after) {
            let (prefix, resource) = (slot.mount.prefix(), slot.subject.resource());
            tracing::debug!(prefix, resource, %kind, old = before.version, new = after.version, "rotation");
            metrics::event(prefix, kind);
            self.send(|| {
                Heard::Event(RotationEvent {
                    prefix: prefix.into(),
                    resource: resource.into(),
                    pinned: slot.subject.version(),
                    kind,
                    old: before.version,
                    new: after.version,
                })
            });
        }
    }

    fn send(&self, heard: impl FnOnce() -> Heard) {
        if self.events.receiver_count() > 0 {
            // Nobody may be left to hear it.
            let _ = self.events.send(heard());
        }
    }
}

impl Slot {
    pub(super) fn glance(&self, state: &State) -> Glance {
        let serials = self.cells(state).map(|cell| cell.load().serial());
        Glance {
            held: state.document().is_some(),
            missing: state.is_missing(),
            failed: state.has_failed(),
            version: state.document().and_then(Kept::version),
            serials: serials.fold(0, u32::wrapping_add),
        }
    }
}
