//! Readers on several runtimes, on plain threads, and on runtimes that end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, Policy, Probe, ReadRequest,
    Registry, Vault, VaultBackend, VersionPoll,
};
use tokio::runtime::{Builder, Handle, Id, Runtime};
use tokio::sync::Semaphore;

mod listing;
mod stalled;

const NAME: &str = "{vault://my-vault/customer/acme/name}";

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(60);

/// A vault whose value counts its reads, each of which takes a while.
#[derive(Clone, Debug, Default)]
struct Slow {
    reads: Arc<AtomicUsize>,
    /// In milliseconds.
    delay: Arc<AtomicUsize>,
    /// How many reads may be under way, if not any number.
    window: Option<Arc<Semaphore>>,
    /// The runtime in which it was read last.
    read_in: Arc<Mutex<Option<Id>>>,
}

#[async_trait]
impl VaultBackend for Slow {
    fn describe(&self) -> Description {
        Description::new("slow")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, _: &ReadRequest) -> Result<Document, Error> {
        let _place = match &self.window {
            Some(window) => Some(window.acquire().await.unwrap()),
            None => None,
        };
        *self.read_in.lock().unwrap() = Some(Handle::current().id());
        let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        let delay = self.delay.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(delay as u64)).await;
        Document::from_json(&format!(r#"{{"name":"{read}"}}"#))
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }

    async fn close(&self) {}
}

impl Slow {
    fn takes(&self, delay: Duration) {
        self.delay.store(delay.as_millis() as usize, Ordering::SeqCst);
    }
}

fn slow(delay: Duration) -> (Slow, Registry) {
    let vault = Slow::default();
    vault.takes(delay);
    let registry = Registry::builder().vault("my-vault", vault.clone()).build().unwrap();
    (vault, registry)
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn building_starts_no_thread_and_needs_no_runtime() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    // Other tests of this process start and end threads of their own: once alone is enough.
    let quiet = (0..100).any(|_| {
        let before = threads();
        let (_, registry) = slow(Duration::ZERO);
        assert!(registry.try_get(NAME).is_none());
        threads() == before
    });
    assert!(quiet);
}

#[test]
fn without_a_runtime_a_cold_read_is_an_error_and_not_a_panic() {
    let (_, registry) = slow(Duration::ZERO);
    let error = block_on(registry.get(NAME)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:?}").contains("tokio runtime"), "{error:?}");
}

#[test]
fn readers_on_plain_threads_are_served_by_the_host() {
    let (vault, registry) = slow(Duration::from_millis(50));
    let host = runtime();
    let live = host.block_on(registry.watch(NAME)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(live.current().unwrap().as_bytes(), b"1");
                assert_eq!(live.reader().current().unwrap().as_bytes(), b"1");
                let other = block_on(registry.get("{vault://my-vault/other/name}")).unwrap();
                assert_eq!(other.as_bytes(), b"2");
            });
        }
    });
    assert_eq!(vault.reads.load(Ordering::SeqCst), 2);
}

#[test]
fn a_runtime_that_ends_in_the_middle_leaves_nobody_waiting() {
    let (vault, registry) = slow(LONG);
    let host = runtime();
    host.spawn({
        let registry = registry.clone();
        async move { registry.get(NAME).await }
    });
    while vault.reads.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // A read looks at it as it counts; the first has done so by now.
    std::thread::sleep(Duration::from_millis(100));
    vault.takes(Duration::ZERO);
    let on_a_thread = std::thread::spawn({
        let registry = registry.clone();
        move || block_on(registry.get(NAME))
    });
    let elsewhere = runtime();
    let on_a_runtime = elsewhere.spawn(async move { registry.get(NAME).await });
    std::thread::sleep(Duration::from_millis(200));
    host.shutdown_background();
    // The reader in a runtime takes the work over; the one on a thread shares in that, or is told.
    assert_eq!(elsewhere.block_on(on_a_runtime).unwrap().unwrap().as_bytes(), b"2");
    match on_a_thread.join().unwrap() {
        Ok(value) => assert_eq!(value.as_bytes(), b"2"),
        Err(error) => assert!(format!("{error:?}").contains("runtime"), "{error:?}"),
    }
}

#[test]
fn what_was_watched_in_a_runtime_that_ended_is_rotated_where_the_registry_is_hosted() {
    let vault = Slow::default();
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(1));
    let registry =
        Registry::builder().vault("my-vault", Vault::new(vault.clone()).with_policy(policy)).build().unwrap();
    let first = runtime();
    let live = first.block_on(registry.watch(NAME)).unwrap();
    drop(first);
    on_this_thread().block_on(async {
        let hosted = registry.clone();
        let host = tokio::spawn(async move { hosted.run(std::future::pending()).await });
        // Nobody asks for anything.
        tokio::time::sleep(Duration::from_secs(3)).await;
        // What was read is shown a moment later.
        let is_shown = || live.current().is_ok_and(|value| value.as_bytes() == text(&vault).as_bytes());
        while !is_shown() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        host.abort();
    });
    let reads = vault.reads.load(Ordering::SeqCst);
    assert!((2..=6).contains(&reads), "{reads}");
    assert_eq!(live.current().unwrap().as_bytes(), reads.to_string().as_bytes());
}

