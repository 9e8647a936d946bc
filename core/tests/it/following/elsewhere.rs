//! A vault that notices its changes is followed wherever anything runs, whatever becomes of the runtime where that began.

use std::collections::HashMap;
use std::sync::mpsc;

use strongroom_core::{Live, LiveConfig, Policy};
use tokio::runtime::{Builder, Runtime};

use super::*;

/// Longer than it takes until a runtime that stands still is left.
const A_WHILE: Duration = Duration::from_secs(5);

const OTHER: &str = "{vault://other/x/name}";

type Config = LiveConfig<HashMap<String, String>>;

fn on_this_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn on_a_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A vault that notices its changes, and another one beside it that does not.
fn beside_another() -> (Arc<Noticing>, Registry) {
    let (vault, other) = (Noticing::new(), MemoryVault::new());
    vault.set("one");
    other.set("x", r#"{"name":"x"}"#).unwrap();
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).vault("other", other);
    (vault, registry.build().unwrap())
}

fn configured(registry: &Registry, runtime: &Runtime) -> Config {
    let document = serde_json::json!({"name": REFERENCE});
    runtime.block_on(registry.watch_config(&document)).unwrap()
}

/// Waits, in no runtime, until the value is there.
fn becomes(live: &Live, value: &str) {
    let is_there = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        live.current().is_ok_and(|now| now.as_str().unwrap() == value)
    });
    assert!(is_there, "it is followed by nobody");
}

#[test]
fn a_runtime_that_is_driven_again_and_reads_something_else_first() {
    let (vault, registry) = beside_another();
    let runtime = on_this_thread();
    let mut live = runtime.block_on(registry.watch(REFERENCE)).unwrap();
    std::thread::sleep(A_WHILE);
    runtime.block_on(async {
        registry.get(OTHER).await.unwrap();
        vault.set("two");
        soon(live.changed()).await.unwrap();
    });
}

#[test]
fn a_blocked_runtime_while_another_reads_something_else() {
    let (vault, registry) = beside_another();
    let (first, second) = (on_a_thread(), on_a_thread());
    let live = first.block_on(registry.watch(REFERENCE)).unwrap();
    let (go_on, told) = mpsc::channel::<()>();
    first.spawn(async move { told.recv() });
    std::thread::sleep(A_WHILE);
    second.block_on(registry.get(OTHER)).unwrap();
    drop(go_on);
    vault.set("two");
    becomes(&live, "two");
}

#[test]
fn a_configuration_whose_runtime_nobody_drives_or_has_ended() {
    for ends in [false, true] {
        let (vault, registry) = beside_another();
        let (first, second) = (on_this_thread(), on_this_thread());
        let mut config = configured(&registry, &first);
        let left = (!ends).then_some(first);
        vault.set("two");
        second.block_on(soon(config.changed())).unwrap();
        assert_eq!(config.current().unwrap()["name"], "two");
        drop(left);
    }
}

#[test]
fn a_host_that_has_ended_unnoticed() {
    let (vault, registry) = beside_another();
    let (first, second) = (on_a_thread(), on_a_thread());
    first.block_on(registry.get(OTHER)).unwrap();
    drop(first);
    let live = second.block_on(registry.watch(REFERENCE)).unwrap();
    vault.set("two");
    becomes(&live, "two");
}

#[test]
fn a_rotation_whose_host_has_ended_unnoticed() {
    let (_, registry) = beside_another();
    let rotated = Arc::new(MemoryVault::new());
    rotated.set("x", r#"{"name":"one"}"#).unwrap();
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(1));
    registry.add("rotated", Vault::shared(rotated.clone()).with_policy(policy)).unwrap();
    let (first, second) = (on_a_thread(), on_a_thread());
    first.block_on(registry.get(OTHER)).unwrap();
    drop(first);
    let live = second.block_on(registry.watch("{vault://rotated/x/name}")).unwrap();
    rotated.set("x", r#"{"name":"two"}"#).unwrap();
    becomes(&live, "two");
}

/// Listens in a way that panics when it is asked to, and not when that is awaited.
#[derive(Debug)]
struct Eager(Arc<Noticing>);

#[async_trait]
impl VaultBackend for Eager {
    fn describe(&self) -> Description {
        Description::new("eager")
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        self.0.read(request).await
    }
    async fn check(&self, probe: Probe) -> Result<Health, Error> {
        self.0.check(probe).await
    }
    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }
    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }
    fn changes(&self) -> Option<&dyn ChangeFeed> {
        Some(self)
    }
    async fn close(&self) {}
}

impl ChangeFeed for Eager {
    fn changed<'a, 'b>(&'a self, _: u64) -> std::pin::Pin<Box<dyn Future<Output = Changes> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        panic!("told to")
    }
}

#[test]
fn a_feed_that_panics_before_it_is_awaited_is_asked_once_a_second() {
    let vault = Noticing::new();
    vault.set("one");
    let registry = Registry::builder().vault("my-vault", Eager(vault.clone())).build().unwrap();
    let runtime = on_a_thread();
    let _live = runtime.block_on(registry.watch(REFERENCE)).unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    let asked = vault.asked.load(Ordering::Relaxed);
    assert!((1..=3).contains(&asked), "{asked} times in two and a half seconds");
}
