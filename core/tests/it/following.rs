//! A vault that notices its changes by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Changes, Description, Document, Error, ErrorKind, Health, MemoryVault, Probe,
    ReadRequest, Registry, Vault, VaultBackend, VersionPoll,
};
use tokio::sync::watch;

mod elsewhere;

const REFERENCE: &str = "{vault://my-vault/customer/acme/name}";

/// Tells of every write, as a directory that is watched does.
#[derive(Debug)]
struct Noticing {
    memory: MemoryVault,
    written: watch::Sender<Vec<Box<str>>>,
    reads: AtomicU64,
    asked: AtomicU64,
    panics: AtomicBool,
}

impl Noticing {
    fn new() -> Arc<Self> {
        let written = watch::Sender::new(Vec::new());
        Arc::new(Self {
            memory: MemoryVault::new(),
            written,
            reads: 0.into(),
            asked: 0.into(),
            panics: false.into(),
        })
    }

    fn set(&self, name: &str) {
        self.memory.set("customer/acme", &format!(r#"{{"name":"{name}"}}"#)).unwrap();
        self.written.send_modify(|written| written.push("customer/acme".into()));
    }
}

#[async_trait]
impl VaultBackend for Noticing {
    fn describe(&self) -> Description {
        Description::new("noticing")
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.memory.read(request).await
    }
    async fn check(&self, probe: Probe) -> Result<Health, Error> {
        self.memory.check(probe).await
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

#[async_trait]
impl ChangeFeed for Noticing {
    async fn changed(&self, mark: u64) -> Changes {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics.load(Ordering::Relaxed), "told to");
        let mut written = self.written.subscribe();
        let more = written.wait_for(|written| written.len() as u64 > mark).await.unwrap();
        let mark = usize::try_from(mark).unwrap();
        Changes::new(more.len() as u64, more[mark..].to_vec())
    }
}

fn registry(vault: &Arc<Noticing>) -> Registry {
    Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap()
}

async fn soon(what: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let noticed = tokio::time::timeout(Duration::from_secs(20), what).await;
    noticed.unwrap_or_else(|_| panic!("it is not noticed"))
}

#[tokio::test]
async fn handles_of_several_registries_follow_without_a_ttl() {
    let vault = Noticing::new();
    vault.set("one");
    let (first, second) = (registry(&vault), registry(&vault));
    let mut lives = [first.watch(REFERENCE).await.unwrap(), second.watch(REFERENCE).await.unwrap()];
    for name in ["two", "three"] {
        vault.set(name);
        for live in &mut lives {
            soon(live.changed()).await.unwrap();
            assert_eq!(live.current().unwrap().as_str().unwrap(), name);
        }
    }
    // What nobody asked for is not read, and what did not change is not read again.
    let reads = vault.reads.load(Ordering::Relaxed);
    assert!(reads <= 10, "{reads} reads");
}

#[tokio::test]
async fn a_value_that_appears_is_noticed_and_one_that_vanishes_too() {
    let vault = Noticing::new();
    vault.set("one");
    let registry = registry(&vault);
    let mut live = registry.watch(REFERENCE).await.unwrap();
    vault.memory.delete("customer/acme");
    vault.written.send_modify(|written| written.push("customer/acme".into()));
    soon(live.changed()).await.unwrap();
    assert_eq!(live.current().unwrap_err().kind(), ErrorKind::NotFound);
    vault.set("again");
    soon(live.changed()).await.unwrap();
    assert_eq!(live.current().unwrap().as_str().unwrap(), "again");
}

#[tokio::test]
async fn the_feed_is_let_go_of_with_the_vault() {
    let vault = Noticing::new();
    vault.set("one");
    let registry = registry(&vault);
    let mut live = registry.watch(REFERENCE).await.unwrap();
    let other = Noticing::new();
    other.set("other");
    registry.replace("my-vault", Vault::shared(other.clone())).await.unwrap();
    soon(live.changed()).await.unwrap();
    other.set("another");
    soon(live.changed()).await.unwrap();
    assert_eq!(live.current().unwrap().as_str().unwrap(), "another");
    drop((live, registry));
    // The tasks hold the vaults until they have noticed.
    soon(async {
        while Arc::strong_count(&vault) + Arc::strong_count(&other) > 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_feed_that_panics_is_asked_once_a_second_and_followed_again() {
    let vault = Noticing::new();
    vault.set("one");
    vault.panics.store(true, Ordering::Relaxed);
    let registry = registry(&vault);
    let mut live = registry.watch(REFERENCE).await.unwrap();
    vault.set("two");
    let nothing = tokio::time::timeout(Duration::from_millis(2500), live.changed()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    let asked = vault.asked.load(Ordering::Relaxed);
    assert!((1..=3).contains(&asked), "{asked} times in two and a half seconds");
    vault.panics.store(false, Ordering::Relaxed);
    soon(live.changed()).await.unwrap();
    assert_eq!(live.current().unwrap().as_str().unwrap(), "two");
}

#[test]
fn another_runtime_takes_over() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vault = Noticing::new();
    vault.set("one");
    let registry = registry(&vault);
    let mut live = runtime().block_on(registry.watch(REFERENCE)).unwrap();
    vault.set("two");
    let error = outside_of_a_runtime(&mut live);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    runtime().block_on(soon(live.changed())).unwrap();
    assert_eq!(live.current().unwrap().as_str().unwrap(), "two");
}

#[test]
fn what_was_left_in_a_runtime_that_nobody_drives_is_followed_from_another() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vault = Noticing::new();
    vault.set("one");
    let registry = registry(&vault);
    let (first, second) = (runtime(), runtime());
    let mut live = first.block_on(registry.watch(REFERENCE)).unwrap();
    vault.set("two");
    second.block_on(soon(live.changed())).unwrap();
    assert_eq!(live.current().unwrap().as_str().unwrap(), "two");
    drop(first);
}

/// What waiting for a change comes to outside of every runtime.
fn outside_of_a_runtime(live: &mut strongroom_core::Live) -> Error {
    let mut waiting = std::pin::pin!(live.changed());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..100 {
        if let std::task::Poll::Ready(ended) = waiting.as_mut().poll(&mut context) {
            return ended.unwrap_err();
        }
    }
    panic!("it waits where nobody can wake it");
}
