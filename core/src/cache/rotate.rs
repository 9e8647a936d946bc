//! Rotation: every document that has a `ttl` is read anew before it is older than that, in the background.
//!
//! One task a registry, on the host runtime, with a queue of the moments at which documents are due. When that is,
//! [`schedule`](crate::schedule) reckons. Where the vault can tell versions, what is due in one folder is asked for
//! together, and only what has changed is read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::clock::Tick;
use super::due::{Due, Queue};
use super::folders;
use super::line::{Line, Turn, What, Work};
use super::rounds::Rounds;
use super::slot::Slot;
use super::state::State;
use super::watch::Running;
use super::{Cache, Mount, Mounted, Pinned};
use crate::sync::lock;
use crate::{Error, Policy};

/// How long after its reader vanished a document is due again.
const LOST: Duration = Duration::from_secs(1);

/// What is due when, and whether somebody sees to it.
#[derive(Default)]
pub(crate) struct Rotation {
    pub(super) due: Mutex<Queue>,
    pub(super) running: Mutex<Running>,
    /// The questions for versions that are under way.
    pub(super) rounds: Rounds,
    /// How much waits in the lines of the vaults.
    pub(super) in_line: AtomicUsize,
}

impl Slot {
    /// The smallest ttl that a reference to this document asks for.
    pub(super) fn shortest_ttl(&self, state: &State, policy: &Policy) -> Option<Duration> {
        self.cells(state).filter_map(|cell| cell.ask.ttl(policy)).min()
    }
}

/// What is due in one folder.
struct Folder {
    mount: Arc<Mount>,
    due: Tick,
    slots: Vec<Weak<Slot>>,
}

impl Cache {
    /// After a landing, or after a listing has said that it is unchanged: notes when the slot is due again.
    pub(super) fn reschedule(&self, slot: &Pinned, mounted: &Mounted) {
        let now = self.clock.now();
        let held = slot.is_held_by_others();
        let policy = &mounted.vault.policy;
        let folder = folder_of(slot, mounted);
        let mut belied = false;
        let (due, was_a_retry) = slot.flights.with(|state| {
            let cause = state.schedule().cause();
            belied = cause.zip(state.error()).is_some_and(|(cause, error)| cause.belies(error));
            // Every cell is asked, so that every mark is taken away.
            let used = slot.cells(state).filter(|cell| cell.was_used()).count() > 0;
            let (failed, fetched) = (state.has_failed(), state.fetched());
            let overdue = state.is_overdue(slot, mounted.generation, now);
            let ttl = slot.shortest_ttl(state, policy);
            let schedule = state.schedule();
            let was_a_retry = schedule.failures() > 0;
            let was_a_retry = (!failed).then_some(was_a_retry);
            let before = schedule.due();
            let Some(ttl) = ttl else {
                let due = state.schedule().without_ttl(now, failed && held && overdue);
                return (Some(due).filter(|due| *due != Tick::NEVER), was_a_retry);
            };
            let mut due = schedule.next(now, fetched.unwrap_or(now), ttl, failed, used || held);
            let may_wait = !failed && due != Tick::NEVER;
            if let Some(folder) = folder.filter(|folder| may_wait && self.is_on(folder, slot, mounted)) {
                let latest = fetched.unwrap_or(now).after(ttl);
                due = slot.mount.folders.align(folder, mounted.generation, now, due, latest);
                schedule.is_due_from_now(due);
            }
            // What is in the queue already is not put there again.
            (Some(due).filter(|due| *due != Tick::NEVER && *due != before), was_a_retry)
        });
        if let Some(was_a_retry) = was_a_retry {
            slot.mount.line.succeeded(was_a_retry);
        }
        self.enqueue(slot, due);
        if belied {
            self.doubt_the_folder_of(slot, mounted);
        }
    }

    /// After another reference has asked for the document: it may want it younger.
    pub(super) fn hasten(&self, slot: &Pinned, mounted: &Mounted) {
        let due = slot.flights.with(|state| {
            if state.has_failed() {
                // It is overdue, and when it is tried again does not depend on how many ask for it.
                return None;
            }
            let latest = state.fetched()?.after(slot.shortest_ttl(state, &mounted.vault.policy)?);
            let schedule = state.schedule();
            (latest < schedule.due()).then(|| {
                schedule.is_due_from_now(latest);
                latest
            })
        });
        self.enqueue(slot, due);
    }

    /// Makes a slot due a moment later, after its reader has vanished.
    pub(super) fn postpone(&self, state: &mut State, slot: Weak<Slot>) {
        let schedule = state.schedule();
        if schedule.due() != Tick::NEVER {
            let due = self.clock.now().after(LOST);
            schedule.is_due_from_now(due);
            lock(&self.rotation.due).push(due, slot);
        }
    }

