//! Counters and gauges through the `metrics` facade; without the feature of that name, nothing.
//!
//! `docs/metrics.md` has the table of names. Labels are prefixes, operations and kinds: never a resource, never a value.

#[cfg(feature = "metrics")]
use crate::cache::Survey;
use crate::{Error, RotationKind};

#[cfg(feature = "metrics")]
mod names {
    pub(super) const HITS: &str = "strongroom_hits_total";
    pub(super) const STALE_HITS: &str = "strongroom_stale_hits_total";
    pub(super) const MISSES: &str = "strongroom_misses_total";
    pub(super) const REFRESHES: &str = "strongroom_refreshes_total";
    pub(super) const REQUESTS: &str = "strongroom_upstream_requests_total";
    pub(super) const EVENTS: &str = "strongroom_rotation_events_total";
    pub(super) const ENTRIES: &str = "strongroom_entries";
    pub(super) const STALE: &str = "strongroom_stale_entries";
    pub(super) const OLDEST: &str = "strongroom_oldest_age_seconds";
    pub(super) const TOKEN: &str = "strongroom_token_left_seconds";
}

#[cfg(feature = "metrics")]
mod on {
    use metrics::{counter, gauge};

    use super::{Error, RotationKind, Survey, names};

    fn outcome(error: Option<&Error>) -> &'static str {
        error.map_or("ok", |error| error.kind().as_str())
    }

    /// Reads that found a value in memory, added up.
    pub(crate) fn hits(fresh: u64, stale: u64) {
        if fresh > 0 {
            counter!(names::HITS).increment(fresh);
        }
        if stale > 0 {
            counter!(names::STALE_HITS).increment(stale);
        }
    }

    /// A read that has to wait for the vault.
    pub(crate) fn miss(prefix: &str) {
        counter!(names::MISSES, "vault" => prefix.to_owned()).increment(1);
    }

    /// A read in the background has ended.
    pub(crate) fn refreshed(prefix: &str, error: Option<&Error>) {
        counter!(names::REFRESHES, "vault" => prefix.to_owned(), "outcome" => outcome(error)).increment(1);
    }

    /// A vault was asked.
    pub(crate) fn upstream(prefix: &str, operation: &'static str, error: Option<&Error>) {
        counter!(
            names::REQUESTS,
            "vault" => prefix.to_owned(), "operation" => operation, "outcome" => outcome(error)
        )
        .increment(1);
    }

    /// Something became of a secret.
    pub(crate) fn event(prefix: &str, kind: RotationKind) {
        counter!(names::EVENTS, "vault" => prefix.to_owned(), "kind" => kind.as_str()).increment(1);
    }

    /// What is in memory of a vault.
    pub(crate) fn survey(survey: &Survey) {
        let vault = || survey.mount.prefix().to_owned();
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let count = |name: &'static str, count: usize| gauge!(name, "vault" => vault()).set(count as f64);
        count(names::ENTRIES, survey.entries);
        count(names::STALE, survey.stale);
        gauge!(names::OLDEST, "vault" => vault()).set(survey.oldest.unwrap_or_default().as_secs_f64());
        let mounted = survey.mount.current();
        let left = mounted.and_then(|mounted| mounted.vault.backend().describe().token_left);
        if let Some(left) = left {
            gauge!(names::TOKEN, "vault" => vault()).set(left.as_secs_f64());
        }
    }
}

#[cfg(not(feature = "metrics"))]
mod on {
    use super::{Error, RotationKind};

    pub(crate) fn miss(_: &str) {}

    pub(crate) fn refreshed(_: &str, _: Option<&Error>) {}

    pub(crate) fn upstream(_: &str, _: &'static str, _: Option<&Error>) {}

    pub(crate) fn event(_: &str, _: RotationKind) {}
}

pub(crate) use on::*;
