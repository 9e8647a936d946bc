//! Live configuration against a vault that does what a test tells it, in paused time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::cache::{Cache, Clock};
use crate::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, LiveConfig, Policy, Probe,
    ReadRequest, Registry, Secret, Vault, VaultBackend, VersionPoll, VersionState,
};

type Listing = HashMap<String, VersionState>;

/// What is read from it, and what it lists if it can.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<HashMap<String, Result<Document, Error>>>>, Arc<Mutex<Option<Result<Listing, Error>>>>);

impl Told {
    fn set(&self, resource: &str, json: &str) {
        self.answer(resource, Ok(Document::from_json(json).unwrap()));
    }

    fn answer(&self, resource: &str, answer: Result<Document, Error>) {
        self.0.lock().unwrap().insert(resource.into(), answer);
    }
}

#[async_trait]
impl VaultBackend for Told {
    fn describe(&self) -> Description {
        Description::new("told")
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        let answers = self.0.lock().unwrap();
        answers
            .get(&*request.resource)
            .cloned()
            .unwrap_or_else(|| Err(Error::new(ErrorKind::NotFound, "nothing")))
    }
    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }
    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }
    fn versions(&self) -> Option<&dyn VersionPoll> {
        self.1.lock().unwrap().is_some().then_some(self)
    }
    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }
    async fn close(&self) {}
}

#[async_trait]
impl VersionPoll for Told {
    async fn poll(&self, _: &str, _: &[&str]) -> Result<Listing, Error> {
        self.1.lock().unwrap().clone().unwrap()
    }
}

#[derive(Debug, serde::Deserialize)]
struct App {
    user: String,
    password: Secret,
    port: u16,
}

impl App {
    fn shown(&self) -> (String, String, u16) {
        (self.user.clone(), self.password.as_str().unwrap().to_owned(), self.port)
    }
}

fn document() -> Value {
    json!({
        "user": "{vault://my-vault/login/user}",
        "password": "{vault://my-vault/login/password}",
        "port": "{vault://my-vault/port/port}",
    })
}

