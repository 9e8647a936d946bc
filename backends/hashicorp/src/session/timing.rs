//! When a token is renewed, replaced and no longer used: formulas over its lease, nothing that waits.
//!
//! All times count from the moment before the request that obtained the lease was sent, so that the answer's way
//! back is on the safe side.

use std::time::Duration;

/// No two tries of anything come closer together than this.
pub(super) const FLOOR: Duration = Duration::from_millis(250);

/// The longest wait between logins that fail for another reason than their credential.
const FAULT_CAP: Duration = Duration::from_secs(60);

/// The longest wait between logins whose credential is refused.
pub(super) const REFUSED_CAP: Duration = Duration::from_secs(300);

/// Leases shorter than this leave no room for a grace.
const SHORT: Duration = Duration::from_secs(15);

/// A random number in `0.0..1.0`, so that tests choose it.
pub(super) type Dice<'a> = &'a mut dyn FnMut() -> f64;

/// When to renew: at 70 to 73 % of the lease, at half of a short one. The first renewal after a login comes up to a
/// tenth of the lease earlier, so that a fleet that started together does not stay together.
pub(super) fn renew_at(lease: Duration, first: bool, dice: Dice<'_>) -> Duration {
    if lease < SHORT {
        return lease.mul_f64(0.5);
    }
    let grace = 0.1 + 0.1 * dice();
    let early = if first { 0.1 * dice() } else { 0.0 };
    lease.mul_f64(2.0 / 3.0 + grace / 3.0 - early)
}

/// When to log in anew for a token that cannot be renewed: at 80 to 90 % of the lease.
pub(super) fn replace_at(lease: Duration, dice: Dice<'_>) -> Duration {
    lease.mul_f64(0.8 + 0.1 * dice())
}

/// When the token is not used any more, somewhat before the server ends it.
pub(super) fn ends_at(lease: Duration) -> Duration {
    let margin = lease.mul_f64(0.02).max(Duration::from_secs(2)).min(lease.mul_f64(0.1));
    lease - margin
}

/// Whether a renewal gave so much less than before that the token nears its end for good.
pub(super) fn shrinks(before: Duration, now: Duration) -> bool {
    now < before.mul_f64(0.9)
}

/// How long to wait before the login after `failures` failed ones: full jitter, growing.
pub(super) fn login_backoff(failures: u32, refused: bool, dice: Dice<'_>) -> Duration {
    let cap = if refused { REFUSED_CAP } else { FAULT_CAP };
    backoff(failures, cap, dice)
}

/// How long to wait before the renewal after `failures` failed ones, with `remaining` of the lease left.
pub(super) fn renew_backoff(failures: u32, remaining: Duration, dice: Dice<'_>) -> Duration {
    backoff(failures, (remaining / 6).max(Duration::from_secs(5)), dice).max(Duration::from_secs(1))
}

/// How long to wait before a token is looked up again whose first look-up failed.
pub(super) fn look_up_again(dice: Dice<'_>) -> Duration {
    FAULT_CAP.mul_f64(0.5 + 0.5 * dice())
}

fn backoff(failures: u32, cap: Duration, dice: Dice<'_>) -> Duration {
    let most = Duration::from_secs(1).saturating_mul(1 << failures.saturating_sub(1).min(16)).min(cap);
    most.mul_f64(dice()).max(FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Every formula at both ends of its randomness.
    fn both(formula: impl Fn(Dice<'_>) -> Duration) -> [f64; 2] {
        [0.0, 1.0].map(|number| formula(&mut || number).as_secs_f64())
    }

    #[test]
    fn renewals_lie_at_70_to_73_percent() {
        let [early, late] = both(|dice| renew_at(HOUR, false, dice));
        assert!(
            (early / 3600.0 - 0.70).abs() < 0.001 && (late / 3600.0 - 0.733).abs() < 0.001,
            "{early} {late}"
        );
        let [_, first] = both(|dice| renew_at(HOUR, true, dice));
        assert!((first / 3600.0 - 0.633).abs() < 0.001, "{first}");
        assert_eq!(both(|dice| renew_at(Duration::from_secs(10), true, dice)), [5.0, 5.0]);
    }

    #[test]
    fn a_token_is_replaced_before_it_is_given_up_and_given_up_before_it_ends() {
        for seconds in [1, 3, 10, 20, 60, 3600, 86400] {
            let lease = Duration::from_secs(seconds);
            let [_, replace] = both(|dice| replace_at(lease, dice));
            let [_, renew] = both(|dice| renew_at(lease, false, dice));
            let end = ends_at(lease).as_secs_f64();
            assert!(
                renew < replace && replace <= end && end < lease.as_secs_f64(),
                "{seconds}: {renew} {replace} {end}"
            );
        }
    }

    #[test]
    fn waits_grow_to_their_cap_and_never_reach_zero() {
        assert_eq!(both(|dice| login_backoff(1, false, dice)), [0.25, 1.0]);
        assert_eq!(both(|dice| login_backoff(40, false, dice)), [0.25, 60.0]);
        assert_eq!(both(|dice| login_backoff(40, true, dice)), [0.25, 300.0]);
        assert_eq!(both(|dice| renew_backoff(40, HOUR, dice)), [1.0, 600.0]);
        assert_eq!(both(|dice| renew_backoff(40, Duration::ZERO, dice)), [1.0, 5.0]);
        assert_eq!(both(look_up_again), [30.0, 60.0]);
    }
}
