//! A document as a slot keeps it: as few bytes as it can be, since there may be many.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::clock::{Clock, Tick};
use crate::document::Body;
use crate::{Document, VersionState};

/// The last good document of a slot.
pub(crate) struct Kept {
    bytes: Zeroizing<Box<[u8]>>,
    edition: Edition,
    /// When it ends by the vault's word, by our clock: the wall clock may jump.
    pub(crate) ends: Tick,
    is_json: bool,
}

/// How far the end that a listing names may be from the one that was read: both are reckoned from the wall clock.
const ALIKE: Duration = Duration::from_secs(1);

/// Which of a resource's versions a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edition {
    pub(crate) version: Option<NonZeroU64>,
    /// When it was written, by the vault's clock, in nanoseconds since 1970; `i64::MIN` where the vault did not say.
    created: i64,
}

impl Edition {
    pub(crate) fn of(document: &Document) -> Self {
        Self {
            version: document.version().and_then(NonZeroU64::new),
            created: document.created().map_or(i64::MIN, nanoseconds),
        }
    }

    fn of_listed(listed: &VersionState) -> Self {
        Self {
            version: NonZeroU64::new(listed.version),
            created: listed.created.map_or(i64::MIN, nanoseconds),
        }
    }

    /// Whether `next` is older than this. One that was deleted and made anew counts from 1 again and was written
    /// later.
    pub(crate) fn goes_back_to(self, next: Self) -> bool {
        // Where versions are no longer told, the mount has become one without.
        next.version.is_some() && next.version < self.version && next.created <= self.created
    }
}

impl Kept {
    pub(crate) fn new(document: Document, clock: &Clock) -> Self {
        let (edition, is_json) = (Edition::of(&document), document.is_json());
        let ends = document.expires_at().map_or(Tick::NEVER, |moment| clock.at(moment));
        Self { bytes: document.into_bytes(), edition, ends, is_json }
    }

    pub(crate) fn body(&self) -> Body<'_> {
        Body::new(&self.bytes, self.is_json)
    }

    /// Whether reading it would bring the same again, by the word of a listing. A version's number alone starts anew
    /// where a resource was deleted and made again.
    pub(crate) fn is_listed_as(&self, listed: &VersionState, clock: &Clock) -> bool {
        let ends = listed.expires_at.map_or(Tick::NEVER, |moment| clock.at(moment));
        let apart = self.ends.since(ends).max(ends.since(self.ends));
        !listed.gone && self.edition == Edition::of_listed(listed) && apart <= ALIKE
    }

    pub(crate) fn edition(&self) -> Edition {
        self.edition
    }

    pub(crate) fn version(&self) -> Option<u64> {
        self.edition.version.map(u64::from)
    }

    /// How many bytes it takes beside itself.
    pub(crate) fn heap(&self) -> usize {
        self.bytes.len()
    }
}

fn nanoseconds(moment: SystemTime) -> i64 {
    let clamp = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match moment.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => clamp(after),
        Err(before) => -clamp(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition(version: u64, created: Option<u64>) -> Edition {
        let document = Document::opaque("x").with_version(version);
        Edition::of(&match created {
            Some(seconds) => document.with_created(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            None => document,
        })
    }

    #[test]
    fn older_is_older_unless_it_was_made_anew() {
        assert!(edition(3, Some(30)).goes_back_to(edition(2, Some(20))));
        assert!(!edition(3, Some(30)).goes_back_to(edition(1, Some(40))));
        assert!(!edition(3, Some(30)).goes_back_to(edition(3, Some(30))));
        assert!(edition(3, None).goes_back_to(edition(2, None)));
        assert!(edition(3, Some(30)).goes_back_to(edition(2, None)));
        assert!(!edition(3, None).goes_back_to(edition(2, Some(20))));
        assert!(!edition(3, Some(30)).goes_back_to(Edition::of(&Document::opaque("x"))));
    }

    #[test]
    fn what_is_kept_is_small() {
        assert_eq!(size_of::<Option<Kept>>(), 40);
    }
}