fn login(number: u32) -> String {
    format!(r#"{{"user":"user-{number}","password":"canary-{number}"}}"#)
}

/// A vault with a ttl of 10 s and a registry whose time is the runtime's.
fn registry() -> (Told, Registry) {
    let vault = Told::default();
    vault.set("login", &login(1));
    vault.set("port", r#"{"port":5432}"#);
    let policy = Policy {
        ttl: Some(Duration::from_secs(10)),
        resurrect_ttl: Duration::from_secs(100),
        ..Policy::default()
    };
    let builder = Registry::builder().vault("my-vault", Vault::new(vault.clone()).with_policy(policy));
    let registry = builder.build_with(|limits| Cache::with_clock(limits, Clock::of_the_runtime())).unwrap();
    (vault, registry)
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused").transient()
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A change, which has to come in time.
async fn change(config: &mut LiveConfig<App>) {
    tokio::time::timeout(Duration::from_secs(300), config.changed()).await.unwrap().unwrap();
}

fn now(config: &LiveConfig<App>) -> String {
    match config.current() {
        Ok(app) => format!("{:?}", app.shown()),
        Err(error) => format!("{error:?}"),
    }
}

const FIRST: &str = r#"("user-1", "canary-1", 5432)"#;
const SECOND: &str = r#"("user-2", "canary-2", 5432)"#;

#[tokio::test(start_paused = true)]
async fn a_rotation_of_one_document_builds_once() {
    let (vault, registry) = registry();
    let built = Arc::new(AtomicUsize::new(0));
    let counter = built.clone();
    let validate = move |_: &App| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok::<_, String>(())
    };
    let mut config = registry.watch_config_with(&document(), validate).await.unwrap();
    assert_eq!(now(&config), FIRST);
    seconds(60).await;
    assert_eq!(built.load(Ordering::SeqCst), 1, "the same values read again build nothing");

    vault.set("login", &login(2));
    config.changed().await.unwrap();
    assert_eq!(now(&config), SECOND);
    assert!(!config.is_stale());
    seconds(60).await;
    assert_eq!(built.load(Ordering::SeqCst), 2);
    let unchanged = tokio::time::timeout(Duration::from_secs(60), config.changed()).await;
    assert!(unchanged.is_err(), "nothing has changed since");
}

#[tokio::test(start_paused = true)]
async fn every_clone_sees_every_change_and_old_ones_stay_with_their_holders() {
    let (vault, registry) = registry();
    let mut one = registry.watch_config::<App>(&document()).await.unwrap();
    let mut other = one.clone();
    let held = one.current().unwrap();
    vault.set("login", &login(2));
    one.changed().await.unwrap();
    other.changed().await.unwrap();
    assert_eq!((now(&one).as_str(), now(&other).as_str()), (SECOND, SECOND));
    assert_eq!(held.shown(), ("user-1".into(), "canary-1".into(), 5432));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_built_leaves_the_last_good_one_and_says_so() {
    let (vault, registry) = registry();
    let validate = |app: &App| match app.password.as_str().unwrap() {
        "canary-2" => Err(format!("{:?} is worn out", app.password.as_str().unwrap())),
        _ => Ok(()),
    };
    let mut config = registry.watch_config_with::<App, _>(&document(), validate).await.unwrap();
    assert!(config.error().is_none());

    // The program's validation refuses it.
    vault.set("login", &login(2));
    seconds(15).await;
    assert_eq!(now(&config), FIRST);
    assert!(config.is_stale());
    let error = config.error().unwrap();
    assert_eq!(error.to_string(), r#"the document: its validation failed: "<redacted>" is worn out"#);

    // The type refuses it.
    vault.set("port", r#"{"port":"canary-port"}"#);
    seconds(15).await;
    let error = config.error().unwrap();
    assert_eq!(
        error.to_string(),
        "port: the value of {vault://my-vault/port/port}: expected u16, found a string"
    );
    assert_eq!(now(&config), FIRST);

    // Good again.
    vault.set("port", r#"{"port":1}"#);
    vault.set("login", &login(3));
    config.changed().await.unwrap();
    while config.error().is_some() || config.is_stale() {
        config.changed().await.unwrap();
    }
    assert_eq!(now(&config), r#"("user-3", "canary-3", 1)"#);
    assert!(!format!("{config:?}").contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_programs_own_code_is_a_failure_like_others() {
    let (vault, registry) = registry();
    let validate = |app: &App| {
        assert!(app.user != "user-2", "told to");
        Ok::<_, String>(())
    };
    let mut config = registry.watch_config_with(&document(), validate).await.unwrap();
    vault.set("login", &login(2));
    seconds(15).await;
    assert_eq!(now(&config), FIRST);
    assert_eq!(config.error().unwrap().kind(), ErrorKind::Internal);
    vault.set("login", &login(3));
    config.changed().await.unwrap();
    assert!(now(&config).contains("user-3"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_taken_away_takes_the_configuration_away() {
    let (vault, registry) = registry();
    for (kind, name) in [
        (ErrorKind::Deleted, "deleted"),
        (ErrorKind::PermissionDenied, "permission_denied"),
        (ErrorKind::NotFound, "not_found"),
    ] {
        vault.set("port", r#"{"port":5432}"#);
        let mut config = registry.watch_config::<App>(&document()).await.unwrap();
        vault.answer("port", Err(Error::new(kind, "it is gone")));
        config.changed().await.unwrap();
        let error = config.current().unwrap_err();
        assert_eq!(error.kind(), kind);
        let shown = format!("{error:?}");
        assert!(
            shown.starts_with(&format!("{name}: port: could not resolve {{vault://my-vault/port/port}}")),
            "{shown}"
        );
        assert!(shown.contains("it is gone"), "{shown}");
        assert_eq!(config.error().unwrap().kind(), kind);

        // It comes back by itself.
        vault.set("port", r#"{"port":5432}"#);
        config.refresh().await.unwrap();
        config.changed().await.unwrap();
        assert_eq!(now(&config), FIRST);
        assert!(config.error().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_fails_is_borne_until_its_values_may_not_be_served() {
    let (vault, registry) = registry();
    let config = registry.watch_config::<App>(&document()).await.unwrap();
    vault.answer("login", Err(unreachable()));
    seconds(90).await;
    assert_eq!(now(&config), FIRST);
    assert!(config.is_stale());
    seconds(30).await;
    let error = config.current().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:?}").contains("may no longer be served"), "{error:?}");
    assert!(format!("{error:?}").contains("password: could not resolve"), "{error:?}");

    vault.set("login", &login(2));
    seconds(61).await;
    assert_eq!(now(&config), SECOND);
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_same_values_bring_it_back() {
    let (vault, registry) = registry();
    let mut config = registry.watch_config::<App>(&document()).await.unwrap();
    for _ in 0..2 {
        vault.answer("login", Err(unreachable()));
        change(&mut config).await;
        assert_eq!(config.current().unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(config.error().unwrap().kind(), ErrorKind::Unavailable);
        seconds(300).await;

        vault.set("login", &login(1));
        change(&mut config).await;
        assert_eq!(now(&config), FIRST);
        assert!(config.error().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn what_rotates_in_an_outage_of_another_secret_is_built_after_it() {
    let (vault, registry) = registry();
    let mut config = registry.watch_config::<App>(&document()).await.unwrap();
    vault.answer("login", Err(unreachable()));
    change(&mut config).await;
    vault.set("port", r#"{"port":1}"#);
    seconds(60).await;
    assert_eq!(config.current().unwrap_err().kind(), ErrorKind::Unavailable);

    vault.set("login", &login(1));
    change(&mut config).await;
    assert_eq!(now(&config), r#"("user-1", "canary-1", 1)"#);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_says_that_nothing_has_changed_brings_it_back() {
    let (vault, registry) = registry();
    let list = |listing| *vault.1.lock().unwrap() = Some(listing);
    let documents = [("login", login(1)), ("port", r#"{"port":5432}"#.to_owned())];
    let listing: Listing = documents.iter().map(|(name, _)| ((*name).into(), VersionState::new(1))).collect();
    for (name, json) in &documents {
        vault.answer(name, Ok(Document::from_json(json).unwrap().with_version(1)));
    }
    list(Ok(listing.clone()));
    let mut config = registry.watch_config::<App>(&document()).await.unwrap();

    list(Err(unreachable()));
    documents.iter().for_each(|(name, _)| vault.answer(name, Err(unreachable())));
    change(&mut config).await;
    assert_eq!(config.current().unwrap_err().kind(), ErrorKind::Unavailable);

    // Nothing is read from here on.
    list(Ok(listing));
    seconds(120).await;
    assert_eq!(now(&config), FIRST);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_built_while_a_secret_rotated_is_served() {
    let (vault, registry) = registry();
    let driver = registry.watch_config::<App>(&document()).await.unwrap();
    let (says_that_it_builds, builds) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let gate = Mutex::new(Some((says_that_it_builds, released)));
    let validate = move |_: &App| {
        if let Some((says_that_it_builds, released)) = gate.lock().unwrap().take() {
            says_that_it_builds.send(()).unwrap();
            released.recv().unwrap();
        }
        Ok::<_, String>(())
    };
    // It is built on another thread, so that the vault is read meanwhile.
    let building = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let config = runtime.block_on(registry.watch_config_with(&document(), validate)).unwrap();
        (now(&config), config)
    });
    builds.recv().unwrap();
    vault.set("login", &login(2));
    driver.refresh().await.unwrap();
    assert_eq!(now(&driver), SECOND);
    release.send(()).unwrap();

    let (at_first, config) = building.join().unwrap();
    assert_eq!(at_first, FIRST, "each of its values is within its own limit");
    seconds(1).await;
    assert_eq!(now(&config), SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_replaced_and_cannot_be_built_ends_with_its_values() {
    let (vault, registry) = registry();
    let validate = |app: &App| if app.user == "user-1" { Ok(()) } else { Err("no") };
    let config = registry.watch_config_with::<App, _>(&document(), validate).await.unwrap();
    vault.set("login", &login(2));
    seconds(90).await;
    assert_eq!(now(&config), FIRST);
    seconds(40).await;
    let error = config.current().unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("cannot be built") && shown.contains("its validation failed: no"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_removed_closes_it() {
    let (_, registry) = registry();
    let mut config = registry.watch_config::<App>(&document()).await.unwrap();
    registry.remove("my-vault").await.unwrap();
    seconds(1).await;
    assert_eq!(config.current().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(config.changed().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_at_first_is_said_at_once() {
    let (vault, registry) = registry();
    vault.answer("port", Err(Error::new(ErrorKind::PermissionDenied, "it is denied")));
    let document = json!({"user": "{vault://nope/a/b}", "port": "{vault://my-vault/port/port}"});
    let error = registry.watch_config::<App>(&document).await.unwrap_err();
    assert_eq!(error.failures().len(), 2, "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_last_handle() {
    let (vault, registry) = registry();
    let config = registry.watch_config::<App>(&document()).await.unwrap();
    let other = config.clone();
    drop(config);
    seconds(30).await;
    assert_eq!(now(&other), FIRST);
    drop(other);
    let weak = Arc::downgrade(&vault.0);
    drop((registry, vault));
    seconds(1).await;
    assert_eq!(weak.strong_count(), 0, "nothing holds the vault any more");
}

#[tokio::test(start_paused = true)]
async fn a_document_without_references_is_a_configuration_too() {
    let (_, registry) = registry();
    let document = json!({"user": "a", "password": "b", "port": 1});
    let mut config = registry.watch_config::<App>(&document).await.unwrap();
    config.refresh().await.unwrap();
    assert_eq!(config.current().unwrap().user, "a");
    assert!(tokio::time::timeout(Duration::from_secs(60), config.changed()).await.is_err());
}
