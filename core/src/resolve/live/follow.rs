//! The task that follows the secrets of a configuration.
//!
//! It wakes when a document of the configuration has landed, waits for a moment so that what lands together is
//! built together, and has the configuration catch up. It ends with the last handle.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::runtime::Id;

use super::state::Shared;
use crate::Error;
use crate::cache::{Flights, Pinned, STEP};

/// How often it is looked whether a configuration that is out of service can come back: a listing that finds the
/// values unchanged brings them back without a landing.
const LOOK_UP: Duration = Duration::from_secs(1);

impl<T: DeserializeOwned + Send + Sync + 'static> Shared<T> {
    /// Sees to it that somebody follows the secrets.
    ///
    /// # Errors
    ///
    /// There is no runtime to do it on.
    pub(super) fn keep_following(self: &Arc<Self>) -> Result<(), Error> {
        self.cache.keep_rotating()?;
        for slot in self.sources.slots() {
            if let Some(mounted) = slot.mount.current() {
                self.cache.keep_following(&slot.mount, &mounted)?;
            }
        }
        if self.following.load(Ordering::Relaxed) || self.following.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (shared, end) = (Arc::downgrade(self), self.end.clone());
        let slots: Vec<_> = self.sources.slots().cloned().collect();
        let started = self.cache.keep_running(|id| {
            let watch = Watch { shared: shared.clone(), id, is_done: false };
            async move {
                follow(&shared, &slots, &end).await;
                watch.done();
            }
        });
        if started.is_err() {
            self.following.store(false, Ordering::Release);
        }
        started
    }
}

async fn follow<T: DeserializeOwned + Send + Sync + 'static>(
    shared: &Weak<Shared<T>>,
    slots: &[Pinned],
    end: &Flights<()>,
) {
    loop {
        // What lands from here on wakes.
        let ended = end.news(end.seen());
        let landings: Vec<_> = slots.iter().map(|slot| slot.flights.news(slot.flights.seen())).collect();
        let is_in_service = {
            let Some(shared) = shared.upgrade() else { return };
            // What is wrong is remembered and logged there.
            let _ = shared.catch_up();
            shared.is_in_service()
        };
        let something = first_of(ended, landings);
        if is_in_service {
            something.await;
        } else {
            let _ = tokio::time::timeout(LOOK_UP, something).await;
        }
        // A floor on the period, and the time in which what was rotated together lands together.
        tokio::time::sleep(STEP).await;
    }
}

async fn first_of(
    mut ended: impl Future<Output = ()> + Unpin,
    mut landings: Vec<impl Future<Output = ()> + Unpin>,
) {
    poll_fn(|cx| {
        let over = Pin::new(&mut ended).poll(cx).is_ready();
        // All are polled, so that each of them wakes.
        let landed =
            landings.iter_mut().filter_map(|landing| Pin::new(landing).poll(cx).is_ready().then_some(()));
        if landed.count() > 0 || over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Notes when the task ends, by itself or with its runtime.
struct Watch<T: DeserializeOwned + Send + Sync + 'static> {
    shared: Weak<Shared<T>>,
    id: Id,
    is_done: bool,
}

impl<T: DeserializeOwned + Send + Sync + 'static> Watch<T> {
    fn done(mut self) {
        self.is_done = true;
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Drop for Watch<T> {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let was_lost = !self.is_done && !std::thread::panicking();
        if was_lost {
            shared.cache.leave_host(self.id);
        }
        shared.following.store(false, Ordering::Release);
        if self.is_done {
            return;
        }
        if was_lost && shared.cache.host().is_other_than(self.id) && shared.keep_following().is_ok() {
            return;
        }
        // Those who wait for a change look after it on their own runtime, or say that there is none.
        drop(shared.news.announce(|_| ()));
    }
}
