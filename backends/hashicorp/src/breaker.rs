//! When not to ask: a server that does not serve is asked seldom and by one at a time, one that wants to be left alone
//! is left alone, and what is tried again has a budget.
//!
//! | state | entered when | a reader |
//! |---|---|---|
//! | closed | the server answers | asks |
//! | open | [`THRESHOLD`] tries in a row brought no answer | hears at once what the last try brought |
//! | half-open | the wait since the last try is over | asks, alone; the others still hear what the last try brought |
//! | paused | the server said that it gets too many requests, and for how long | waits for the end if its own time reaches that far |
//!
//! An answer that says no, such as that of a sealed vault, opens nothing: it costs the server little, is given at once,
//! and the registry asks seldom for what keeps failing.
//!
//! The wait of an open circuit grows from half a second to ten: an outage of a minute ends at most ten seconds after
//! the server is back, and ten thousand processes knock a thousand times in a second, all of them together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_core::Error;
use tokio::time::Instant;

/// How many tries in a row open the circuit. A call with more tries than that is not cut short by its own.
const THRESHOLD: u32 = 5;

/// The longest wait of an open circuit at first and at last; each wait is at least half of its longest.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How short and how long a server may ask to be left alone.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(300));

/// How long a server is left alone at most that asks for it without saying how long. As short as the longest wait
/// between two tries, so that a call has several of them: a longer one would be a guess that costs it its value.
const PAUSE_UNTOLD: Duration = Duration::from_secs(2);

/// What one success, or one second, adds to the budget of retries.
const REFILL: f64 = 0.1;

/// How the server has been lately, and what follows for those who want to ask it.
#[derive(Debug)]
pub(crate) struct Breaker {
    threshold: u32,
    /// How many retries the budget holds at most.
    most: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Tries in a row that failed, and what the last one brought.
    failures: u32,
    last: Option<Error>,
    /// While the circuit is open: when the next try may be made.
    next: Option<Instant>,
    /// Until when the server is left alone, and its own word on that.
    pause: Option<(Instant, Error)>,
    /// How often the circuit was opened.
    openings: u32,
    /// How often in a row the server asked to be left alone.
    pauses: u32,
    budget: f64,
    refilled: Instant,
}

impl State {
    fn paused(&self, now: Instant) -> Option<Error> {
        let (until, error) = self.pause.as_ref().filter(|(until, _)| now < *until)?;
        // Those who wait do not come back all at once.
        let left = (*until - now).mul_f64(1.0 + fastrand::f64() / 4.0);
        Some(error.clone().note("not asked again yet").with_retry_after(left))
    }
}

/// Why nobody was asked.
#[derive(Debug)]
pub(crate) enum Held {
    /// The circuit is open.
    Open(Error),
    /// The server wants to be left alone; the error says for how long.
    Paused(Error),
}

impl Breaker {
    /// For a vault whose calls are tried again so often.
    pub(crate) fn new(retries: u32) -> Self {
        let most = f64::from(retries).max(1.0 / REFILL);
        let state = State {
            failures: 0,
            last: None,
            next: None,
            pause: None,
            openings: 0,
            pauses: 0,
            budget: most,
            refilled: Instant::now(),
        };
        Self { threshold: THRESHOLD.max(retries.saturating_add(2)), most, state: Mutex::new(state) }
    }

