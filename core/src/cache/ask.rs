//! What one reference takes out of a document, and for how long.

use std::time::Duration;

use super::block::Limits;
use super::clock::{Clock, Tick};
use crate::value::{Base64, Pick};
use crate::{Document, Error, Policy, Secret};

/// A document is not read anew more often than this for being old.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// What one reference takes out of a document. References that ask alike share a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) key: Option<Box<str>>,
    /// Boxed, since most references have no options.
    pub(crate) extra: Option<Box<Extra>>,
}

/// What the options of a reference ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) pointer: Option<Box<str>>,
    pub(crate) base64: Option<bool>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) neg_ttl: Option<Duration>,
    pub(crate) resurrect_ttl: Option<Duration>,
}

impl Ask {
    fn option<T>(&self, option: impl FnOnce(&Extra) -> Option<T>) -> Option<T> {
        self.extra.as_deref().and_then(option)
    }

    /// How old the value may grow: the reference's own ttl, or else the vault's.
    pub(crate) fn ttl(&self, policy: &Policy) -> Option<Duration> {
        let asked = self.option(|extra| extra.ttl).filter(|ttl| !ttl.is_zero());
        asked.or(policy.ttl).filter(|ttl| !ttl.is_zero()).map(|ttl| ttl.max(SHORTEST_TTL))
    }

    pub(crate) fn neg_ttl(&self, policy: &Policy) -> Duration {
        self.option(|extra| extra.neg_ttl).unwrap_or(policy.neg_ttl)
    }

    /// Until when a document that was read at `fetched` serves this reference.
    pub(crate) fn limits(
        &self,
        policy: &Policy,
        document: &Document,
        fetched: Tick,
        clock: &Clock,
    ) -> Limits {
        // A reference may be stricter than the vault and never laxer.
        let resurrect = self.option(|extra| extra.resurrect_ttl);
        let resurrect = resurrect.map_or(policy.resurrect_ttl, |asked| asked.min(policy.resurrect_ttl));
        let (stale_from, deadline) = match self.ttl(policy) {
            Some(ttl) => (fetched.after(ttl), fetched.after(ttl.saturating_add(resurrect))),
            None => (Tick::NEVER, Tick::NEVER),
        };
        let end = document.expires_at().map_or(Tick::NEVER, |moment| clock.at(moment));
        Limits { fetched, stale_from: stale_from.min(end), deadline: deadline.min(end) }
    }

    /// The value in a document.
    pub(crate) fn pick(&self, document: &Document, resource: &str, policy: &Policy) -> Result<Secret, Error> {
        let base64 = match self.option(|extra| extra.base64) {
            Some(true) => Base64::Asked,
            Some(false) => Base64::No,
            None if policy.base64_decode => Base64::ForStrings,
            None => Base64::No,
        };
        let pick = Pick {
            resource,
            key: self.key.as_deref(),
            pointer: self.extra.as_deref().and_then(|extra| extra.pointer.as_deref()),
            base64,
            reveal_keys: policy.reveal_keys,
        };
        pick.from(document)
    }
}
