//! Trying again: only what may pass by itself, with jitter, and never longer than the whole call may take.

use std::future::Future;
use std::time::{Duration, SystemTime};

use strongroom_core::{Error, ErrorKind};
use tokio::time::Instant;

use crate::breaker::{Breaker, Held};

/// How often and how long a call is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Tries after the first.
    pub(crate) retries: u32,
    /// Bounds everything: tries, waits, and the queue before them.
    pub(crate) total: Duration,
}

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);
/// No wait is shorter, however the dice fall.
const FLOOR: Duration = Duration::from_millis(10);

/// Makes tries until one succeeds, fails for good, or the budget is spent.
pub(crate) async fn run<T, F>(
    budget: Budget,
    breaker: &Breaker,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let started = Instant::now();
    let left = || budget.total.saturating_sub(started.elapsed());
    let (mut tries, mut last) = (0, None);
    loop {
        tries += 1;
        let (error, asked) = match breaker.admit() {
            // Who comes to an open circuit hears at once why; who was there before goes on trying.
            Err(Held::Open(error)) if tries == 1 => return Err(error),
            Err(Held::Open(error)) => (error, false),
            Err(Held::Paused(error)) => {
                // Waiting for one's turn is no try.
                tries -= 1;
                (error, false)
            }
            Ok(()) => match tokio::time::timeout(left(), attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => (error, true),
                Err(_) => return Err(out_of_time(budget, tries, last)),
            },
        };
        // Those who are told to wait do so together, which bounds them.
        let free = !asked || error.kind() == ErrorKind::RateLimited;
        if !error.is_retryable() || tries > budget.retries || !(free || breaker.may_retry()) {
            return Err(counted(error, tries));
        }
        let told = error.retry_after();
        let wait = told.map_or_else(|| jitter(tries), |wait| wait.max(FLOOR));
        if wait >= left() {
            // Nobody gains by waiting for what cannot come in time.
            let error = if told.is_some() { too_long(error, wait, budget) } else { error };
            return Err(counted(error, tries));
        }
        tracing::debug!(%error, tries, ?wait, "trying again");
        tokio::time::sleep(wait).await;
        last = Some(error);
    }
}

/// Full jitter: anything up to a bound that doubles with each try.
fn jitter(tries: u32) -> Duration {
    let bound = CAP.min(BASE.saturating_mul(1 << tries.min(8)) / 2);
    bound.mul_f64(fastrand::f64()).max(FLOOR)
}

/// Says why nobody waits as long as the server asks for.
fn too_long(error: Error, wait: Duration, budget: Budget) -> Error {
    // In whole seconds, and never as none.
    let wait = humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)));
    let total = budget.total;
    error.note(format_args!(
        "it wants to be left alone for {wait}, which is more than is left of total_timeout, {total:?}"
    ))
}

fn counted(error: Error, tries: u32) -> Error {
    if tries <= 1 { error } else { error.note(format_args!("given up after {tries} tries")) }
}

fn out_of_time(budget: Budget, tries: u32, last: Option<Error>) -> Error {
    let plural = if tries == 1 { "try" } else { "tries" };
    let message = format!("no answer within total_timeout, {:?} ({tries} {plural})", budget.total);
    let error = Error::new(ErrorKind::Timeout, message).transient();
    match last {
        Some(last) => error.with_source(last),
        None => error,
    }
}

