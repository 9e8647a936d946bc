//! The task that rotates: one a registry, on the host runtime. It begins when something is to be done, ends when
//! nothing is, and goes on elsewhere where its runtime ends or stands still.

use std::sync::Weak;
use std::sync::atomic::Ordering;

use tokio::runtime::Id;

use super::Cache;
use super::clock::STEP;
use super::line::What;
use super::sign::Sign;
use crate::Error;
use crate::sync::lock;

/// The task that sees to what is due.
#[derive(Default)]
pub(super) struct Running {
    /// Its runtime, if there is such a task, and whether that is driven.
    at: Option<(Id, Sign)>,
    /// Which of all that there were it is: one that was given up for lost may come back.
    term: u64,
}

impl Running {
    /// Where the task of a term runs, unless another one has taken its place.
    fn place(&self, term: u64) -> Option<Id> {
        self.at.as_ref().filter(|_| self.term == term).map(|(id, _)| *id)
    }

    /// The task of a term has ended. Says whether it was still the one that saw to what is due.
    fn end(&mut self, term: u64) -> bool {
        let was_its_turn = self.place(term).is_some();
        if was_its_turn {
            self.at = None;
        }
        was_its_turn
    }
}

impl Cache {
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
        let term = {
            let mut running = lock(&self.rotation.running);
            if running.at.as_ref().is_some_and(|(at, _)| *at == id) {
                return Ok(());
            }
            running.at = Some((id, Sign::of(runtime.clone())));
            running.term += 1;
            running.term
        };
        // Not under the lock: a runtime that has ended drops the task at once. One on another runtime sees that its
        // term is over.
        let watch = Watch { cache: self.me.clone(), id, term, is_done: false };
        runtime.spawn(async move {
            rotate(&watch.cache, term).await;
            watch.end();
        });
        Ok(())
    }

    /// Has what was left in a runtime that stands still go on in another. Called at every step of the keeper.
    pub(super) fn look_after_rotation(&self) {
        self.look_after_rounds();
        let stalled = {
            let mut running = lock(&self.rotation.running);
            let id = running.at.as_mut().and_then(|(id, sign)| sign.is_missing().then_some(*id));
            if id.is_some() {
                running.at = None;
            }
            id
        };
        if let Some(id) = stalled {
            self.warn_of_a_standstill(id);
            self.hand_over(id);
        }
    }

    /// Has the rotation of a runtime that has ended or stands still go on in another.
    fn hand_over(&self, id: Id) {
        let slots = self.all();
        for slot in &slots {
            for work in slot.mount.line.drain() {
                self.rotation.in_line.fetch_sub(1, Ordering::Relaxed);
                self.put_back(match work.what {
                    What::Read(slot) => vec![slot],
                    What::Poll(slots) => slots,
                });
            }
        }
        self.leave_host(id);
        let is_idle = lock(&self.rotation.due).is_empty();
        if is_idle || (self.host.is_other_than(id) && self.keep_rotating().is_ok()) {
            return;
        }
        // Those who wait for a change look after the rotation on their own runtime, or say that there is none.
        for slot in slots {
            drop(slot.flights.announce(|_| ()));
        }
    }
}

async fn rotate(cache: &Weak<Cache>, term: u64) {
    loop {
        // A floor on the period: however much is due, whatever fails.
        tokio::time::sleep(STEP).await;
        let Some(cache) = cache.upgrade() else { return };
        let rotation = &cache.rotation;
        let idle = lock(&rotation.due).is_empty() && rotation.in_line.load(Ordering::Relaxed) == 0;
        let at = lock(&rotation.running).place(term);
        // Another runtime hosts the registry now, or there is nothing to do.
        if idle || at.is_none() || cache.host.id() != at {
            return;
        }
        cache.refresh_due();
    }
}

/// Notes when the rotation ends, by itself or with its runtime.
struct Watch {
    cache: Weak<Cache>,
    id: Id,
    term: u64,
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
        let was_its_turn = lock(&cache.rotation.running).end(self.term);
        if self.is_done {
            // Something may have become due since it last looked.
            let _ = cache.keep_rotating();
        } else if was_its_turn {
            cache.hand_over(self.id);
        }
    }
}
