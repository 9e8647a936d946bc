//! Background work that was left in a runtime that nobody drives.

use strongroom_core::{Live, VersionState};

use super::*;

/// A vault that tells versions, which takes a while where `delay` says so; its values count its reads.
#[derive(Clone, Debug, Default)]
struct Listed {
    reads: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
    /// How long an answer takes, in milliseconds.
    delay: Arc<AtomicUsize>,
    /// How many may be asked for at the same time.
    window: Option<Arc<Semaphore>>,
}

impl Listed {
    async fn take_time(&self) {
        let _place = match &self.window {
            Some(window) => Some(window.acquire().await.unwrap()),
            None => None,
        };
        tokio::time::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst) as u64)).await;
    }
}

#[async_trait]
impl VaultBackend for Listed {
    fn describe(&self) -> Description {
        Description::new("listed")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, _: &ReadRequest) -> Result<Document, Error> {
        let read = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        self.take_time().await;
        Ok(Document::from_json(&format!(r#"{{"name":"{read}"}}"#))?.with_version(read as u64))
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        Some(self)
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }

    async fn close(&self) {}
}

#[async_trait]
impl VersionPoll for Listed {
    async fn poll(&self, _: &str, names: &[&str]) -> Result<HashMap<String, VersionState>, Error> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        // Everything has always changed.
        Ok(names.iter().map(|name| ((*name).to_owned(), VersionState::new(u64::MAX))).collect())
    }
}

/// Eight folders with two secrets each, watched in a runtime that is then driven no more while it asks for versions.
fn left_asking() -> (Listed, Registry, Runtime, Vec<Live>) {
    // As many as are left.
    let window = Arc::new(Semaphore::new(4));
    let vault = Listed { window: Some(window.clone()), ..Listed::default() };
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(1));
    let mounted = Vault::new(vault.clone()).with_policy(policy);
    let registry = Registry::builder().vault("my-vault", mounted).build().unwrap();
    let first = on_this_thread();
    let live = first.block_on(async {
        let mut live = Vec::new();
        for at in 0..16 {
            live.push(registry.watch(&format!("{{vault://my-vault/f{}/s{at}/name}}", at / 2)).await.unwrap());
        }
        vault.delay.store(60_000, Ordering::SeqCst);
        // Be it by questions or by a read of what is due alone.
        while window.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        live
    });
    vault.delay.store(0, Ordering::SeqCst);
    (vault, registry, first, live)
}

/// Waits until all of these are younger than when they were left.
async fn until_rotated(live: &[Live]) {
    let before: Vec<_> = live.iter().map(Live::version).collect();
    let all = async {
        while live.iter().zip(&before).any(|(live, before)| live.version() <= *before) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all)
        .await
        .unwrap_or_else(|_| panic!("something is held up for ever"));
}

#[test]
fn questions_left_in_a_runtime_that_nobody_drives_hold_up_no_others() {
    let (_vault, registry, first, live) = left_asking();
    let second = on_this_thread();
    second.block_on(async {
        let hosted = registry.clone();
        let host = tokio::spawn(async move { hosted.run(std::future::pending()).await });
        until_rotated(&live).await;
        until_rotated(&live).await;
        host.abort();
    });
    drop(first);
}

#[test]
fn a_rotation_whose_runtime_nobody_drives_goes_on_where_somebody_waits_for_a_change() {
    let (vault, _registry, first, live) = left_asking();
    let second = on_this_thread();
    let mut waiting = live[0].clone();
    second.block_on(async {
        let changed = tokio::time::timeout(Duration::from_secs(20), waiting.changed());
        changed.await.unwrap().unwrap();
        until_rotated(&live).await;
    });
    // When the first is driven again it finds that another one does its work.
    first.block_on(async { tokio::time::sleep(Duration::from_millis(300)).await });
    let polls = vault.polls.load(Ordering::SeqCst);
    first.block_on(async { tokio::time::sleep(Duration::from_millis(2_500)).await });
    assert_eq!(
        vault.polls.load(Ordering::SeqCst),
        polls,
        "it is the second that rotates, and that is not driven"
    );
    second.block_on(until_rotated(&live));
}
