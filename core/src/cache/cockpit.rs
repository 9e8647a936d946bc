//! Who flies: the first reader itself, or a task.
//!
//! A flight that one reader alone waits for costs least where that reader flies it: no task, nobody to wake, no other
//! thread. But a reader may stop polling and keep what it has begun. So the flight becomes a task as soon as somebody
//! else depends on it: another reader joins, the first goes away, or the keeper finds it under way for long, since it
//! holds a place in the vault's window.
//!
//! The end of one flight lets the next one in line go: their vault has but so many places. Whoever flew the one gives
//! the next a push in passing, which is cheaper than to wake its reader for that, on another thread as like as not.

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Mutex, lock, of_each_thread};

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
        let (flown, next) = Next::of(|| self.step(work));
        next.into_iter().for_each(Push::push);
        flown
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
                Flight::Gone => return,
                Flight::Polled { again } => {
                    *again = true;
                    return;
                }
                Flight::Waiting(_) if Next::is_wanted() => None,
                Flight::Waiting(_) => Some(stage.reader.take()),
            }
        };
        match reader {
            Some(reader) => reader.into_iter().for_each(Waker::wake),
            None => Next::set(self),
        }
    }
}

/// A flight that can be moved on by others than its reader.
trait Push: Send + Sync {
    fn push(self: Arc<Self>);
}

impl<L: Launch> Push for Cockpit<L> {
    fn push(self: Arc<Self>) {
        let work = {
            let mut stage = lock(&self.stage);
            if let Flight::Polled { again } = &mut stage.flight {
                *again = true;
            }
            stage.flight.begin()
        };
        if work.is_some_and(|work| self.step(work).is_ready()) {
            let reader = lock(&self.stage).reader.take();
            reader.into_iter().for_each(Waker::wake);
        }
    }
}

/// What was woken by the flight that this thread is flying: one, since the end of a flight makes way for one.
#[derive(Default)]
enum Next {
    #[default]
    Unwanted,
    Wanted,
    Is(Arc<dyn Push>),
}

of_each_thread! {
    static NEXT: Cell<Next> = const { Cell::new(Next::Unwanted) };
}

impl Next {
    /// Runs `step`, and says what it has woken first.
    fn of<T>(step: impl FnOnce() -> T) -> (T, Option<Arc<dyn Push>>) {
        let swap = |next| NEXT.try_with(|here| here.replace(next)).unwrap_or_default();
        let before = swap(Self::Wanted);
        let result = step();
        match swap(before) {
            Self::Is(next) => (result, Some(next)),
            Self::Wanted | Self::Unwanted => (result, None),
        }
    }

    fn is_wanted() -> bool {
        let look = |here: &Cell<Self>| {
            let next = here.take();
            let is_wanted = matches!(next, Self::Wanted);
            here.set(next);
            is_wanted
        };
        NEXT.try_with(look).unwrap_or_default()
    }

    fn set(next: Arc<dyn Push>) {
        // It was wanted a moment ago, by this thread.
        let _ = NEXT.try_with(|here| here.set(Self::Is(next)));
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
