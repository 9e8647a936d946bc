//! When rotation asks a vault: the arithmetic alone, so that a fleet can be reckoned with the very numbers that run.
//!
//! Waits are drawn early and never late: what has a `ttl` is read anew before it is older than that.
//!
//! ```
//! use std::time::Duration;
//! use strongroom_core::schedule;
//!
//! let ttl = Duration::from_secs(300);
//! assert!((15..=300).contains(&schedule::first(ttl).as_secs()));
//! assert!((240..=300).contains(&schedule::later(ttl).as_secs()));
//! ```

use std::time::Duration;

/// The shortest wait after a failure, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long after its first read a document is read again: anything from 0.05 to 1 `ttl`, so that a fleet that was
/// started at once does not ask at once.
#[must_use]
pub fn first(ttl: Duration) -> Duration {
    ttl.mul_f64(0.05 + fastrand::f64() * 0.95)
}

/// How long after any later read: 0.8 to 1 `ttl`.
#[must_use]
pub fn later(ttl: Duration) -> Duration {
    ttl.mul_f64(0.8 + fastrand::f64() * 0.2)
}

/// How long after so many failures in a row, at least one: a second or more, doubling up to a minute and no longer
/// than `ttl`.
#[must_use]
pub fn retry(failures: u8, ttl: Duration) -> Duration {
    let grown = RETRY.0.saturating_mul(1 << failures.min(6));
    grown.min(RETRY.1).min(ttl).mul_f64(0.5 + fastrand::f64() / 2.0).max(RETRY.0)
}
