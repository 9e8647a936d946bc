//! The whole cache through the registry, against a backend that does what a test tells it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::*;
use crate::{
    BatchRead, ChangeFeed, Description, Document, Health, Policy, Probe, Registry, Vault, VaultBackend,
    VersionPoll, VersionState,
};

mod bounds;
mod flying;
mod memory;
mod reading;
mod replacing;
mod rotation;
mod serving;
mod ttl;

/// A vault whose answers are set by the test, with a count of what it was asked.
#[derive(Clone, Debug, Default)]
struct Scripted(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<HashMap<String, Result<Document, Error>>>,
    reads: AtomicUsize,
    requests: AtomicUsize,
    delay: Mutex<Duration>,
    panics: Mutex<bool>,
    batch: usize,
    /// What it answers to questions for versions, if it answers them: an error, or the truth.
    listing: Mutex<Option<Result<(), Error>>>,
    polls: AtomicUsize,
    /// For how many names a question is worth it.
    least: AtomicUsize,
    /// What it answers to reads alone.
    denied: Mutex<Option<Error>>,
}

impl Scripted {
    fn set(&self, resource: &str, json: &str, version: u64) {
        self.answer(resource, Ok(Document::from_json(json).unwrap().with_version(version)));
    }

    fn answer(&self, resource: &str, answer: Result<Document, Error>) {
        self.0.answers.lock().unwrap().insert(resource.into(), answer);
    }

    fn slow(&self, delay: Duration) {
        *self.0.delay.lock().unwrap() = delay;
    }

    fn reads(&self) -> usize {
        self.0.reads.swap(0, Ordering::SeqCst)
    }

    fn look(&self, request: &ReadRequest) -> Result<Document, Error> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        let missing = || Err(Error::new(ErrorKind::NotFound, "no such resource"));
        if let Some(denied) = self.0.denied.lock().unwrap().clone() {
            return Err(denied);
        }
        self.0.answers.lock().unwrap().get(&*request.resource).cloned().unwrap_or_else(missing)
    }
}

#[async_trait]
impl VaultBackend for Scripted {
    fn describe(&self) -> Description {
        Description::new("scripted")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        // What a server answers is what it held when the request came in.
        let answer = self.look(request);
        let delay = *self.0.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        assert!(!*self.0.panics.lock().unwrap(), "told to");
        answer
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        (self.0.batch > 0).then_some(self)
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        self.0.listing.lock().unwrap().is_some().then_some(self)
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }

    async fn close(&self) {}
}

#[async_trait]
impl VersionPoll for Scripted {
    async fn poll(&self, folder: &str, names: &[&str]) -> Result<HashMap<String, VersionState>, Error> {
        assert!(names.len() > 1 && names.is_sorted(), "{names:?}");
        self.0.polls.fetch_add(1, Ordering::SeqCst);
        let listing = self.0.listing.lock().unwrap().clone();
        listing.unwrap_or(Ok(()))?;
        if names.len() < self.0.least.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unsupported, "to read these is cheaper"));
        }
        let answers = self.0.answers.lock().unwrap();
        let states = names.iter().filter_map(|name| {
            let state = match answers.get(&format!("{folder}/{name}"))? {
                Ok(document) => VersionState::new(document.version()?),
                Err(error) if error.kind() == ErrorKind::Deleted => VersionState::new(1).gone(),
                Err(_) => return None,
            };
            Some(((*name).to_owned(), state))
        });
        Ok(states.collect())
    }
}

#[async_trait]
impl BatchRead for Scripted {
    fn limit(&self) -> usize {
        self.0.batch
    }

    async fn read_many(&self, requests: &[ReadRequest]) -> Vec<Result<Document, Error>> {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        requests.iter().map(|request| self.look(request)).collect()
    }
}

fn policy(ttl: u64) -> Policy {
    Policy {
        ttl: (ttl > 0).then(|| Duration::from_secs(ttl)),
        resurrect_ttl: Duration::from_secs(100),
        ..Policy::default()
    }
}

fn registry_with(vault: &Scripted, policy: Policy, limits: CacheLimits) -> Registry {
    let builder = Registry::builder().vault("my-vault", Vault::new(vault.clone()).with_policy(policy));
    builder.cache_limits(limits).build_with(|l| Cache::with_clock(l, Clock::of_the_runtime())).unwrap()
}

fn registry(vault: &Scripted, ttl: u64) -> Registry {
    registry_with(vault, policy(ttl), CacheLimits::default())
}

fn scripted() -> Scripted {
    let vault = Scripted::default();
    vault.set("customer/acme", r#"{"name":"ACME Inc.","user":"app"}"#, 1);
    vault
}

const NAME: &str = "{vault://my-vault/customer/acme/name}";
const USER: &str = "{vault://my-vault/customer/acme/user}";
const NOPE: &str = "{vault://my-vault/customer/nope/name}";

fn text(result: Result<crate::Secret, Error>) -> String {
    match result {
        Ok(secret) => secret.as_str().unwrap().to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn passing() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused").transient()
}
