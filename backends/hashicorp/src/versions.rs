//! Which versions a folder's secrets have, in one request for many: OpenBao's `detailed-metadata` listing of KV v2.
//!
//! HashiCorp Vault has no such listing, and says so of the path; a policy may keep it (`list` on
//! `<mount>/detailed-metadata/<folder>/`). Names, times and numbers come back, and no value.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use serde::Deserialize;
use strongroom_core::{Error, ErrorKind, VersionPoll, VersionState, escaped};

use crate::HashicorpVault;
use crate::answer::Meaning;
use crate::kv::{self, Engine};
use crate::path::{self, WirePath};
use crate::refusal::{Asked, Refusal};
use crate::retry;
use crate::sync::{Mutex, lock};

/// How many secrets a page has at most. The server tells some 400 bytes of each, and 130 more of each version.
const PAGE: usize = 500;

/// A page is not made smaller than this to fit into `max_response_bytes`.
const SMALLEST_PAGE: usize = 25;

/// How many secrets of a folder may be gone through for each one that is wanted: to list more costs the server more
/// than to read those.
const WORTH: usize = 50;

/// What is known of a server's listing.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Whether the server was found to have none.
    absent: AtomicBool,
    /// Whether the server was found to have one.
    present: AtomicBool,
    /// Held by who asks while neither is known, so that a server without a listing is asked for it once.
    turn: tokio::sync::Mutex<()>,
    /// How many secrets to ask for at once in the folders where [`PAGE`] of them are too large an answer.
    small: Mutex<HashMap<String, usize>>,
}

impl Listing {
    /// How many secrets of a folder to ask for at once.
    fn limit(&self, folder: &str) -> usize {
        lock(&self.small).get(folder).copied().unwrap_or(PAGE)
    }

    fn set_limit(&self, folder: &str, limit: usize) {
        let mut small = lock(&self.small);
        if limit >= PAGE {
            small.remove(folder);
        } else {
            small.insert(folder.to_owned(), limit);
        }
    }
}

/// The next limit after a page of `keys` secrets and `bytes` came, of `most` bytes that may: one that was made smaller
/// grows again where there is room for more than twice as much.
fn grown(limit: usize, keys: usize, bytes: usize, most: usize) -> usize {
    let has_room = keys >= limit && bytes < most / 3;
    if has_room { (limit * 2).min(PAGE) } else { limit }
}

#[async_trait]
impl VersionPoll for HashicorpVault {
    async fn poll(&self, folder: &str, names: &[&str]) -> Result<HashMap<String, VersionState>, Error> {
        retry::run(self.budget, self.transport.breaker(), || self.poll_once(folder, names)).await
    }
}

impl HashicorpVault {
    async fn poll_once(&self, folder: &str, names: &[&str]) -> Result<HashMap<String, VersionState>, Error> {
        let none = || unsupported("this server tells no versions of a folder");
        if self.listing.absent.load(Ordering::Relaxed) || self.engine().await? == Engine::V1 {
            return Err(none());
        }
        let is_known = self.listing.present.load(Ordering::Relaxed);
        let _turn = if is_known { None } else { Some(self.listing.turn.lock().await) };
        if self.listing.absent.load(Ordering::Relaxed) {
            return Err(none());
        }
        let path = WirePath::api(&format!("{}/detailed-metadata", self.mount))?;
        let path = if folder.is_empty() { path } else { WirePath::resource(path, folder)? };
        let (mut found, mut after, mut seen) = (HashMap::new(), String::new(), 0);
        let last = names.last().copied().unwrap_or_default();
        loop {
            let limit = self.listing.limit(folder);
            let page = match self.page(&path, &after, limit).await {
                Ok(page) => page,
                Err(refusal) if refusal.too_large && limit > SMALLEST_PAGE => {
                    self.listing.set_limit(folder, (limit / 4).max(SMALLEST_PAGE));
                    continue;
                }
                Err(refusal) if refusal.too_large => return Err(unsupported("the listing is too large")),
                Err(refusal) => return Err(refusal.error),
            };
            let most = self.transport.limits().max_response_bytes;
            self.listing.set_limit(folder, grown(limit, page.keys.len(), page.bytes, most));
            seen += page.keys.len();
            for name in names {
                if let Some(state) = page.key_info.get(*name).map(Info::state).transpose()?.flatten() {
                    found.insert((*name).to_owned(), state);
                }
            }
            // Pages come in the order of their names, which are compared as bytes.
            let end = page.keys.last().cloned();
            match end.filter(|end| page.keys.len() >= limit && end.as_str() < last) {
                None => return Ok(found),
                Some(_) if seen >= PAGE.max(names.len() * WORTH) => {
                    let message = format!(
                        "`{}` holds so many secrets that reading the {} that are used is cheaper",
                        escaped(folder),
                        names.len()
                    );
                    return Err(unsupported(&message));
                }
                Some(end) if end <= after => return Err(kv::invalid("its pages do not move on")),
                Some(end) => after = end,
            }
        }
    }