    pub(super) fn enqueue(&self, slot: &Pinned, due: Option<Tick>) {
        if let Some(due) = due {
            self.queue(due, Arc::downgrade(slot));
            // Where there is no runtime, whoever waits for a change says so.
            let _ = self.keep_rotating();
        }
    }

    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        lock(&self.rotation.due).len()
    }

    /// Takes out of the queue what does not count any more, where that may be much. Called at every step of the keeper.
    pub(super) fn tidy_what_is_due(&self) {
        let crowd = lock(&self.rotation.due).take_a_crowd();
        if let Some(crowd) = crowd {
            // Not under the lock of the queue, which is taken under those of slots.
            let mut taken = Taken { from: &self.rotation.due, crowd };
            taken.crowd.retain(Due::counts);
        }
    }

    pub(super) fn queue(&self, due: Tick, slot: Weak<Slot>) {
        lock(&self.rotation.due).push(due, slot);
    }

    /// Puts what is due into the line of its vault, that of one folder together where the vault can tell versions.
    pub(super) fn refresh_due(&self) {
        let now = self.clock.advance();
        let due = lock(&self.rotation.due).take_until(now);
        let mut folders: HashMap<(*const Mount, Box<str>), Folder> = HashMap::new();
        let mut mounts: Vec<Arc<Mount>> = Vec::new();
        for (tick, weak) in due {
            let Some(slot) = weak.upgrade() else { continue };
            let (is_due, must_be_read) = slot
                .flights
                .with(|state| (state.schedule().is_due_at(tick), state.schedule().is_to_be_read()));
            if !is_due {
                continue;
            }
            let mounted = slot.mount.current();
            let folder = mounted.as_deref().and_then(|mounted| self.polled_folder(&slot, mounted));
            match folder.filter(|_| !must_be_read) {
                Some(folder) => {
                    let folder = folders.entry((Arc::as_ptr(&slot.mount), folder.into()));
                    let new = || Folder { mount: slot.mount.clone(), due: tick, slots: Vec::new() };
                    let folder = folder.or_insert_with(new);
                    slot.flights.with(|state| state.schedule().is_due_from_now(folder.due));
                    folder.slots.push(weak);
                }
                None => {
                    self.line_up(&slot.mount, Work { due: tick, what: What::Read(weak) });
                    note(&mut mounts, &slot.mount);
                }
            }
        }
        for Folder { mount, due, mut slots } in folders.into_values() {
            let what = match (slots.len(), slots.pop()) {
                // Asking for one costs what reading it does.
                (1, Some(only)) => What::Read(only),
                (_, last) => What::Poll(slots.into_iter().chain(last).collect()),
            };
            self.line_up(&mount, Work { due, what });
            note(&mut mounts, &mount);
        }
        for mount in mounts {
            self.pump(&mount);
        }
    }

    /// The folder that is asked in place of the slot, if any is.
    fn polled_folder<'a>(&self, slot: &'a Slot, mounted: &Mounted) -> Option<&'a str> {
        folder_of(slot, mounted).filter(|folder| self.is_on(folder, slot, mounted))
    }

    fn is_on(&self, folder: &str, slot: &Slot, mounted: &Mounted) -> bool {
        slot.mount.folders.is_on(folder, mounted.generation, self.clock.now())
    }

    pub(super) fn line_up(&self, mount: &Mount, work: Work) {
        self.rotation.in_line.fetch_add(1, Ordering::Relaxed);
        mount.line.push(work);
    }

    /// Begins what is next in a vault's line, as far as there is room.
    pub(super) fn pump(&self, mount: &Arc<Mount>) {
        while let Some((work, turn)) = Turn::next(mount) {
            self.rotation.in_line.fetch_sub(1, Ordering::Relaxed);
            let (begun, slots) = match work.what {
                What::Read(slot) => (self.begin_reading(work.due, &slot, turn), vec![slot]),
                What::Poll(slots) => (self.begin_polling(work.due, &slots, turn), slots),
            };
            if begun.is_err() {
                // The runtime has ended meanwhile: on the next one they are due again.
                self.put_back(slots);
            }
        }
    }

    pub(super) fn put_back(&self, slots: Vec<Weak<Slot>>) {
        for slot in slots {
            if let Some(alive) = slot.upgrade() {
                alive.flights.with(|state| self.postpone(state, slot));
            }
        }
    }

    fn begin_reading(&self, due: Tick, slot: &Weak<Slot>, turn: Turn) -> Result<(), Error> {
        let Some(slot) = slot.upgrade().and_then(|slot| self.table.pin_listed(&slot)) else { return Ok(()) };
        let now = self.clock.now();
        let held = slot.is_held_by_others();
        let waits = slot.flights.with(|state| {
            let is_missing = state.is_missing();
            let schedule = state.schedule();
            if !schedule.is_due_at(due) {
                return Err(());
            }
            // Whoever wants to know asks again, once it is not remembered any more.
            if is_missing && !held {
                schedule.is_due_from_now(Tick::NEVER);
                return Err(());
            }
            let may = schedule.failures() == 0 || slot.mount.line.may_retry(now);
            Ok((!may).then(|| {
                let later = now.after(Line::patience());
                schedule.is_due_from_now(later);
                later
            }))
        });
        match waits {
            Err(()) => Ok(()),
            Ok(None) => self.start_reading_in_the_background(&slot, turn),
            Ok(Some(later)) => {
                self.queue(later, Arc::downgrade(&slot));
                Ok(())
            }
        }
    }
}

/// What was taken out of the queue, and goes back there whatever happens.
struct Taken<'a> {
    from: &'a Mutex<Queue>,
    crowd: Vec<Due>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        lock(self.from).put_back(std::mem::take(&mut self.crowd));
    }
}

/// The folder that might be asked in place of the slot, where the vault can tell versions.
fn folder_of<'a>(slot: &'a Slot, mounted: &Mounted) -> Option<&'a str> {
    mounted.vault.backend.versions()?;
    folders::place(&slot.subject).map(|(folder, _)| folder)
}

pub(super) fn note(mounts: &mut Vec<Arc<Mount>>, mount: &Arc<Mount>) {
    if !mounts.iter().any(|noted| Arc::ptr_eq(noted, mount)) {
        mounts.push(mount.clone());
    }
}

/// Ends something that was under way in the background: the next in line takes its turn.
pub(super) fn end(cache: &Weak<Cache>, turn: Turn) {
    let mount = turn.mount().clone();
    drop(turn);
    if let Some(cache) = cache.upgrade() {
        cache.pump(&mount);
    }
}