/// The value of a `Retry-After` header, seconds or a date: how long from `now`.
pub(crate) fn parse_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const BUDGET: Budget = Budget { retries: 3, total: Duration::from_secs(10) };

    fn passing() -> Error {
        Error::new(ErrorKind::Unavailable, "connection refused").transient()
    }

    async fn fails(budget: Budget, error: Error) -> (Error, u32, Duration) {
        let (tries, started) = (Cell::new(0), Instant::now());
        let result: Result<(), _> = run(budget, &Breaker::new(budget.retries), || {
            tries.set(tries.get() + 1);
            std::future::ready(Err(error.clone()))
        })
        .await;
        (result.unwrap_err(), tries.get(), started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_counted() {
        let (error, tries, took) = fails(BUDGET, passing()).await;
        assert_eq!((tries, error.to_string().as_str()), (4, "connection refused; given up after 4 tries"));
        assert!(error.is_retryable());
        // At most 0.1, 0.2 and 0.4 seconds, and never at once.
        assert!(took >= 3 * FLOOR && took <= Duration::from_millis(720), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_is_tried_once() {
        let (error, tries, _) = fails(BUDGET, passing().lasting()).await;
        assert_eq!((tries, error.to_string().as_str()), (1, "connection refused"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_ends_it() {
        let tries = Cell::new(0);
        let breaker = Breaker::new(3);
        let result = run(BUDGET, &breaker, || {
            tries.set(tries.get() + 1);
            std::future::ready(if tries.get() < 3 { Err(passing()) } else { Ok(tries.get()) })
        });
        assert_eq!(result.await.unwrap(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_server_says_how_long_to_wait() {
        let (_, tries, took) = fails(BUDGET, passing().with_retry_after(Duration::from_secs(3))).await;
        assert_eq!((tries, took.as_secs()), (4, 9));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_end_is_not_begun() {
        for wait in [Duration::from_secs(10), Duration::from_secs(99_999_999), Duration::MAX] {
            let (error, tries, took) = fails(BUDGET, passing().with_retry_after(wait)).await;
            assert_eq!((tries, took), (1, Duration::ZERO));
            assert_eq!(error.retry_after(), Some(wait));
            assert!(error.to_string().ends_with("more than is left of total_timeout, 10s"), "{error}");
        }
        let (error, ..) = fails(BUDGET, passing().with_retry_after(Duration::from_secs(90))).await;
        assert_eq!(
            error.to_string(),
            "connection refused; it wants to be left alone for 1m 30s, which is more than is left of total_timeout, 10s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_no_longer_fits_is_said_too() {
        let (error, tries, took) = fails(BUDGET, passing().with_retry_after(Duration::from_secs(4))).await;
        assert_eq!((tries, took.as_secs()), (3, 8));
        assert_eq!(
            error.to_string(),
            "connection refused; it wants to be left alone for 4s, which is more than is left of total_timeout, \
             10s; given up after 3 tries"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_call_has_an_end() {
        let started = Instant::now();
        let result: Result<(), _> = run(BUDGET, &Breaker::new(3), std::future::pending).await;
        let error = result.unwrap_err();
        assert_eq!(started.elapsed().as_secs(), 10);
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), "no answer within total_timeout, 10s (1 try)");
        assert!(error.is_retryable());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_failure_is_not_forgotten() {
        let first = Cell::new(true);
        let result: Result<(), _> = run(BUDGET, &Breaker::new(3), || {
            let fail = first.replace(false);
            async move { if fail { Err(passing()) } else { std::future::pending().await } }
        })
        .await;
        assert_eq!(
            format!("{:?}", result.unwrap_err()),
            "timeout: no answer within total_timeout, 10s (2 tries): connection refused"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_huge_budget_is_no_overflow() {
        let budget = Budget { retries: 0, total: Duration::MAX };
        assert_eq!(fails(budget, passing()).await.1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_is_told_at_once_and_a_pause_is_waited_for() {
        let breaker = Breaker::new(3);
        (0..5).for_each(|_| breaker.failed(&passing()));
        let (started, asked) = (Instant::now(), Cell::new(0));
        let ask = || {
            asked.set(asked.get() + 1);
            std::future::ready(Ok(()))
        };
        let error = run(BUDGET, &breaker, ask).await.unwrap_err();
        assert!(error.to_string().starts_with("not asked: ") && error.is_retryable(), "{error}");
        assert_eq!((started.elapsed(), asked.get()), (Duration::ZERO, 0));

        let breaker = Breaker::new(3);
        breaker.told_to_wait(Some(Duration::from_secs(2)), &passing());
        run(BUDGET, &breaker, ask).await.unwrap();
        assert!((2.0..2.6).contains(&started.elapsed().as_secs_f64()) && asked.get() == 1);
        breaker.told_to_wait(Some(Duration::from_secs(60)), &passing());
        let error = run(BUDGET, &breaker, ask).await.unwrap_err();
        let said = error.to_string();
        assert!(
            said.starts_with("connection refused; not asked again yet; it wants to be left alone for 1m"),
            "{said}"
        );
        assert!(said.ends_with("which is more than is left of total_timeout, 10s"), "{said}");
        assert_eq!(asked.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_fails_nothing_is_tried_again() {
        let breaker = Breaker::new(3);
        let tries = Cell::new(0);
        for _ in 0..100 {
            let result: Result<(), _> = run(BUDGET, &breaker, || {
                tries.set(tries.get() + 1);
                std::future::ready(Err(passing()))
            })
            .await;
            assert!(result.is_err());
        }
        // Each call tries once, and ten times it was tried again (an eleventh if the waits took ten seconds).
        assert!((110..=111).contains(&tries.get()), "{}", tries.get());
    }

    /// A limit as OpenBao's: `most` in each interval, and no word on when to come again.
    #[tokio::test(start_paused = true)]
    async fn a_quota_that_has_room_for_all_fails_nobody() {
        const INTERVAL: u64 = 2;
        for _ in 0..200 {
            let (started, breaker) = (Instant::now(), Breaker::new(20));
            let (breaker, used) = (&breaker, &Cell::new((0, 0)));
            let reader = || {
                run(Budget { retries: 20, ..BUDGET }, breaker, move || async move {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    let interval = started.elapsed().as_secs() / INTERVAL;
                    let (at, count) = used.get();
                    let count = if at == interval { count + 1 } else { 1 };
                    used.set((interval, count));
                    if count <= 2 {
                        breaker.answered(true);
                        return Ok(());
                    }
                    let error = Error::new(ErrorKind::RateLimited, "rate limit quota exceeded").transient();
                    breaker.told_to_wait(None, &error);
                    Err(error)
                })
            };
            let results = tokio::join!(reader(), reader(), reader(), reader(), reader(), reader());
            let results: [Result<(), Error>; 6] = results.into();
            for result in results {
                result.unwrap();
            }
        }
    }

    #[test]
    fn jitter_keeps_its_bounds() {
        for tries in 1..40 {
            for _ in 0..100 {
                let wait = jitter(tries);
                assert!(wait >= FLOOR && wait <= CAP && (tries > 1 || wait <= BASE), "{tries}: {wait:?}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 22:17:02 GMT").unwrap();
        let seconds = |text| parse_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("9"), Some(9));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Mon, 23 Nov 2026 22:18:02 GMT"), Some(60));
        assert_eq!(seconds("Mon, 23 Nov 2020 22:18:02 GMT"), Some(0));
        assert_eq!(seconds("99999999999999999999999"), Some(u64::MAX));
        for bad in ["", "-1", "1.5", "soon", "+3"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
