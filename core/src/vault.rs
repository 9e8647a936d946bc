//! One configured vault: a backend, and how its values are kept and picked.

use std::sync::Arc;
use std::time::Duration;

use crate::{Error, ErrorKind, VaultBackend};

/// A backend together with the settings that the registry applies to it.
///
/// Any backend turns into a vault with default settings, so `registry.vault("prefix", MyBackend)` works.
#[derive(Clone, Debug)]
pub struct Vault {
    pub(crate) backend: Arc<dyn VaultBackend>,
    pub(crate) policy: Policy,
    pub(crate) note: Option<String>,
    /// Whether it fails every use, as a backend does that is not there.
    pub(crate) is_unavailable: bool,
}

/// How the registry keeps and picks the values of one vault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How old a value may grow before it is refreshed in the background; none: kept until refreshed by hand.
    pub ttl: Option<Duration>,
    /// How long a miss is remembered. Default 5 s.
    pub neg_ttl: Duration,
    /// How long past `ttl` the last good value is served while the vault fails. Default 1 h.
    pub resurrect_ttl: Duration,
    /// Whether strings that a key picks are decoded from base64.
    pub base64_decode: bool,
    /// Whether the error for a missing key may list the names of the keys that are there.
    pub reveal_keys: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: None,
            neg_ttl: Duration::from_secs(5),
            resurrect_ttl: Duration::from_secs(3600),
            base64_decode: false,
            reveal_keys: false,
        }
    }
}

impl Vault {
    /// A vault with default settings.
    #[must_use]
    pub fn new(backend: impl VaultBackend) -> Self {
        Self::shared(Arc::new(backend))
    }

    /// A vault over a backend that others hold too.
    #[must_use]
    pub fn shared(backend: Arc<dyn VaultBackend>) -> Self {
        Self { backend, policy: Policy::default(), note: None, is_unavailable: false }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Adds a remark that every failure of this vault ends with, such as a variable that is set in vain.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn VaultBackend> {
        &self.backend
    }

    /// The settings.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl<B: VaultBackend> From<B> for Vault {
    fn from(backend: B) -> Self {
        Self::new(backend)
    }
}

/// Seconds as configuration and references write them: finite, at least 0, fractions allowed.
///
/// # Errors
///
/// [`ErrorKind::InvalidConfig`] for anything else. The message does not hold the text.
pub fn parse_seconds(text: &str) -> Result<Duration, Error> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| {
            text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte)) && *seconds >= 0.0
        })
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidConfig, "expected seconds: a finite number, at least 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_finite_and_not_negative() {
        assert_eq!(parse_seconds("60").unwrap(), Duration::from_secs(60));
        assert_eq!(parse_seconds("0.25").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_seconds("1e8").unwrap(), Duration::from_secs(100_000_000));
        assert_eq!(parse_seconds("0").unwrap(), Duration::ZERO);
        for text in ["", " 1", "-1", "nan", "inf", "infinity", "1e999", "1s", "0x10", "1_0"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
