//! Asking for the versions of a folder in place of its values: what is unchanged is as good as read, and what is not
//! is read.
//!
//! A listing takes nothing away and brings nothing by itself. Whatever it says but `unchanged` leads to a read, with
//! all the doubts of one; so does its silence. To one who may list and no longer read, all seems unchanged: so every so
//! many rounds one secret of the folder is really read, and if that takes it away, everything else in the folder is.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::Instrument as _;

use super::clock::Tick;
use super::folders::place;
use super::line::{Line, Turn, What, Work};
use super::plan::Cause;
use super::rounds::Errand;
use super::seat::Task;
use super::slot::Slot;
use super::state::State;
use super::{Cache, Mounted, Pinned};
use crate::{Error, ErrorKind, VersionState, recallable, schedule};

/// After so many questions in vain, while reads succeed, a folder is read secret by secret.
const IN_VAIN: u8 = 3;

/// For how long readers are served what is held while a folder that failed before is asked anew.
const ASKING: Duration = Duration::from_secs(120);

/// What is asked about together. Unless it was seen to, all of it is due again when this is dropped.
struct Round {
    cache: Weak<Cache>,
    mounted: Arc<Mounted>,
    folder: Box<str>,
    slots: Vec<Pinned>,
    errand: Arc<Errand>,
}

impl Cache {
    /// Asks for the versions of what is still due of these, which are in one folder.
    pub(super) fn begin_polling(&self, due: Tick, slots: &[Weak<Slot>], turn: Turn) -> Result<(), Error> {
        let listed = slots.iter().filter_map(Weak::upgrade).filter_map(|slot| self.table.pin_listed(&slot));
        let slots: Vec<_> =
            listed.filter(|slot| slot.flights.with(|state| state.schedule().is_due_at(due))).collect();
        let (Some(mounted), Some(first)) = (turn.mount().current(), slots.first()) else { return Ok(()) };
        let Some((folder, _)) = place(&first.subject) else { return Ok(()) };
        let (now, folders) = (self.clock.now(), &turn.mount().folders);
        if folders.failures(folder, mounted.generation) > 0 {
            if !turn.mount().line.may_retry(now) {
                self.ask_again(&slots, folder, &mounted, now.after(Line::patience()));
                return Ok(());
            }
            // What may be served is not overdue while somebody sees to it. Whatever ends the round sets another moment;
            // one that happens to be the same has to be in the queue.
            let at = now.after(ASKING);
            for slot in &slots {
                slot.flights.with(|state| state.schedule().is_due_from_now(at));
                self.queue(at, Arc::downgrade(slot));
            }
        }
        let runtime = self.host.home()?;
        let (prefix, folder) = (turn.mount().prefix(), Box::<str>::from(folder));
        let span = tracing::debug_span!("poll", prefix, folder = &*folder, secrets = slots.len());
        let asked = slots.iter().map(|slot| Arc::downgrade(slot)).collect();
        let errand = self.rotation.rounds.begin(self.me.clone(), turn, asked, &runtime);
        let round = Round { cache: self.me.clone(), mounted, folder, slots, errand: errand.clone() };
        let ends = errand.clone();
        let task = async move {
            round.go().await;
            ends.end();
        };
        let (task, recall) = recallable(task.instrument(span));
        errand.keep(Task { recall, runtime: runtime.clone() });
        runtime.spawn(task);
        Ok(())
    }

    /// Makes all of these due at one later moment, when their folder is asked.
    fn ask_again(&self, slots: &[Pinned], folder: &str, mounted: &Mounted, at: Tick) {
        for slot in slots {
            slot.mount.folders.postpone(folder, mounted.generation, at);
            slot.flights.with(|state| state.schedule().is_due_from_now(at));
            self.enqueue(slot, Some(at));
        }
    }

    /// Has a slot read as soon as its vault has room.
    fn read_next(&self, slot: &Pinned, cause: Cause, scattered: bool) {
        let due = self.clock.now();
        slot.flights.with(|state| state.schedule().must_read(due, cause, scattered));
        self.line_up(&slot.mount, Work { due, what: What::Read(Arc::downgrade(slot)) });
    }

