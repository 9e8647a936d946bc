//! What a hit costs.

use strongroom_core::{MemoryVault, Registry};

const NAME: &str = "{vault://my-vault/customer/acme/name}";

#[test]
fn a_hit_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let vault = MemoryVault::new();
    vault.set("customer/acme", r#"{"name":"ACME Inc."}"#).unwrap();
    let registry = Registry::builder().vault("my-vault", vault).build().unwrap();
    let (live, document) = runtime.block_on(async {
        registry.get(NAME).await.unwrap();
        let document = registry.watch_document("{vault://my-vault/customer/acme/}").await.unwrap();
        (registry.watch(NAME).await.unwrap(), document)
    });
    let mut reader = live.reader();
    let hit = |reader: &mut strongroom_core::Reader| {
        assert_eq!(registry.try_get(NAME).unwrap().as_bytes(), b"ACME Inc.");
        assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.");
        assert_eq!(reader.current().unwrap().as_bytes(), b"ACME Inc.");
        assert!(!document.current().unwrap().as_bytes().is_empty());
        assert!(!live.is_stale() && live.age().as_secs() < 3600 && live.version().is_some());
    };
    // A thread has its own place for what it is reading, which is made at its first read.
    hit(&mut reader);
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| hit(&mut reader)));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}