    /// Whether the server may be asked now. Where the circuit is open, the one who may is the only one for a while.
    pub(crate) fn admit(&self) -> Result<(), Held> {
        let mut state = self.lock();
        if state.pause.is_none() && state.next.is_none() {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(error) = state.paused(now) {
            return Err(Held::Paused(error));
        }
        match (state.next, &state.last) {
            (Some(next), Some(last)) if now < next => {
                let message = format!(
                    "not asked: the last {} tries failed, the next is made within {:?}",
                    state.failures,
                    Duration::from_millis(u64::try_from((next - now).as_millis()).unwrap_or(u64::MAX))
                );
                Err(Held::Open(last.clone().context(message)))
            }
            (Some(_), _) => {
                state.next = Some(now + self.wait(state.failures));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Why the server is not asked what can wait, while it wants to be left alone; the error says for how long.
    pub(crate) fn paused(&self) -> Option<Error> {
        self.lock().paused(Instant::now())
    }

    /// How often the circuit was opened so far, for [`opened_since`](Self::opened_since).
    pub(crate) fn openings(&self) -> u32 {
        self.lock().openings
    }

    /// Why somebody who waited in line while the circuit was opened asks no more.
    pub(crate) fn opened_since(&self, openings: u32) -> Option<Error> {
        let state = self.lock();
        state.last.clone().filter(|_| state.openings != openings && state.next.is_some())
    }

    /// The server gave an answer, and `served` with it or not.
    pub(crate) fn answered(&self, served: bool) {
        let mut state = self.lock();
        if state.next.take().is_some() {
            tracing::info!("the server answers again");
        }
        (state.failures, state.last) = (0, None);
        if served {
            state.pauses = 0;
            state.budget = (state.budget + REFILL).min(self.most);
        }
    }

    /// A try brought no answer.
    pub(crate) fn failed(&self, error: &Error) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.last = Some(error.clone());
        if state.failures >= self.threshold {
            if state.next.is_none() {
                state.openings = state.openings.wrapping_add(1);
                tracing::warn!(%error, tries = state.failures, "the server is asked seldom from now on");
            }
            state.next = Some(Instant::now() + self.wait(state.failures));
        }
    }

    /// The server wants to be left alone, for `wait` where it says so.
    pub(crate) fn told_to_wait(&self, wait: Option<Duration>, error: &Error) {
        let mut state = self.lock();
        let now = Instant::now();
        let is_paused = state.pause.as_ref().is_some_and(|(until, _)| now < *until);
        if is_paused && wait.is_none() {
            // The refusals of what was under way together are one.
            return;
        }
        let wait = wait.unwrap_or_else(|| {
            let most = PAUSE.0.saturating_mul(2 << state.pauses.min(8)).min(PAUSE_UNTOLD);
            most.mul_f64(fastrand::f64())
        });
        let until = now + wait.clamp(PAUSE.0, PAUSE.1);
        if !is_paused {
            state.pauses = state.pauses.saturating_add(1);
        }
        if state.pause.as_ref().is_none_or(|(before, _)| *before < until) {
            state.pause = Some((until, error.clone()));
        }
    }

    /// Takes one retry from the budget, if there is one: where all fails, trying again makes it worse.
    pub(crate) fn may_retry(&self) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        let earned = (now - state.refilled).as_secs_f64() * REFILL;
        (state.budget, state.refilled) = ((state.budget + earned).min(self.most), now);
        let enough = state.budget >= 1.0;
        if enough {
            state.budget -= 1.0;
        }
        enough
    }

    fn wait(&self, failures: u32) -> Duration {
        let grown =
            1.5_f64.powi(i32::try_from(failures.saturating_sub(self.threshold).min(20)).unwrap_or(20));
        WAIT.0.mul_f64(grown).min(WAIT.1).mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot poison it: what the lock guards is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::ErrorKind;
    use tokio::time::{advance, sleep};

    use super::*;

    fn refused() -> Error {
        Error::new(ErrorKind::Unavailable, "connection refused").transient()
    }

    fn open(breaker: &Breaker) {
        for _ in 0..THRESHOLD {
            assert!(breaker.admit().is_ok());
            breaker.failed(&refused());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_an_answer_closes_it() {
        let breaker = Breaker::new(3);
        for _ in 0..3 {
            (0..THRESHOLD - 1).for_each(|_| breaker.failed(&refused()));
            assert!(breaker.admit().is_ok());
            breaker.answered(true);
        }
        open(&breaker);
        let Err(Held::Open(error)) = breaker.admit() else { panic!("it is open") };
        let said = format!("{error:?}");
        assert!(said.contains("the last 5 tries failed") && said.ends_with(": connection refused"), "{said}");
        assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable);
        breaker.answered(true);
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_server_is_asked_by_one_at_a_time_ever_more_seldom() {
        let breaker = Breaker::new(3);
        open(&breaker);
        let mut times = Vec::new();
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(600) {
            if breaker.admit().is_ok() {
                assert!(breaker.admit().is_err(), "one at a time");
                times.push(Instant::now());
                breaker.failed(&refused());
            }
            advance(Duration::from_millis(10)).await;
        }
        // Never within half a second, at last every five to ten.
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= WAIT.0 / 2));
        assert!((60..=135).contains(&times.len()), "{}", times.len());
        let last = &times[times.len() - 10..];
        assert!(last.windows(2).all(|pair| pair[1] - pair[0] <= WAIT.1 + Duration::from_millis(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_vanishes_blocks_nobody_for_long() {
        let breaker = Breaker::new(3);
        open(&breaker);
        sleep(WAIT.0).await;
        // The reader that was let through goes away and reports nothing.
        assert!(breaker.admit().is_ok());
        assert!(breaker.admit().is_err());
        sleep(WAIT.0).await;
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_with_many_tries_is_not_cut_short_by_itself() {
        let breaker = Breaker::new(20);
        for _ in 0..=20 {
            assert!(breaker.admit().is_ok());
            breaker.failed(&refused());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_has_bounds_and_ends() {
        for (told, least, most) in [
            (Some(0), 250, 320),
            (Some(3), 3_000, 3_760),
            (Some(u64::MAX), 300_000, 375_010),
            (None, 250, 630),
        ] {
            let breaker = Breaker::new(3);
            breaker.told_to_wait(told.map(Duration::from_secs), &refused());
            let Err(Held::Paused(error)) = breaker.admit() else { panic!("{told:?}: no pause") };
            let wait = error.retry_after().unwrap();
            let bounds = Duration::from_millis(least)..Duration::from_millis(most);
            assert!(bounds.contains(&wait), "{told:?}: {wait:?}");
            sleep(wait).await;
            assert!(breaker.admit().is_ok(), "{told:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_of_what_was_under_way_together_make_one_pause() {
        let breaker = Breaker::new(3);
        for most in [630, 1_260, 2_510, 2_510] {
            (0..8).for_each(|_| breaker.told_to_wait(None, &refused()));
            let wait = breaker.paused().and_then(|error| error.retry_after()).unwrap();
            assert!(wait <= Duration::from_millis(most), "{wait:?}, {most} ms at most");
            sleep(wait).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_made_longer_and_never_shorter() {
        let breaker = Breaker::new(3);
        breaker.told_to_wait(Some(Duration::from_secs(30)), &refused());
        breaker.told_to_wait(Some(Duration::ZERO), &refused());
        sleep(Duration::from_secs(29)).await;
        assert!(breaker.admit().is_err());
        sleep(Duration::from_secs(1)).await;
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn retries_have_a_budget_that_successes_and_time_fill() {
        let breaker = Breaker::new(3);
        let spend = || (0..1000).filter(|_| breaker.may_retry()).count();
        assert_eq!((spend(), spend()), (10, 0));
        (0..25).for_each(|_| breaker.answered(true));
        assert_eq!(spend(), 2);
        sleep(Duration::from_secs(31)).await;
        assert_eq!(spend(), 3);
        sleep(Duration::from_secs(100_000)).await;
        assert_eq!(spend(), 10);
        assert_eq!((0..1000).filter(|_| Breaker::new(1000).may_retry()).count(), 1000);
    }
}
