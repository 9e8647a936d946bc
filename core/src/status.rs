//! What a registry says of itself, for a health endpoint.

use serde::Serialize;

/// The vaults of a registry as they are at one moment. Holds no value and no reference, and costs no I/O.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// One for each prefix, sorted.
    pub vaults: Vec<VaultStatus>,
}

impl Status {
    /// Whether the last answer of some vault was a failure.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.vaults.iter().any(|vault| vault.failing)
    }
}

/// One vault as it is at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VaultStatus {
    /// Its prefix.
    pub prefix: String,
    /// The kind of its backend, such as `hcv`.
    pub backend: String,
    /// Where it is, if anywhere.
    pub address: Option<String>,
    /// Whether its last answer was a failure. That it has no such secret, or denies one, is none.
    pub failing: bool,
    /// How many secrets of it are in memory with a value.
    pub entries: usize,
    /// How many of those are older than their `ttl`.
    pub stale: usize,
    /// How old the oldest of them is, in seconds.
    pub oldest_age_seconds: Option<f64>,
    /// How long ago it last answered, in seconds; none if it never did.
    pub answered_seconds_ago: Option<f64>,
    /// How long ago it last failed, in seconds; none if it never did.
    pub failed_seconds_ago: Option<f64>,
    /// How it failed the last time.
    pub last_error: Option<String>,
    /// How long its token still lives, in seconds; none where it does not end, or none is known.
    pub token_left_seconds: Option<u64>,
}