/// What the last read has brought.
fn text(vault: &Slow) -> String {
    vault.reads.load(Ordering::SeqCst).to_string()
}

#[test]
fn a_thread_that_has_read_by_text_keeps_no_vault_alive() {
    let (vault, registry) = slow(Duration::ZERO);
    let host = runtime();
    host.block_on(registry.get(NAME)).unwrap();
    assert!(registry.try_get(NAME).is_some());
    std::thread::sleep(Duration::from_millis(300));
    assert!(registry.try_get(NAME).is_some(), "it is in the map that all threads look into");
    drop(registry);
    // The keeper and the tasks of the registry let go within a step or two.
    let alone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Arc::strong_count(&vault.reads) == 1
    });
    assert!(alone);
}

fn on_this_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_nobody_drives_between_two_reads_keeps_nobody_waiting() {
    let (vault, registry) = slow(Duration::ZERO);
    let (first, second) = (on_this_thread(), on_this_thread());
    for (read, runtime) in [&first, &second, &first, &second].into_iter().enumerate() {
        let reference = format!("{{vault://my-vault/customer/number-{read}/name}}");
        let value = runtime.block_on(registry.get(&*reference)).unwrap();
        assert_eq!(value.as_bytes(), (read + 1).to_string().as_bytes());
    }
    assert_eq!(vault.reads.load(Ordering::SeqCst), 4);
}

#[test]
fn a_read_that_was_left_in_a_runtime_that_nobody_drives_is_started_again_elsewhere() {
    // Longer than it takes until the first runtime is given up.
    let (vault, registry) = slow(Duration::from_secs(5));
    let (first, second) = (on_this_thread(), on_this_thread());
    let left =
        first.block_on(async { tokio::time::timeout(Duration::from_millis(50), registry.get(NAME)).await });
    assert!(left.is_err());
    vault.takes(Duration::ZERO);
    assert_eq!(vault.reads.load(Ordering::SeqCst), 1);
    assert_eq!(second.block_on(registry.get(NAME)).unwrap().as_bytes(), b"2");
    // What the first one still brings is too late to be shown.
    first.block_on(async { tokio::time::sleep(Duration::from_secs(3)).await });
    assert_eq!(registry.try_get(NAME).unwrap().as_bytes(), b"2");
}

#[test]
fn reads_that_were_left_in_a_runtime_that_nobody_drives_hold_no_place_in_a_window() {
    let vault = Slow { window: Some(Arc::new(Semaphore::new(2))), ..Slow::default() };
    vault.takes(LONG);
    let registry = Registry::builder().vault("my-vault", vault.clone()).build().unwrap();
    let text = |at: usize| format!("{{vault://my-vault/customer/number-{at}/name}}");
    let (first, second) = (on_this_thread(), on_this_thread());
    // One that a reader has flown itself, one that became a task, and what background work leaves.
    first.block_on(async {
        for at in 0..2 {
            let left = tokio::time::timeout(Duration::from_millis(10), registry.get(text(at))).await;
            assert!(left.is_err());
        }
    });
    assert_eq!(vault.reads.load(Ordering::SeqCst), 2);
    vault.takes(Duration::ZERO);
    let other = async { tokio::time::timeout(Duration::from_secs(30), registry.get(text(7))).await };
    assert_eq!(second.block_on(other).expect("a place is free").unwrap().as_bytes(), b"3");
    // Whoever drives the first one again is served there as ever.
    assert_eq!(first.block_on(registry.get(text(0))).unwrap().as_bytes(), b"4");
}

#[cfg(unix)]
#[test]
#[expect(clippy::exit, reason = "the end of a child that is no test")]
fn what_was_built_before_a_fork_reads_and_rotates_after_it() {
    let vault = Slow::default();
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(1));
    let registry =
        Registry::builder().vault("my-vault", Vault::new(vault).with_policy(policy)).build().unwrap();
    assert!(registry.try_get(NAME).is_none());
    let works = |registry: &Registry| {
        runtime().block_on(async {
            let first = registry.get(NAME).await.ok()?.as_bytes() == b"1" && registry.try_get(NAME).is_some();
            let mut live = registry.watch(NAME).await.ok()?;
            tokio::time::timeout(Duration::from_secs(30), live.changed()).await.ok()?.ok()?;
            (first && live.current().ok()?.as_bytes() != b"1").then_some(())
        })
    };
    let mut children = Vec::new();
    for _ in 0..3 {
        match fork::fork().unwrap() {
            // Nothing of the test's own may go on here.
            fork::Fork::Child => std::process::exit(if works(&registry).is_some() { 0 } else { 1 }),
            fork::Fork::Parent(child) => children.push(child),
        }
    }
    assert!(works(&registry).is_some(), "in the parent");
    for child in children {
        assert_eq!(fork::waitpid(child).unwrap(), 0, "in a child");
    }
}