    /// After a read has taken away what a listing calls unchanged: everything that is held of the same folder is read,
    /// spread over the time until it would have been asked for.
    pub(super) fn doubt_the_folder_of(&self, slot: &Slot, mounted: &Mounted) {
        let now = self.clock.now();
        let Some((folder, _)) = place(&slot.subject) else { return };
        let policy = &mounted.vault.policy;
        let Some(ttl) = slot.flights.with(|state| slot.shortest_ttl(state, policy)) else { return };
        if !slot.mount.folders.doubt(folder, mounted.generation, now, now.after(ttl)) {
            return;
        }
        let others = self.table.pin_all(|other| {
            Arc::ptr_eq(&other.mount, &slot.mount)
                && place(&other.subject).is_some_and(|(place, _)| place == folder)
        });
        let prefix = slot.mount.prefix();
        tracing::warn!(
            prefix,
            folder,
            "a secret is listed as before and can no longer be read: reading the others"
        );
        for other in others {
            let due = other.flights.with(|state| {
                let is_held = state.held(mounted.generation).is_some();
                is_held.then(|| state.schedule().verify(now)).flatten()
            });
            self.enqueue(&other, due);
        }
    }
}

impl Round {
    async fn go(mut self) {
        let Some(started) = self.cache.upgrade().map(|cache| cache.clock.advance()) else { return };
        let answer = self.ask().await;
        if self.was_given_up() {
            return;
        }
        let Some(cache) = self.cache.upgrade() else { return };
        let Some(mount) = self.slots.first().map(|slot| slot.mount.clone()) else { return };
        if !answer.as_ref().is_err_and(is_a_refusal) {
            cache.note_answer(&mount, self.mounted.generation, "poll", &answer);
        }
        let (folders, generation) = (&mount.folders, self.mounted.generation);
        tracing::debug!(error = answer.as_ref().err().map(tracing::field::display), "asked for versions");
        match answer {
            Ok(states) => {
                let verifies = folders.answered(&self.folder, generation);
                self.compare(&cache, started, &states, verifies);
            }
            // Few may not be worth a question where all that is held of the folder is.
            Err(error) if error.kind() == ErrorKind::Unsupported && !self.is_most_of_its_folder(&cache) => {
                self.read_all(&cache, false);
            }
            Err(error) if is_a_refusal(&error) => {
                folders.refuse(&self.folder, generation, cache.clock.now());
                self.read_all(&cache, true);
            }
            Err(error) => {
                let failures = folders.failed(&self.folder, generation);
                drop(cache);
                // Is it the vault that fails, or the listing alone?
                let vault_fails = self.one_read_fails().await;
                if self.was_given_up() {
                    return;
                }
                let Some(cache) = self.cache.upgrade() else { return };
                if vault_fails {
                    let wait = schedule::retry(failures, self.shortest_ttl());
                    let next = cache.clock.now().after(wait);
                    for slot in &self.slots {
                        self.note(&cache, slot, |state, _| {
                            state.fail_too(&error, started, next, self.mounted.generation)
                        });
                    }
                    let slots = std::mem::take(&mut self.slots);
                    cache.ask_again(&slots, &self.folder, &self.mounted, next);
                } else {
                    if failures >= IN_VAIN {
                        folders.refuse(&self.folder, generation, cache.clock.now());
                    }
                    self.read_all(&cache, failures >= IN_VAIN);
                }
            }
        }
    }

    /// Whether somebody else sees to all of it by now, who thought the runtime lost.
    fn was_given_up(&mut self) -> bool {
        let was_given_up = self.errand.was_given_up();
        if was_given_up {
            self.slots.clear();
        }
        was_given_up
    }

    async fn ask(&self) -> Result<HashMap<String, VersionState>, Error> {
        let mut names: Vec<_> = self.slots.iter().map(|slot| name(slot)).collect();
        names.sort_unstable();
        match self.mounted.vault.backend.versions() {
            Some(versions) => versions.poll(&self.folder, &names).await,
            None => Ok(HashMap::new()),
        }
    }

