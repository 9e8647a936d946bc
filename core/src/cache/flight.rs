//! Single flight: one read at a time for a thing, and everybody who wants it waits for its landing.
//!
//! Nobody's going away cancels anybody: the flight belongs to no reader. A pilot that vanishes (its runtime
//! ended, its code panicked) still lands, empty-handed, so nobody waits for ever.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, lock};

/// A thing that is read from afar, and those who wait for it.
#[derive(Debug)]
pub(crate) struct Flights<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    thing: T,
    flying: bool,
    /// Counts what those who wait may wait for: landings and other news.
    news: u32,
    /// One for each who waits. Boxed, since mostly nobody does and there are many of these.
    #[expect(clippy::box_collection, reason = "one word where nobody waits")]
    waiting: Option<Box<Vec<Waker>>>,
}

/// What a reader has seen, to wait for what comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u32);

impl<T> Flights<T> {
    pub(crate) fn new(thing: T) -> Self {
        Self(Mutex::new(State { thing, flying: false, news: 0, waiting: None }))
    }

    /// Looks at the thing or changes it, without telling those who wait.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut lock(&self.0).thing)
    }

    /// Changes the thing and tells everybody who waits.
    pub(crate) fn announce<R>(&self, change: impl FnOnce(&mut T) -> R) -> (R, Woken) {
        self.tell(|state| change(&mut state.thing))
    }

    /// What there is to see now, to wait for what is not.
    pub(crate) fn seen(&self) -> Seen {
        Seen(lock(&self.0).news)
    }

    /// Unless `look`, which is told whether there is a flight, finds what is wanted, joins the flight, or starts one: then the caller has the pilot and
    /// must have it flown. The pilot keeps `owner`, in which the flights are.
    pub(crate) fn join<O, R>(
        owner: &O,
        look: impl FnOnce(&mut T, bool) -> Option<R>,
    ) -> Result<R, (Seen, Option<Pilot<T, O>>)>
    where
        O: AsRef<Self> + Clone,
    {
        let mut state = lock(&owner.as_ref().0);
        let flying = state.flying;
        if let Some(found) = look(&mut state.thing, flying) {
            return Ok(found);
        }
        let seen = Seen(state.news);
        let pilot = (!state.flying).then(|| {
            state.flying = true;
            Pilot { owner: Some(owner.clone()), _flies: PhantomData }
        });
        Err((seen, pilot))
    }

    /// Completes when there is news after `seen`.
    pub(crate) fn news(&self, seen: Seen) -> News<'_, T> {
        News { flights: self, seen, waker: None }
    }

    fn tell<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> (R, Woken) {
        let mut state = lock(&self.0);
        let result = change(&mut state);
        state.news = state.news.wrapping_add(1);
        (result, Woken(state.waiting.take()))
    }
}

/// Those who are to be woken, which happens when this is dropped: after the caller has let go of its locks, since
/// a waker may run anything.
#[must_use = "dropping it wakes"]
#[expect(clippy::box_collection, reason = "as it came")]
pub(crate) struct Woken(Option<Box<Vec<Waker>>>);

impl Drop for Woken {
    fn drop(&mut self) {
        self.0.take().into_iter().flat_map(|waiting| *waiting).for_each(Waker::wake);
    }
}

/// The one who flies. Dropped before [`land`](Self::land), it lands with nothing.
pub(crate) struct Pilot<T, O: AsRef<Flights<T>>> {
    owner: Option<O>,
    _flies: PhantomData<fn() -> T>,
}

impl<T, O: AsRef<Flights<T>>> Pilot<T, O> {
    /// What holds the flights.
    pub(crate) fn owner(&self) -> Option<&O> {
        self.owner.as_ref()
    }

    /// Ends the flight with what it brought.
    pub(crate) fn land(mut self, change: impl FnOnce(&mut T)) -> Woken {
        self.owner.take().map_or(Woken(None), |owner| end(owner.as_ref(), change))
    }
}

impl<T, O: AsRef<Flights<T>>> Drop for Pilot<T, O> {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            drop(end(owner.as_ref(), |_| ()));
        }
    }
}

fn end<T>(flights: &Flights<T>, change: impl FnOnce(&mut T)) -> Woken {
    let tell = flights.tell(|state| {
        state.flying = false;
        change(&mut state.thing);
    });
    tell.1
}

/// Waits for news.
pub(crate) struct News<'a, T> {
    flights: &'a Flights<T>,
    seen: Seen,
    /// The waker that was left with the flights, so that it is left once.
    waker: Option<Waker>,
}

impl<T> Future for News<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = lock(&this.flights.0);
        if state.news != this.seen.0 {
            return Poll::Ready(());
        }
        let mine = cx.waker();
        if !this.waker.as_ref().is_some_and(|waker| waker.will_wake(mine)) {
            let waiting = state.waiting.get_or_insert_default();
            // Polled with another waker: the one before wakes nobody any more.
            if let Some(old) = this.waker.replace(mine.clone()) {
                remove(waiting, &old);
            }
            waiting.push(mine.clone());
        }
        Poll::Pending
    }
}

impl<T> Drop for News<'_, T> {
    fn drop(&mut self) {
        let Some(waker) = self.waker.take() else { return };
        let mut state = lock(&self.flights.0);
        // After the news the list is another one, which may hold the same task's waker for another wait.
        if state.news == self.seen.0 {
            state.waiting.iter_mut().for_each(|waiting| remove(waiting, &waker));
        }
    }
}

fn remove(waiting: &mut Vec<Waker>, waker: &Waker) {
    if let Some(at) = waiting.iter().position(|other| other.will_wake(waker)) {
        waiting.swap_remove(at);
    }
}
