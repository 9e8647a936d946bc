//! Tasks that can be taken back from their runtime. One that nobody drives neither runs its tasks nor drops them, so what
//! they hold (a place in a queue, a lock) would be held until it is driven again.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

use crate::sync::{Arc, Mutex, lock};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Has `work` taken back where its runtime does not go on with it: what is given back first is to be spawned, and what is
/// given back with it drops the work, wherever it stands.
///
/// For backends that leave tasks of their own in the runtimes of their readers. What is dropped so is dropped on another
/// thread, which must not be blocked.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (task, recall) = strongroom_core::recallable(std::future::pending());
/// let task = tokio::spawn(task);
/// recall.recall();
/// # // Here the runtime goes on, and the task ends.
/// task.await.unwrap();
/// # });
/// ```
pub fn recallable(
    work: impl Future<Output = ()> + Send + 'static,
) -> (impl Future<Output = ()> + Send + 'static, Recall) {
    of(Box::pin(work))
}

pub(crate) fn of(work: Work) -> (Recallable, Recall) {
    let place = Arc::new(Mutex::new(Place { work: Some(work), waker: None, is_recalled: false }));
    let recall = Recall(Arc::downgrade(&place));
    (Recallable(place), recall)
}

/// Takes a task back. Made by [`recallable`].
#[derive(Clone)]
pub struct Recall(Weak<Mutex<Place>>);

impl Recall {
    /// Drops what the task does, on this thread and at once; or where it runs just now as soon as it waits again.
    pub fn recall(&self) {
        let Some(place) = self.0.upgrade() else { return };
        let (work, waker) = {
            let mut place = lock(&place);
            place.is_recalled = true;
            (place.work.take(), place.waker.take())
        };
        // Not under the lock: what ends or is woken may do anything. The task finds that it is over.
        drop(work);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Recall {
    /// Whether there is nothing to take back any more.
    pub(crate) fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").finish_non_exhaustive()
    }
}

/// Where the work is while nobody polls it.
struct Place {
    work: Option<Work>,
    /// What wakes the task, since the work that would have done it may be gone.
    waker: Option<Waker>,
    is_recalled: bool,
}

/// The task.
pub(crate) struct Recallable(Arc<Mutex<Place>>);

impl Future for Recallable {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = lock(&self.0).work.take() else { return Poll::Ready(()) };
        if work.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut place = lock(&self.0);
        if place.is_recalled {
            drop(place);
            drop(work);
            return Poll::Ready(());
        }
        place.work = Some(work);
        if !place.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            place.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Recallable {
    fn drop(&mut self) {
        // Whoever recalls it at this moment has a share of its place.
        let work = lock(&self.0).work.take();
        drop(work);
    }
}