    /// Sees to each as the listing says, and has one of them read in any case if it is to be verified.
    fn compare(
        &mut self,
        cache: &Cache,
        started: Tick,
        states: &HashMap<String, VersionState>,
        verifies: bool,
    ) {
        let verified = if verifies { self.longest_unread() } else { None };
        for (at, slot) in std::mem::take(&mut self.slots).into_iter().enumerate() {
            let listed = states.get(name(&slot));
            let known = self.note(cache, &slot, |state, mounted| {
                state.confirm(listed, started, &slot, mounted, &cache.clock)
            });
            if slot.flights.with(|state| state.schedule().is_to_be_read()) {
                // Somebody has begun to doubt the listing since it was asked for.
                continue;
            }
            if known && verified != Some(at) {
                cache.reschedule(&slot, &self.mounted);
                continue;
            }
            let generation = self.mounted.generation;
            let cause = match slot.flights.with(|state| state.is_listed_as(listed, generation, &cache.clock))
            {
                None => Cause::Unknown,
                Some(false) => Cause::Differs,
                Some(true) => Cause::Verify,
            };
            cache.read_next(&slot, cause, false);
        }
    }

    /// Which of the documents that are held is to be read first to see whether it may still be: every one has its turn.
    fn longest_unread(&self) -> Option<usize> {
        let unread = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            slot.flights.with(|state| state.held(self.mounted.generation).map(|_| (state.listed_until(), at)))
        });
        unread.min().map(|(_, at)| at)
    }

    /// Changes what is known of a slot while the vault is still in its place, and tells of it if anything came of
    /// that, which it says.
    fn note(&self, cache: &Cache, slot: &Pinned, change: impl FnOnce(&mut State, &Mounted) -> bool) -> bool {
        let noted = slot.mount.while_current(self.mounted.generation, |mounted| {
            slot.flights.announce(|state| {
                let before = slot.glance(state);
                let is_news = change(state, mounted);
                if is_news {
                    cache.note_change(slot, before, slot.glance(state));
                }
                is_news
            })
        });
        let Some((is_news, woken)) = noted else { return false };
        // Wakers and those who are told may run anything: after the locks.
        drop(woken);
        cache.tell();
        is_news
    }

    fn read_all(&mut self, cache: &Cache, scattered: bool) {
        for slot in std::mem::take(&mut self.slots) {
            cache.read_next(&slot, Cause::Unknown, scattered);
        }
    }

    /// Whether this is half at least of what is held of the folder.
    fn is_most_of_its_folder(&self, cache: &Cache) -> bool {
        let Some(mount) = self.slots.first().map(|slot| &slot.mount) else { return true };
        let mut held = 0;
        cache.table.for_each(|slot| {
            let is_here = Arc::ptr_eq(&slot.mount, mount)
                && place(&slot.subject).is_some_and(|(folder, _)| folder == &*self.folder);
            if is_here && slot.flights.with(|state| state.held(self.mounted.generation).is_some()) {
                held += 1;
            }
        });
        2 * self.slots.len() >= held
    }

    /// Reads the first and says whether that failed.
    async fn one_read_fails(&self) -> bool {
        let Some(slot) = self.slots.first() else { return true };
        let started = self.cache.upgrade().map(|cache| cache.start_reading_anew(slot));
        let Some(Ok(since)) = started else { return true };
        loop {
            let seen = slot.flights.seen();
            if slot.flights.with(|state| state.landings().are_after(since)) {
                break;
            }
            slot.flights.news(seen).await;
        }
        slot.flights.with(|state| state.has_failed())
    }

    fn shortest_ttl(&self) -> Duration {
        let policy = &self.mounted.vault.policy;
        let ttls =
            self.slots.iter().filter_map(|slot| slot.flights.with(|state| slot.shortest_ttl(state, policy)));
        ttls.min().unwrap_or_default()
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        // Who has given it up has seen to them.
        if self.errand.was_given_up() {
            return;
        }
        if let Some(cache) = self.cache.upgrade() {
            for slot in &self.slots {
                slot.flights.with(|state| cache.postpone(state, Arc::downgrade(slot)));
            }
        }
    }
}

/// Whether the vault will not list the folder, whatever becomes of reads. All else that goes wrong, with the
/// credentials or on the way, says nothing of listings.
fn is_a_refusal(error: &Error) -> bool {
    use ErrorKind::{
        InvalidConfig, InvalidReference, InvalidResponse, NotFound, PermissionDenied, Unsupported,
    };
    !error.is_retryable()
        && matches!(
            error.kind(),
            Unsupported | PermissionDenied | NotFound | InvalidResponse | InvalidReference | InvalidConfig
        )
}

fn name(slot: &Slot) -> &str {
    place(&slot.subject).map_or("", |(_, name)| name)
}
