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
mod replacing;
mod rotation;

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

#[tokio::test(start_paused = true)]
async fn all_keys_of_a_secret_come_from_one_read() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
    assert_eq!(text(registry.get(USER).await), "app");
    assert_eq!(registry.document("{vault://my-vault/customer/acme/}").await.unwrap().version(), Some(1));
    assert_eq!(registry.try_get(USER).unwrap().as_bytes(), b"app");
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_one_cold_secret_cost_one_read_however_it_ends() {
    let vault = scripted();
    vault.slow(Duration::from_millis(100));
    vault.answer("down", Err(passing()));
    let registry = registry(&vault, 0);
    for (reference, expected) in [
        (NAME.to_owned(), "ACME Inc."),
        (NOPE.to_owned(), "no such resource"),
        ("{vault://my-vault/down/name}".to_owned(), "connection refused"),
    ] {
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                tokio::spawn({
                    let (registry, reference) = (registry.clone(), reference.clone());
                    async move { text(registry.get(reference).await) }
                })
            })
            .collect();
        for reader in readers {
            let read = reader.await.unwrap();
            assert!(read.contains(expected), "{read}");
            assert!(!read.contains("unavailable") || read.contains(&reference), "{read}");
        }
        assert_eq!(vault.reads(), 1, "{reference}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_cancels_nobody() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let leader = tokio::time::timeout(Duration::from_millis(500), registry.get(NAME));
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        text(registry.get(NAME).await)
    };
    let (leader, other) = tokio::join!(leader, other);
    assert!(leader.is_err());
    assert_eq!((other.as_str(), vault.reads()), ("ACME Inc.", 1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_backend_poisons_nobody() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    *vault.0.panics.lock().unwrap() = true;
    let error = registry.get(NAME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    *vault.0.panics.lock().unwrap() = false;
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
}

#[tokio::test(start_paused = true)]
async fn a_miss_is_remembered_for_its_time_and_a_failure_is_not() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let missing_key = "{vault://my-vault/customer/acme/nmae}";
    for reference in [NOPE, missing_key] {
        assert!(registry.get(reference).await.is_err());
        assert!(registry.get(reference).await.is_err());
        assert_eq!(vault.reads(), 1, "{reference}");
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    vault.set("customer/nope", r#"{"name":"there"}"#, 1);
    vault.set("customer/acme", r#"{"nmae":"there too"}"#, 2);
    assert_eq!(text(registry.get(NOPE).await), "there");
    assert_eq!(text(registry.get(missing_key).await), "there too");
    vault.answer("down", Err(passing()));
    for _ in 0..2 {
        assert!(registry.get("{vault://my-vault/down/x}").await.unwrap_err().is_retryable());
    }
    assert_eq!(vault.reads(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_asked_for_ever_more_seldom_however_hot_it_is() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    registry.get(NAME).await.unwrap();
    vault.answer("customer/acme", Err(passing()));
    vault.answer("down", Err(passing()));
    vault.reads();
    let started = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (mut asked, mut last) = (vault.reads(), Duration::ZERO);
    assert!((1..=40).contains(&asked), "the background asked {asked} times in a minute");
    for (reference, served) in [("{vault://my-vault/down/x}", false), (NAME, true)] {
        vault.reads();
        asked = 0;
        let began = started.elapsed();
        while started.elapsed() - began < Duration::from_secs(20) {
            // A reader that comes back at once, a hundred times in each step of the clock.
            for _ in 0..100 {
                let read = registry.get(reference).await;
                assert_eq!(read.is_ok(), served, "{read:?}");
            }
            let now = vault.reads();
            last = if now > 0 { started.elapsed() } else { last };
            asked += now;
            tokio::time::sleep(STEP).await;
        }
        // At first two at once, then 0.2 s apart, at last 2 s; what is still served is left to the background.
        let ceiling = if served { 2 } else { 32 };
        assert!(asked <= ceiling, "{reference}: {asked} reads in 20 s");
        assert!(served || started.elapsed() - last < Duration::from_secs(3), "it is never given up");
    }
    vault.set("down", r#"{"x":"up"}"#, 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(registry.get("{vault://my-vault/down/x}").await), "up");
}

#[tokio::test(start_paused = true)]
async fn a_value_grows_stale_and_then_fails_closed() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let strict = registry.watch("{vault://my-vault/customer/acme/name?resurrect_ttl=10}").await.unwrap();
    let live = registry.watch(NAME).await.unwrap();
    let mut reader = live.reader();
    vault.answer("customer/acme", Err(passing()));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(live.is_stale() && live.age() >= Duration::from_secs(60));
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.", "the last good value, while the vault fails");
    assert_eq!(reader.current().unwrap().as_bytes(), b"ACME Inc.");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(strict.current().is_err());
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.");
    tokio::time::sleep(Duration::from_secs(90)).await;
    let error = format!("{:?}", live.current().unwrap_err());
    assert!(error.contains("may no longer be served") && error.contains("connection refused"), "{error}");
    assert!(
        reader.current().is_err() && registry.try_get(NAME).is_none() && registry.get(NAME).await.is_err()
    );
    vault.set("customer/acme", r#"{"name":"new"}"#, 2);
    // What has failed so often is not asked for at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(registry.get(NAME).await), "new");
    assert_eq!(reader.current().unwrap().as_bytes(), b"new");
}

#[tokio::test(start_paused = true)]
async fn the_vaults_own_expiry_ends_a_value_on_time() {
    let vault = scripted();
    let end = SystemTime::now() + Duration::from_secs(30);
    let document = Document::from_json(r#"{"name":"short"}"#).unwrap().with_expiry(end);
    vault.answer("customer/acme", Ok(document));
    let registry = registry(&vault, 0);
    let live = registry.watch(NAME).await.unwrap();
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(live.current().is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(live.current().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handle_follows_refreshes_and_hears_of_them() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let mut live = registry.watch(NAME).await.unwrap();
    let mut pair = registry.watch_document("{vault://my-vault/customer/acme/}").await.unwrap();
    vault.set("customer/acme", r#"{"name":"ACME Inc.","user":"other"}"#, 2);
    registry.refresh(USER).await.unwrap();
    pair.changed().await.unwrap();
    assert_eq!(pair.current().unwrap().get("user").unwrap().as_bytes(), b"other");
    // The name is still the same: no change, but a newer version.
    assert!(tokio::time::timeout(Duration::from_secs(1), live.changed()).await.is_err());
    assert_eq!(live.version(), Some(2));
    vault.set("customer/acme", r#"{"name":"new"}"#, 3);
    let refresher = live.clone();
    let (changed, refreshed) = tokio::join!(live.changed(), refresher.refresh());
    changed.and(refreshed).unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_sees_what_was_written_before_it_was_asked_for() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let early = async { text(registry.get(NAME).await) };
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        vault.set("customer/acme", r#"{"name":"new"}"#, 2);
        let two = tokio::join!(registry.refresh(NAME), registry.refresh(NAME));
        (text(two.0.map(|fetched| fetched.value)), text(two.1.map(|fetched| fetched.value)))
    };
    let (early, late) = tokio::join!(early, late);
    assert_eq!((early.as_str(), late.0.as_str(), late.1.as_str()), ("ACME Inc.", "new", "new"));
    assert_eq!(vault.reads(), 2, "those who refresh share a read");
}

#[tokio::test(start_paused = true)]
async fn what_would_take_a_value_away_is_asked_twice_unless_it_says_so_itself() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let live = registry.watch(NAME).await.unwrap();
    vault.reads();
    vault.answer("customer/acme", Err(Error::new(ErrorKind::NotFound, "no such resource")));
    let flicker = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        vault.set("customer/acme", r#"{"name":"ACME Inc."}"#, 1);
    };
    let (refreshed, ()) = tokio::join!(live.refresh(), flicker);
    refreshed.unwrap();
    assert_eq!((live.current().unwrap().len(), vault.reads()), (9, 2));

    vault.set("customer/acme", r#"{"name":"ACME Inc."}"#, 2);
    live.refresh().await.unwrap();
    vault.set("customer/acme", r#"{"name":"lagging"}"#, 1);
    live.refresh().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.", "a version never goes backwards");
    let anew = Document::from_json(r#"{"name":"anew"}"#).unwrap().with_version(1);
    vault.answer("customer/acme", Ok(anew.with_created(SystemTime::now())));
    live.refresh().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"anew");

    vault.reads();
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    assert_eq!(live.refresh().await.unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!((live.current().unwrap_err().kind(), vault.reads()), (ErrorKind::Deleted, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_refreshed_by_hand_is_queued_once() {
    let vault = scripted();
    *vault.0.listing.lock().unwrap() = Some(Ok(()));
    let registry = registry(&vault, 60);
    let (one, other) = ("customer/one", "customer/other");
    vault.set(one, r#"{"name":"1"}"#, 1);
    vault.set(other, r#"{"name":"1"}"#, 1);
    let _one = registry.watch("{vault://my-vault/customer/one/name}").await.unwrap();
    let other = registry.watch("{vault://my-vault/customer/other/name}").await.unwrap();
    for _ in 0..100 {
        other.refresh().await.unwrap();
    }
    let queued = registry.0.cache.queued();
    assert!(queued <= 4, "{queued}");
}

#[tokio::test(start_paused = true)]
async fn each_who_waits_for_one_failing_read_is_told_of_its_own_reference() {
    let vault = scripted();
    vault.slow(Duration::from_millis(100));
    vault.answer("down", Err(passing()));
    let registry = registry(&vault, 0);
    let readers: Vec<_> = (0..1000)
        .map(|at| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get(format!("{{vault://my-vault/down/field-{at}}}")).await })
        })
        .collect();
    for (at, reader) in readers.into_iter().enumerate() {
        let error = reader.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(&format!("{{vault://my-vault/down/field-{at}}}")), "{error}");
    }
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stay_when_the_one_who_began_goes_away() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let leader = tokio::spawn({
        let registry = registry.clone();
        async move { text(registry.get(NAME).await) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let others: Vec<_> = (0..1000)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { text(registry.get(NAME).await) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    for other in others {
        assert_eq!(other.await.unwrap(), "ACME Inc.");
    }
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_are_read_at_once_and_each_secret_once() {
    let vault = scripted();
    for at in 0..200 {
        vault.set(&format!("r/{at}"), &format!(r#"{{"a":"a{at}","b":"b{at}"}}"#), 1);
    }
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let mut references: Vec<_> = (0..200).map(|at| format!("{{vault://my-vault/r/{at}/a}}")).collect();
    references.extend((0..200).map(|at| format!("{{vault://my-vault/r/{at}/b}}")));
    references.push(NOPE.into());
    references.push("{vault://my-vault/}".into());
    let start = tokio::time::Instant::now();
    let values = registry.get_many(&references).await;
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(vault.reads(), 201);
    for (at, value) in values.iter().take(400).enumerate() {
        let expected = if at < 200 { format!("a{at}") } else { format!("b{}", at - 200) };
        assert_eq!(value.as_ref().unwrap().as_bytes(), expected.as_bytes());
    }
    assert_eq!(values[400].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(values[401].as_ref().unwrap_err().kind(), ErrorKind::InvalidReference);
    assert!(registry.get_many(Vec::<&str>::new()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_reads_in_batches_is_asked_in_batches() {
    let vault = Scripted(Arc::new(Script { batch: 10, ..Script::default() }));
    for at in 0..25 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 0);
    let references: Vec<_> = (0..26).map(|at| format!("{{vault://my-vault/r/{at}/a}}")).collect();
    let values = registry.get_many(&references).await;
    assert_eq!(values.iter().filter(|value| value.is_ok()).count(), 25);
    assert_eq!((vault.reads(), vault.0.requests.load(Ordering::SeqCst)), (26, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_would_take_away_is_asked_for_by_itself_and_doubted() {
    let vault = Scripted(Arc::new(Script { batch: 10, ..Script::default() }));
    vault.set("r/0", r#"{"a":"x"}"#, 1);
    vault.set("r/1", r#"{"a":"y"}"#, 1);
    let registry = registry(&vault, 60);
    let references = ["{vault://my-vault/r/0/a}", "{vault://my-vault/r/1/a}"];
    let live = registry.watch(references[0]).await.unwrap();
    vault.answer("r/0", Err(Error::new(ErrorKind::NotFound, "no such resource")));
    registry.invalidate("my-vault").unwrap();
    let many = async { registry.get_many(references).await.into_iter().map(text).collect::<Vec<_>>() };
    let lagging = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(live.current().unwrap().as_bytes(), b"x");
        vault.set("r/0", r#"{"a":"x"}"#, 1);
    };
    let (many, ()) = tokio::join!(many, lagging);
    assert_eq!(many, ["x", "y"]);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_is_served_within_its_ttl_and_read_once_in_it() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let live = registry.watch(NAME).await.unwrap();
    let mut reader = live.reader();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let reads = vault.reads();
    assert!((10..=14).contains(&reads), "{reads} reads in ten ttls");
    for version in 2..10 {
        vault.set("customer/acme", &format!(r#"{{"name":"{version}"}}"#), version);
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(reader.current().unwrap().as_bytes(), version.to_string().as_bytes());
        assert!(!live.is_stale());
        assert_eq!(text(registry.get(NAME).await), version.to_string());
    }
    let reads = vault.reads();
    assert!((8..=10).contains(&reads), "{reads}");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_heard_of_without_asking() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let mut live = registry.watch(NAME).await.unwrap();
    vault.set("customer/acme", r#"{"name":"new"}"#, 2);
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap_err().kind(), ErrorKind::Deleted);
    vault.set("customer/acme", r#"{"name":"back"}"#, 3);
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn the_first_refreshes_are_scattered_over_the_whole_ttl() {
    let vault = scripted();
    for at in 0..1000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 100);
    for at in 0..1000 {
        registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap();
    }
    vault.reads();
    for part in 0..10 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reads = vault.reads();
        // About 105, and near the end the second refreshes of those that came first.
        assert!((30..280).contains(&reads), "{reads} in part {part}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_smallest_ttl_that_is_asked_for_drives_the_refresh() {
    let vault = scripted();
    let registry = registry(&vault, 3600);
    let _slow = registry.watch(USER).await.unwrap();
    let quick = registry.watch("{vault://my-vault/customer/acme/name?ttl=0.1}").await.unwrap();
    vault.reads();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let reads = vault.reads();
    assert!((55..=85).contains(&reads), "{reads}: never below a second");
    assert!(!quick.is_stale());
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_fails_is_asked_at_a_falling_rate() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let live = registry.watch(NAME).await.unwrap();
    vault.reads();
    vault.answer("customer/acme", Err(passing()));
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(live.is_stale() && live.current().is_ok());
    let reads = vault.reads();
    assert!((1..=12).contains(&reads), "{reads}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let reads = vault.reads();
    assert!((55..=125).contains(&reads), "{reads}");
    vault.set("customer/acme", r#"{"name":"back"}"#, 2);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_any_more_is_not_refreshed_for_ever() {
    let vault = scripted();
    let registry = registry(&vault, 10);
    registry.get(NAME).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let reads = vault.reads();
    assert!((9..=14).contains(&reads), "{reads}");
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
}

#[tokio::test(start_paused = true)]
async fn background_reads_leave_room_and_end_with_their_registry() {
    let vault = scripted();
    for at in 0..100 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 10);
    for at in 0..100 {
        registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap();
    }
    vault.reads();
    vault.slow(Duration::from_secs(1000));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(vault.reads(), 4);
    let weak = Arc::downgrade(&registry.0.cache);
    drop(registry);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(weak.upgrade().is_none());
}
