//! Many rotations leave nothing behind.

use super::*;
use crate::MemoryVault;

/// Blocks and bytes that are still there after so many rotations of one secret that is read all the while. All of it
/// happens on one thread, the keeper's work too, so that everything is counted.
fn left_after(rotations: u64) -> (f64, f64) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let measured = allocation_counter::measure(|| {
        runtime.block_on(async {
            let vault = Arc::new(MemoryVault::new());
            let builder =
                Registry::builder().vault("my-vault", Vault::shared(vault.clone()).with_policy(policy(60)));
            let registry = builder.build_with(|l| Cache::with_clock(l, Clock::of_the_runtime())).unwrap();
            vault.set("db", r#"{"password":"0"}"#).unwrap();
            let reference = "{vault://my-vault/db/password}";
            let live = registry.watch(reference).await.unwrap();
            let mut reader = live.reader();
            let mut events = registry.events();
            for at in 1..=rotations {
                // The vault forgets what was before, so that what is counted is the registry's.
                vault.delete("db");
                vault.set("db", &format!(r#"{{"password":"{at:09}"}}"#)).unwrap();
                live.refresh().await.unwrap();
                assert_eq!(reader.current().unwrap().as_bytes(), format!("{at:09}").as_bytes());
                assert!(registry.get(reference).await.is_ok());
                // Sometimes it rests, and what is due in the background is seen to.
                if at % 1000 == 0 {
                    tokio::time::sleep(Duration::from_secs(61)).await;
                    while events.try_next().is_some() {}
                }
            }
            tokio::time::sleep(Duration::from_secs(61)).await;
            std::mem::forget((vault, registry, live, reader, events));
        });
    });
    (measured.count_current as f64, measured.bytes_current as f64)
}

#[test]
fn memory_stays_flat_over_many_rotations() {
    // `.ci/deep` makes it a million, after the first ten thousand.
    let many = std::env::var("STRONGROOM_ROTATIONS").ok().and_then(|many| many.parse().ok());
    let (few, many) = many.map_or((2_000, 20_000), |many| (10_000, many));
    let (before, after) = (left_after(few), left_after(many));
    println!("blocks and bytes after {few} rotations: {before:?}, after {many}: {after:?}");
    assert!(after.0 <= before.0 * 1.05 && after.1 <= before.1 * 1.05, "{before:?}, later {after:?}");
}
