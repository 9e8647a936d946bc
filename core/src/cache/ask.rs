//! What one reference takes out of a document, and for how long.

use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::block::Limits;
use super::clock::Tick;
use super::kept::Kept;
use crate::sync::lock;
use crate::value::{Base64, Pick, Picked, Way};
use crate::{Error, Policy};

/// A document is not read anew more often than this for being old.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// What one reference takes out of a document. References that ask alike share a cell.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) key: Option<Box<str>>,
    /// Boxed, since most references have no options.
    pub(crate) extra: Option<Box<Extra>>,
}

/// The same before anything is made of it: most wishes have been had before.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What the options of a reference ask for.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
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
    pub(crate) fn limits(&self, policy: &Policy, document: &Kept, fetched: Tick) -> Limits {
        // A reference may be stricter than the vault and never laxer.
        let resurrect = self.option(|extra| extra.resurrect_ttl);
        let resurrect = resurrect.map_or(policy.resurrect_ttl, |asked| asked.min(policy.resurrect_ttl));
        let (stale_from, deadline) = match self.ttl(policy) {
            Some(ttl) => (fetched.after(ttl), fetched.after(ttl.saturating_add(resurrect))),
            None => (Tick::NEVER, Tick::NEVER),
        };
        let (stale_from, deadline) = (stale_from.min(document.ends), deadline.min(document.ends));
        Limits { fetched, stale_from, deadline }
    }

    /// The value in a document.
    pub(crate) fn pick<'d>(
        &self,
        document: &'d Kept,
        resource: &str,
        policy: &Policy,
    ) -> Result<Picked<'d>, Error> {
        let pick = Pick {
            resource,
            key: self.key.as_deref(),
            pointer: self.extra.as_deref().and_then(|extra| extra.pointer.as_deref()),
            way: self.way(policy),
        };
        pick.from(document.body())
    }

    /// How the fields of a document are read.
    pub(crate) fn way(&self, policy: &Policy) -> Way {
        let base64 = match self.option(|extra| extra.base64) {
            Some(true) => Base64::Asked,
            Some(false) => Base64::No,
            None if policy.base64_decode => Base64::ForStrings,
            None => Base64::No,
        };
        Way { base64, reveal_keys: policy.reveal_keys }
    }
}

/// All that references ask for, each once: many secrets have a field of the same name.
#[derive(Default)]
pub(crate) struct Asks(Mutex<Known>);

#[derive(Default)]
struct Known {
    asks: HashTable<Arc<Ask>>,
    hasher: RandomState,
    /// How many there may be until those that nobody has any more are dropped.
    bound: usize,
}

impl Asks {
    /// The one that asks for this. Cells that ask alike have the same.
    pub(crate) fn intern(&self, Wish { key, extra }: Wish<'_>) -> Arc<Ask> {
        let Known { asks, hasher, bound } = &mut *lock(&self.0);
        let hash = hasher.hash_one((key, &extra));
        if let Some(ask) = asks.find(hash, |ask| ask.key.as_deref() == key && ask.extra == extra) {
            return ask.clone();
        }
        if asks.len() >= *bound {
            asks.retain(|ask| Arc::strong_count(ask) > 1);
            *bound = (2 * asks.len()).max(64);
        }
        let ask = Arc::new(Ask { key: key.map(Into::into), extra });
        asks.insert_unique(hash, ask.clone(), |ask| hasher.hash_one((ask.key.as_deref(), &ask.extra)));
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asks_for_any_more_is_forgotten() {
        let asks = Asks::default();
        let ask = |key: usize| asks.intern(Wish { key: Some(&key.to_string()), extra: None });
        let kept = ask(0);
        assert!(Arc::ptr_eq(&kept, &ask(0)));
        (1..10_000).for_each(|key| drop(ask(key)));
        assert!(lock(&asks.0).asks.len() <= 64);
        assert!(Arc::ptr_eq(&kept, &ask(0)));
    }
}