#[test]
fn what_was_read_in_a_runtime_that_ended_is_served_and_refreshed_from_another() {
    let (_, registry) = slow(Duration::ZERO);
    let first = runtime();
    let mut live = first.block_on(registry.watch(NAME)).unwrap();
    drop(first);
    assert_eq!(live.current().unwrap().as_bytes(), b"1");
    let second = Builder::new_current_thread().enable_all().build().unwrap();
    let refresher = live.clone();
    second
        .block_on(async {
            let (changed, refreshed) = tokio::join!(live.changed(), refresher.refresh());
            changed.and(refreshed)
        })
        .unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"2");
}

#[test]
fn a_hosted_registry_works_where_it_is_hosted_until_it_is_told_to_end() {
    let (_, registry) = slow(Duration::ZERO);
    let host = runtime();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let hosting = host.spawn({
        let registry = registry.clone();
        async move { registry.run(async { drop(ended.await) }).await }
    });
    // On a plain thread, as soon as it is hosted.
    let value = loop {
        match block_on(registry.get(NAME)) {
            Ok(value) => break value,
            Err(error) => assert!(format!("{error:?}").contains("tokio runtime"), "{error:?}"),
        }
    };
    assert_eq!(value.as_bytes(), b"1");
    end.send(()).unwrap();
    host.block_on(hosting).unwrap();
    assert_eq!(block_on(registry.get(NAME)).unwrap_err().kind(), ErrorKind::UnknownPrefix);
}

#[test]
fn values_are_read_while_they_are_replaced_without_pause() {
    let (_, registry) = slow(Duration::ZERO);
    let host = runtime();
    let live = host.block_on(registry.watch(NAME)).unwrap();
    host.block_on(registry.get(NAME)).unwrap();
    let writing = Arc::new(());
    let writer = host.spawn({
        let (live, writing) = (live.clone(), writing.clone());
        async move {
            for _ in 0..500 {
                live.refresh().await.unwrap();
            }
            drop(writing);
        }
    });
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut reader = live.reader();
                let mut last = 0;
                while Arc::strong_count(&writing) > 1 {
                    let value: u64 = reader.current().unwrap().as_str().unwrap().parse().unwrap();
                    assert!(value >= last, "a reader never goes back");
                    last = value;
                    assert!(!live.current().unwrap().is_empty());
                    assert!(!registry.try_get(NAME).unwrap().is_empty());
                }
            });
        }
    });
    host.block_on(writer).unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"501");
}

/// Waits on a plain thread, as an executor that knows no tokio does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park_timeout(Duration::from_secs(10));
    }
}

fn rotating() -> (Slow, Registry) {
    let vault = Slow::default();
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(1));
    let registry =
        Registry::builder().vault("my-vault", Vault::new(vault.clone()).with_policy(policy)).build();
    (vault, registry.unwrap())
}

#[test]
fn a_watch_made_in_a_runtime_that_has_ended_still_rotates() {
    let (vault, registry) = rotating();
    let first = runtime();
    let mut live = first.block_on(registry.watch(NAME)).unwrap();
    // One waits while the runtime ends under it, in a runtime of its own.
    let second = runtime();
    let mut other = live.clone();
    let waiting = second.spawn(async move {
        for _ in 0..3 {
            other.changed().await?;
        }
        other.current().map(|value| value.to_secret())
    });
    drop(first);
    assert!(!second.block_on(waiting).unwrap().unwrap().is_empty());
    assert!(vault.reads.load(Ordering::SeqCst) >= 4);
    second.block_on(live.changed()).unwrap();
    assert!(!live.is_stale());
}

#[test]
fn whoever_waits_for_a_change_on_a_thread_is_told_when_the_runtime_ends() {
    let (_, registry) = rotating();
    let host = runtime();
    let mut live = host.block_on(registry.watch(NAME)).unwrap();
    let waiting = std::thread::spawn(move || {
        loop {
            if let Err(error) = block_on(live.changed()) {
                return error;
            }
        }
    });
    std::thread::sleep(Duration::from_millis(300));
    drop(host);
    assert_eq!(waiting.join().unwrap().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_configuration_whose_runtime_has_ended_goes_on_in_the_next_that_uses_it() {
    let (_, registry) = rotating();
    let first = runtime();
    let document = serde_json::json!({"name": NAME});
    type Config = HashMap<String, String>;
    let mut config = first.block_on(registry.watch_config::<Config>(&document)).unwrap();
    drop(first);
    // Within no runtime it shows what it has.
    assert_eq!(config.current().unwrap()["name"], "1");
    let second = runtime();
    let other = config.clone();
    second.block_on(async {
        config.changed().await.unwrap();
        while config.current().unwrap()["name"].as_str() < "3" {
            config.changed().await.unwrap();
        }
    });
    drop(second);
    // The same without anybody who waits: reading it is enough.
    let third = runtime();
    third.block_on(async {
        let before = other.current().unwrap()["name"].clone();
        while other.current().unwrap()["name"] == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
