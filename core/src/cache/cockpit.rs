//! Who flies: the first reader itself, or a task.
//!
//! A flight that one reader alone waits for costs least where that reader flies it: no task, nobody to wake, no other
//! thread. But a reader may stop polling and keep what it has begun. So the flight becomes a task as soon as somebody
//! else depends on it: another reader joins, the first goes away, or the keeper finds it under way for long, since it
//! holds a place in the vault's window.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Mutex, lock};

/// All that a flight does.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where tasks run.
pub(crate) trait Launch: Send + Sync + 'static {
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

struct Stage {
    flight: Flight,
    /// Whether a task is to have it.
    wanted: bool,
    /// Who flies it, to be woken when there is something to do.
    reader: Option<Waker>,
}

enum Flight {
    Waiting(Work),
    /// Somebody polls it just now.
    Polled {
        /// Whether it was woken meanwhile.
        again: bool,
    },
    /// It is over, or a task has it.
    Gone,
}

impl Flight {
    /// Takes the work if it is here, to poll it.
    fn begin(&mut self) -> Option<Work> {
        match mem::replace(self, Self::Polled { again: false }) {
            Self::Waiting(work) => Some(work),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<L: Launch> Cockpit<L> {
    pub(crate) fn new(work: Work, runtime: L) -> Arc<Self> {
        let stage = Stage { flight: Flight::Waiting(work), wanted: false, reader: None };
        Arc::new(Self { stage: Mutex::new(stage), runtime })
    }

    /// Makes a task of it, unless it is one.
    pub(crate) fn hand_over(&self) {
        let (work, reader) = {
            let mut stage = lock(&self.stage);
            stage.wanted = true;
            let Some(work) = stage.flight.begin() else { return };
            stage.flight = Flight::Gone;
            (work, stage.reader.take())
        };
        self.runtime.launch(work);
        // It waits as everybody else from now on.
        reader.into_iter().for_each(Waker::wake);
    }

    /// The reader's own try.
    fn fly(self: &Arc<Self>, reader: &Waker) -> Poll<()> {
        let work = {
            let mut stage = lock(&self.stage);
            if let Flight::Gone = stage.flight {
                return Poll::Ready(());
            }
            if !stage.reader.as_ref().is_some_and(|known| known.will_wake(reader)) {
                stage.reader = Some(reader.clone());
            }
            // Who polls it just now tells the reader.
            let Some(work) = stage.flight.begin() else { return Poll::Pending };
            work
        };
        self.step(work)
    }

    /// Polls what was taken to be polled.
    fn step(self: &Arc<Self>, mut work: Work) -> Poll<()> {
        let waker = Waker::from(self.clone());
        // A panic of the backend's ends the flight, as it ends a task; its pilot tells those who wait.
        let step = || catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut Context::from_waker(&waker))));
        let is_over = !matches!(self.runtime.within(step), Ok(Poll::Pending));
        let mut stage = lock(&self.stage);
        if is_over || stage.wanted {
            stage.flight = Flight::Gone;
            drop(stage);
            // Not under the lock: what ends or starts may run anything.
            if is_over {
                drop(work);
            } else {
                self.runtime.launch(work);
            }
            return Poll::Ready(());
        }
        let polled = mem::replace(&mut stage.flight, Flight::Waiting(work));
        if let Flight::Polled { again: true } = polled {
            let reader = stage.reader.take();
            drop(stage);
            reader.into_iter().for_each(Waker::wake);
        }
        Poll::Pending
    }
}

impl<L: Launch> Wake for Cockpit<L> {
    fn wake(self: Arc<Self>) {
        let reader = {
            let mut stage = lock(&self.stage);
            match &mut stage.flight {
                Flight::Gone => None,
                Flight::Polled { again } => {
                    *again = true;
                    None
                }
                Flight::Waiting(_) => stage.reader.take(),
            }
        };
        reader.into_iter().for_each(Waker::wake);
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
        self.0.fly(cx.waker())
    }
}

impl<L: Launch> Drop for FirstReader<L> {
    fn drop(&mut self) {
        self.0.hand_over();
    }
}
