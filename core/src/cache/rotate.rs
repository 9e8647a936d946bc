//! Rotation: every document that has a `ttl` is read anew before it is older than that, in the background.
//!
//! One task a registry, on the host runtime, with a queue of the moments at which documents are due. When that is,
//! [`schedule`](crate::schedule) reckons. Where the vault can tell versions, what is due in one folder is asked for
//! together, and only what has changed is read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Id;

use super::clock::{STEP, Tick};
use super::due::Queue;
use super::folders;
use super::line::{Line, Turn, What, Work};
use super::slot::{Slot, State};
use super::{Cache, Mount, Mounted, Pinned};
use crate::sync::lock;
use crate::{Error, ErrorKind, Policy, schedule};

/// A document that nobody holds and nobody read for so many refreshes is not refreshed any more.
const IDLE: u8 = 10;

/// A twentieth of this, or of the ttl if that is shorter, is between two refreshes of one document at least.
const FLOOR: Duration = Duration::from_secs(10);

/// The longest wait between two tries at what has no ttl.
const LONGEST: Duration = Duration::from_secs(60);

/// How long after its reader vanished a document is due again.
const LOST: Duration = Duration::from_secs(1);

/// What is due when, and whether somebody sees to it.
#[derive(Default)]
pub(crate) struct Rotation {
    due: Mutex<Queue>,
    /// The runtime of the task that sees to it.
    running: Mutex<Option<Id>>,
    /// How much waits in the lines of the vaults.
    in_line: AtomicUsize,
}

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
    fn belies(self, error: &Error) -> bool {
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
    fn next(&mut self, now: Tick, fetched: Tick, ttl: Duration, failed: bool, used: bool) -> Tick {
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
    fn without_ttl(&mut self, now: Tick, again: bool) -> Tick {
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
        // The one who landed holds it too.
        let held = slot.pins.load(Ordering::Relaxed) > 1;
        let policy = &mounted.vault.policy;
        let folder = self.polled_folder(slot, mounted);
        let mut belied = false;
        let (due, was_a_retry) = slot.flights.with(|state| {
            let cause = state.schedule().cause;
            belied = cause.is_some_and(|cause| state.error().is_some_and(|error| cause.belies(error)));
            // Every cell is asked, so that every mark is taken away.
            let used = slot.cells(state).filter(|cell| cell.was_used()).count() > 0;
            let (failed, fetched) = (state.has_failed(), state.fetched());
            let overdue = state.is_overdue(slot, mounted.generation, now);
            let ttl = slot.shortest_ttl(state, policy);
            let schedule = state.schedule();
            let was_a_retry = schedule.failures > 0;
            let was_a_retry = (!failed).then_some(was_a_retry);
            let before = schedule.due;
            let Some(ttl) = ttl else {
                let due = state.schedule().without_ttl(now, failed && held && overdue);
                return (Some(due).filter(|due| *due != Tick::NEVER), was_a_retry);
            };
            let mut due = schedule.next(now, fetched.unwrap_or(now), ttl, failed, used || held);
            if let (false, Some(folder)) = (failed || due == Tick::NEVER, folder) {
                let latest = fetched.unwrap_or(now).after(ttl);
                due = slot.mount.folders.align(folder, mounted.generation, now, due, latest);
                schedule.due = due;
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
            (latest < schedule.due).then(|| {
                schedule.due = latest;
                latest
            })
        });
        self.enqueue(slot, due);
    }

    /// Makes a slot due a moment later, after its reader has vanished.
    pub(super) fn postpone(&self, state: &mut State, slot: Weak<Slot>) {
        let schedule = state.schedule();
        if schedule.due != Tick::NEVER {
            schedule.due = self.clock.now().after(LOST);
            lock(&self.rotation.due).push(schedule.due, slot);
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

    pub(super) fn queue(&self, due: Tick, slot: Weak<Slot>) {
        lock(&self.rotation.due).push(due, slot);
    }

    /// Sees to it that somebody sees to what is due.
    ///
    /// # Errors
    ///
    /// There is something to do and no runtime to do it on.
    pub(crate) fn keep_rotating(&self) -> Result<(), Error> {
        if lock(&self.rotation.due).is_empty() {
            return Ok(());
        }
        let runtime = self.host.home()?;
        let id = runtime.id();
        if lock(&self.rotation.running).replace(id) == Some(id) {
            return Ok(());
        }
        // Not under the lock: a runtime that has ended drops the task at once. One on another runtime sees that it is
        // not the host's any more.
        let watch = Watch { cache: self.me.clone(), id, is_done: false };
        runtime.spawn(async move {
            rotate(&watch.cache, id).await;
            watch.end();
        });
        Ok(())
    }

    /// Puts what is due into the line of its vault, that of one folder together where the vault can tell versions.
    fn refresh_due(&self) {
        let now = self.clock.advance();
        let due = lock(&self.rotation.due).take_until(now);
        let mut folders: HashMap<(*const Mount, Box<str>), Folder> = HashMap::new();
        let mut mounts: Vec<Arc<Mount>> = Vec::new();
        for (tick, weak) in due {
            let Some(slot) = weak.upgrade() else { continue };
            let (is_due, must_be_read) =
                slot.flights.with(|state| (state.schedule().due == tick, state.schedule().is_to_be_read()));
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
                    slot.flights.with(|state| state.schedule().due = folder.due);
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
        mounted.vault.backend.versions()?;
        let (folder, _) = folders::place(&slot.subject)?;
        slot.mount.folders.is_on(folder, mounted.generation, self.clock.now()).then_some(folder)
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

    fn put_back(&self, slots: Vec<Weak<Slot>>) {
        for slot in slots {
            if let Some(alive) = slot.upgrade() {
                alive.flights.with(|state| self.postpone(state, slot));
            }
        }
    }

    fn begin_reading(&self, due: Tick, slot: &Weak<Slot>, turn: Turn) -> Result<(), Error> {
        let Some(slot) = slot.upgrade().and_then(|slot| self.table.pin_listed(&slot)) else { return Ok(()) };
        let now = self.clock.now();
        let waits = slot.flights.with(|state| {
            let schedule = state.schedule();
            if schedule.due != due {
                return Err(());
            }
            let may = schedule.failures == 0 || slot.mount.line.may_retry(now);
            Ok((!may).then(|| {
                schedule.due = now.after(Line::patience());
                schedule.due
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

fn note(mounts: &mut Vec<Arc<Mount>>, mount: &Arc<Mount>) {
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

async fn rotate(cache: &Weak<Cache>, id: Id) {
    loop {
        // A floor on the period: however much is due, whatever fails.
        tokio::time::sleep(STEP).await;
        let Some(cache) = cache.upgrade() else { return };
        // Another runtime hosts the registry now, or there is nothing to do.
        let idle =
            lock(&cache.rotation.due).is_empty() && cache.rotation.in_line.load(Ordering::Relaxed) == 0;
        if cache.host.id() != Some(id) || idle {
            return;
        }
        cache.refresh_due();
    }
}

/// Notes when the rotation ends, by itself or with its runtime.
struct Watch {
    cache: Weak<Cache>,
    id: Id,
    /// Whether it ended by itself.
    is_done: bool,
}

impl Watch {
    /// The rotation has nothing more to do here.
    fn end(mut self) {
        self.is_done = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(cache) = self.cache.upgrade() else { return };
        {
            let mut running = lock(&cache.rotation.running);
            if *running == Some(self.id) {
                *running = None;
            }
        }
        if self.is_done {
            // Something may have become due since it last looked.
            let _ = cache.keep_rotating();
            return;
        }
        let slots = cache.all();
        for slot in &slots {
            for work in slot.mount.line.drain() {
                cache.rotation.in_line.fetch_sub(1, Ordering::Relaxed);
                cache.put_back(match work.what {
                    What::Read(slot) => vec![slot],
                    What::Poll(slots) => slots,
                });
            }
        }
        if lock(&cache.rotation.due).is_empty() {
            return;
        }
        if cache.host.id() == Some(self.id) {
            cache.host.forget(self.id);
        } else if cache.keep_rotating().is_ok() {
            return;
        }
        // Those who wait for a change look after the rotation on their own runtime, or say that there is none.
        for slot in slots {
            drop(slot.flights.announce(|_| ()));
        }
    }
}
