//! Cached secrets: keys of 53 bytes, values of 63, and the order in which they are read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, CacheLimits, ChangeFeed, Description, Document, Error, Health, Live, Probe, ReadRequest,
    Registry, VaultBackend, VersionPoll,
};
use tokio::runtime::Runtime;

/// Secrets as they lie in the memory of a program, and handles to them.
pub(crate) struct Entries {
    pub(crate) keys: Vec<String>,
    pub(crate) values: Vec<Vec<u8>>,
    // Dropped before the runtime on which its work is done.
    pub(crate) registry: Registry,
    pub(crate) live: Vec<Live>,
    pub(crate) runtime: Runtime,
}

impl Entries {
    /// So many secrets, all of them in the registry's memory. The runtime on which the registry reads is driven by
    /// whoever waits for a read, on that thread.
    pub(crate) fn new(count: usize) -> Self {
        let keys: Vec<_> = (0..count).map(key).collect();
        let registry = Registry::builder()
            .vault("my-vault", Turning::default())
            .cache_limits(room_for(count))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let live = runtime.block_on(async {
            let mut live = Vec::new();
            for key in &keys {
                registry.get(key).await.unwrap();
                live.push(registry.watch(key).await.unwrap());
            }
            live
        });
        // What is new becomes part of the big map a moment later, two seconds at most.
        std::thread::sleep(Duration::from_secs(if count > 10_000 { 4 } else { 1 }));
        let values = (0..count).map(|at| value(at as u64)).collect();
        Self { keys, values, registry, live, runtime }
    }
}

/// The text that means a secret.
pub(crate) fn key(at: usize) -> String {
    format!("{{vault://my-vault/customer/acme/number-{at:06}/secret}}")
}

/// A secret's value, another one for each number.
pub(crate) fn value(number: u64) -> Vec<u8> {
    format!("{number:063}").into_bytes()
}

/// Bounds that keep nothing out.
pub(crate) fn room_for(count: usize) -> CacheLimits {
    let mut limits = CacheLimits::default();
    limits.entries = limits.entries.max(2 * count);
    limits.bytes = 1 << 30;
    limits
}

/// Looks at a value as somebody who uses it does.
#[inline]
pub(crate) fn touch(value: &[u8]) -> u8 {
    value[0] ^ value[value.len() - 1]
}

/// Places in random order, the same in each run.
pub(crate) fn order(entries: usize, reads: usize) -> Vec<u32> {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % entries as u64) as u32
    };
    (0..reads).map(next).collect()
}

/// A vault in which every secret is another one each time that it is read.
#[derive(Debug, Default)]
pub(crate) struct Turning(AtomicU64);

#[async_trait]
impl VaultBackend for Turning {
    fn describe(&self) -> Description {
        Description::new("memory")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, _: &ReadRequest) -> Result<Document, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Document::from_json(&format!(r#"{{"secret":"{number:063}"}}"#))?.with_version(number))
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