    /// One page of a folder's listing; an empty one where the server has no such folder.
    async fn page(&self, path: &WirePath, after: &str, limit: usize) -> Result<Page, Refusal> {
        let mut query = format!("list=true&limit={limit}");
        if !after.is_empty() {
            query.push_str("&after=");
            query.push_str(&path::encode(after));
        }
        let asked = Asked::Secret { mount: &self.mount, resource: "" };
        let response = match self.get(path, Some(&query), asked).await {
            Ok(response) => response,
            Err(refusal) => {
                return match refusal.meaning {
                    // All of it was deleted, or it never was.
                    Some(Meaning::Absent) => Ok(Page::default()),
                    Some(Meaning::NotKv | Meaning::IsVersioned) => {
                        self.listing.absent.store(true, Ordering::Relaxed);
                        Err(unsupported("this server tells no versions of a folder").into())
                    }
                    _ => Err(refusal),
                };
            }
        };
        let page = Page::read(response.body.as_bytes())?;
        self.listing.present.store(true, Ordering::Relaxed);
        Ok(page)
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, what)
}

#[derive(Debug, Default, Deserialize)]
struct Page {
    keys: Vec<String>,
    key_info: HashMap<String, Info>,
    /// How large the answer was.
    #[serde(skip)]
    bytes: usize,
}

impl Page {
    fn read(body: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Answer {
            data: Page,
        }
        let answer: Result<Answer, _> = serde_json::from_slice(body);
        let answer = answer.map_err(|_| kv::invalid("it has not the shape of a listing"))?;
        Ok(Self { bytes: body.len(), ..answer.data })
    }
}

/// What is told of a secret; of a folder, nothing.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Info {
    #[serde(default)]
    current_version: u64,
    #[serde(default)]
    versions: BTreeMap<u64, Version>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Version {
    created_time: String,
    deletion_time: String,
    destroyed: bool,
}

impl Info {
    /// What the current version is like; none where there is none.
    fn state(&self) -> Result<Option<VersionState>, Error> {
        let Some(version) = self.versions.get(&self.current_version) else { return Ok(None) };
        let state = VersionState::new(self.current_version).with_created(kv::time(&version.created_time)?);
        let ends = match &*version.deletion_time {
            "" => None,
            ends => Some(kv::time(ends)?),
        };
        let over = ends.is_some_and(|ends| ends <= SystemTime::now());
        let state = ends.into_iter().fold(state, VersionState::with_expiry);
        Ok(Some(if over || version.destroyed { state.gone() } else { state }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANSWER: &str = r#"{"request_id":"b697c0dd","lease_id":"","renewable":false,"lease_duration":0,"data":{"key_info":{
        "s1":{"cas_required":false,"created_time":"2026-11-24T20:23:56.34221869Z","current_version":2,"custom_metadata":null,
            "versions":{"1":{"created_time":"2026-11-24T20:23:56.34221869Z","deletion_time":"","destroyed":false},
                        "2":{"created_time":"2026-11-24T20:23:56.421235122Z","deletion_time":"2126-11-24T21:23:56.421235122Z","destroyed":false}}},
        "s2":{"current_version":1,"versions":{"1":{"created_time":"2026-11-24T20:23:56Z","deletion_time":"2026-11-24T20:23:56.4Z","destroyed":false}}},
        "s3":{"current_version":0,"versions":{}},
        "s4":{"current_version":1,"versions":{"1":{"created_time":"2026-11-24T20:23:56Z","deletion_time":"","destroyed":true}}},
        "sub/":{}},"keys":["s1","s2","s3","s4","sub/"]},"wrap_info":null,"warnings":null,"auth":null}"#;

    #[test]
    fn a_listing_tells_versions_times_and_what_is_gone() {
        let page = Page::read(ANSWER.as_bytes()).unwrap();
        assert_eq!(page.keys, ["s1", "s2", "s3", "s4", "sub/"]);
        let state = |name: &str| page.key_info[name].state().unwrap();
        let live = state("s1").unwrap();
        assert_eq!((live.version, live.gone), (2, false));
        let created = kv::time("2026-11-24T20:23:56.421235122Z").unwrap();
        assert_eq!(live.created, Some(created));
        assert!(live.expires_at > Some(created + Duration::from_secs(3600)));
        assert!(state("s2").unwrap().gone && state("s4").unwrap().gone);
        assert_eq!((state("s3"), state("sub/")), (None, None));
    }

    #[test]
    fn a_page_that_was_made_smaller_is_that_folders_own_and_grows_again() {
        let listing = Listing::default();
        listing.set_limit("large", 125);
        assert_eq!((listing.limit("large"), listing.limit("other")), (125, PAGE));
        let mut limit = 31;
        for expected in [62, 124, 248, 496, PAGE, PAGE] {
            limit = grown(limit, limit, 1000, 4096);
            assert_eq!(limit, expected);
        }
        listing.set_limit("large", limit);
        assert!(lock(&listing.small).is_empty());
        // The rest of a folder says nothing of a whole page; and where it is tight, it stays as it is.
        assert_eq!((grown(125, 124, 10, 4096), grown(125, 125, 1500, 4096)), (125, 125));
    }

    #[test]
    fn what_is_no_listing_is_an_error_that_may_pass() {
        for body in ["", "{}", "[]", r#"{"data":{"keys":["a"]}}"#, r#"{"data":{"keys":[1],"key_info":{}}}"#] {
            assert!(Page::read(body.as_bytes()).unwrap_err().is_retryable(), "{body}");
        }
        let info: Info = serde_json::from_str(
            r#"{"current_version":1,"versions":{"1":{"created_time":"x","deletion_time":"","destroyed":false}}}"#,
        )
        .unwrap();
        assert!(info.state().is_err());
    }
}
