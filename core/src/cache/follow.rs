//! Following: what a vault notices by itself to have changed is read anew, with or without a `ttl`.
//!
//! One task for each vault that has a [`ChangeFeed`](crate::ChangeFeed) and of which anything was read, on the host
//! runtime. It ends within a second after the vault was replaced or removed or the registry dropped. A feed that panics
//! is asked again a second later, by the same task: the runtime is well.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Id;

use super::clock::STEP;
use super::flight::Flights;
use super::{Cache, Landings, Mount, Mounted, Pinned};
use crate::Error;
use crate::sync::lock;

/// How long the task waits for news before it looks whether anybody still wants them.
const LOOK_UP: Duration = Duration::from_secs(1);

impl Cache {
    /// Sees to it that somebody listens to what the vault notices.
    ///
    /// # Errors
    ///
    /// There is something to listen to and no runtime to do it on.
    pub(crate) fn keep_following(&self, mount: &Arc<Mount>, mounted: &Mounted) -> Result<(), Error> {
        let generation = mounted.generation;
        // The vault in its place has a follower of its own.
        let take = |_: &Mounted| mount.followed.swap(generation, Ordering::AcqRel) != generation;
        if mounted.vault.backend.changes().is_none()
            || !mount.while_current(generation, take).unwrap_or(false)
        {
            return Ok(());
        }
        let started = self.keep_running(|id| {
            let watch = Watch { cache: self.me.clone(), mount: mount.clone(), generation, id };
            async move {
                follow(&watch).await;
                drop(watch);
            }
        });
        if started.is_err() {
            let _ = mount.followed.compare_exchange(generation, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
        started
    }
}

async fn follow(watch: &Watch) {
    let mut mark = 0;
    while let Some(mounted) = watch.mounted() {
        let Some(feed) = mounted.vault.backend.changes() else { return };
        let changed = tokio::time::timeout(LOOK_UP, caught(async { feed.changed(mark).await }));
        let changes = match changed.await {
            Ok(Some(changes)) => changes,
            Ok(None) => {
                let prefix = watch.mount.prefix();
                tracing::error!(
                    prefix,
                    "the backend panicked while it listened for changes; this is a defect in it"
                );
                tokio::time::sleep(LOOK_UP).await;
                continue;
            }
            Err(_) => continue,
        };
        mark = changes.mark;
        let resources: HashSet<_> = changes.resources.into_iter().collect();
        let Some(cache) = watch.cache.upgrade() else { return };
        let slots = cache.table.pin_all(|slot| {
            Arc::ptr_eq(&slot.mount, &watch.mount) && resources.contains(slot.subject.resource())
        });
        drop(cache);
        for slot in slots {
            tracing::debug!(prefix = slot.mount.prefix(), resource = slot.subject.resource(), "has changed");
            read_anew(&watch.cache, &slot, None).await;
        }
        // A floor on the period, whatever the backend does.
        tokio::time::sleep(STEP).await;
    }
}

/// What a future of somebody else's comes to; none where it panics.
async fn caught<T>(theirs: impl Future<Output = T>) -> Option<T> {
    let mut theirs = pin!(theirs);
    // After a panic it is dropped and never polled again.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| theirs.as_mut().poll(context))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// How many documents are read anew at the same time after their vault was replaced or invalidated, so that readers who
/// wait find room.
const AT_ONCE: usize = 4;

impl Cache {
    /// Reads documents until they have landed after so many landings each, in the background.
    pub(super) fn read_after(&self, slots: &[(Pinned, Landings)]) {
        // Should this come to nothing, with its runtime or where a few take their time, each is read when it is due.
        for (slot, _) in slots {
            let due = self.clock.now().after(LOOK_UP);
            slot.flights.with(|state| state.schedule().is_due_from_now(due));
            self.queue(due, Arc::downgrade(slot));
        }
        let _ = self.keep_rotating();
        let Ok(runtime) = self.host.nearest() else { return };
        let at_once = AT_ONCE.min(slots.len());
        let slots: Vec<_> = slots.iter().map(|(slot, since)| (Arc::downgrade(slot), *since)).collect();
        let slots = Arc::new(Mutex::new(slots.into_iter()));
        for _ in 0..at_once {
            let (cache, slots) = (self.me.clone(), slots.clone());
            runtime.spawn(async move {
                let next = || lock(&slots).next();
                while let Some((slot, since)) = next() {
                    let pinned = slot.upgrade().and_then(|slot| cache.upgrade()?.table.pin_listed(&slot));
                    if let Some(slot) = pinned {
                        read_anew(&cache, &slot, Some(since)).await;
                    }
                }
            });
        }
    }
}

/// Reads a document until it has landed after so many landings; or so that what is known of it is not older than this call.
async fn read_anew(cache: &Weak<Cache>, slot: &Pinned, mut since: Option<Landings>) {
    while let Some(cache) = cache.upgrade() {
        let joined = Flights::join(slot, |state, flying| {
            // What is under way may bring what was there before the change: another read follows it.
            let present = state.landings();
            let since = *since.get_or_insert_with(|| if flying { present.next() } else { present });
            present.are_after(since).then_some(())
        });
        let Err((seen, pilot)) = joined else { return };
        if let Some(pilot) = pilot {
            // Without a runtime there is no reading; the task that runs this is on one.
            let _ = cache.fly(slot, pilot);
        }
        drop(cache);
        slot.flights.news(seen).await;
    }
}

/// Notes when the following ends, by itself or with its runtime.
struct Watch {
    cache: Weak<Cache>,
    mount: Arc<Mount>,
    generation: u32,
    id: Id,
}

impl Watch {
    /// The vault that is followed, as long as it is the one behind its prefix and anybody wants it.
    fn mounted(&self) -> Option<Arc<Mounted>> {
        let mounted = self.mount.current().filter(|mounted| mounted.generation == self.generation);
        mounted.filter(|_| self.cache.strong_count() > 0)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let wanted = self.cache.upgrade().zip(self.mounted());
        // After a panic the runtime is well.
        if let (Some((cache, _)), false) = (&wanted, std::thread::panicking()) {
            cache.leave_host(self.id);
        }
        let followed = &self.mount.followed;
        let _ = followed.compare_exchange(self.generation, 0, Ordering::AcqRel, Ordering::Relaxed);
        let Some((cache, mounted)) = wanted else { return };
        if cache.host.is_other_than(self.id) && cache.keep_following(&self.mount, &mounted).is_ok() {
            return;
        }
        cache.residents.leave_behind(&self.mount);
        // Those who wait for a change have somebody listen on their own runtime, or say that there is none.
        for slot in cache.table.pin_all(|slot| Arc::ptr_eq(&slot.mount, &self.mount)) {
            drop(slot.flights.announce(|_| ()));
        }
    }
}
