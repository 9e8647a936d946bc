//! Who flies: the first reader itself, or a task.
//!
//! A flight that one reader alone waits for costs least where that reader flies it: no task, nobody to wake, no other
//! thread. But a reader may stop polling and keep what it has begun. So the flight becomes a task as soon as somebody
//! else depends on it: another reader joins, the first goes away, or the keeper finds it under way for long, since it
//! holds a place in the vault's window.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::{Arc, Mutex, lock};

/// All that a flight does.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where tasks run.
pub(crate) trait Launch {
    /// Makes a task of it.
    fn launch(&self, work: Work);

    /// Runs `step` as tasks are run.
    fn within<T>(&self, step: impl FnOnce() -> T) -> T;
}

/// A flight, as long as its first reader flies it.
pub(crate) struct Cockpit<L> {
    stage: Mutex<Stage>,
    runtime: L,
}

#[derive(Default)]
struct Stage {
    /// None while it is polled, and once a task has it or it is over.
    work: Option<Work>,
    /// Whether a task is to have it.
    wanted: bool,
    /// Who flies it.
    reader: Option<Waker>,
}

impl<L: Launch> Cockpit<L> {
    pub(crate) fn new(work: Work, runtime: L) -> Arc<Self> {
        let stage = Stage { work: Some(work), ..Stage::default() };
        Arc::new(Self { stage: Mutex::new(stage), runtime })
    }

    /// Makes a task of it, unless it is one.
    pub(crate) fn hand_over(&self) {
        let (work, reader) = {
            let mut stage = lock(&self.stage);
            stage.wanted = true;
            (stage.work.take(), stage.reader.take())
        };
        if let Some(work) = work {
            self.runtime.launch(work);
            // It waits as everybody else from now on.
            reader.into_iter().for_each(Waker::wake);
        }
    }

    fn fly(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = lock(&self.stage).work.take() else { return Poll::Ready(()) };
        // A panic of the backend's ends the flight, as it ends a task; its pilot tells those who wait.
        let step = || catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        if !matches!(self.runtime.within(step), Ok(Poll::Pending)) {
            return Poll::Ready(());
        }
        let mut stage = lock(&self.stage);
        if stage.wanted {
            drop(stage);
            self.runtime.launch(work);
            return Poll::Ready(());
        }
        if !stage.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            stage.reader = Some(cx.waker().clone());
        }
        stage.work = Some(work);
        Poll::Pending
    }
}

/// The first reader's part. Completes when the flight is over or a task has it. Dropped before, it hands it over.
pub(crate) struct FirstReader<L: Launch>(Arc<Cockpit<L>>);

impl<L: Launch> FirstReader<L> {
    pub(crate) fn new(cockpit: Arc<Cockpit<L>>) -> Self {
        Self(cockpit)
    }
}

impl<L: Launch> Future for FirstReader<L> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.fly(cx)
    }
}

impl<L: Launch> Drop for FirstReader<L> {
    fn drop(&mut self) {
        self.0.hand_over();
    }
}
