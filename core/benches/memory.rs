//! What a cached secret takes of the heap: `cargo bench -p strongroom-core --bench memory`.
//!
//! 100,000 secrets of 53 bytes of reference and 63 of value, every byte that was asked of the allocator counted: slot,
//! document, cell, block, table and the queue of what is due.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints figures")]

use std::time::Duration;

use strongroom_core::{CacheLimits, MemoryVault, Policy, Registry, Vault};

const ENTRIES: i64 = 100_000;

fn main() {
    let vault = MemoryVault::new();
    let references: Vec<_> = (0..ENTRIES)
        .map(|at| {
            vault
                .set(format!("customer/acme/number-{at:06}"), &format!(r#"{{"secret":"{at:063}"}}"#))
                .unwrap();
            format!("{{vault://my-vault/customer/acme/number-{at:06}/secret}}")
        })
        .collect();
    // On this thread, so that all of it is counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut limits = CacheLimits::default();
    limits.entries = 200_000;
    limits.bytes = 1 << 30;
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(300));
    let registry = Registry::builder()
        .vault("my-vault", Vault::new(vault).with_policy(policy))
        .cache_limits(limits)
        .build()
        .unwrap();
    let cached = allocation_counter::measure(|| {
        runtime.block_on(async {
            for reference in &references {
                // A handle that is dropped leaves the secret in memory, and no text in the index.
                drop(registry.watch(reference).await.unwrap());
            }
        });
    });
    println!(
        "a cached secret: {} bytes in {:.1} blocks",
        cached.bytes_current / ENTRIES,
        cached.count_current as f64 / ENTRIES as f64
    );
    let texts = allocation_counter::measure(|| {
        runtime.block_on(async {
            for reference in &references {
                registry.get(reference).await.unwrap();
            }
        });
    });
    println!("its text in the index, before it is merged: {} bytes", texts.bytes_current / ENTRIES);
}
