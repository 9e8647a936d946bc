//! Everything that can go wrong between here and a vault, each fault with what it may cost: the table in
//! `docs/faults.md` says what was expected and what was seen.

mod alerts;
mod answers;
mod circuit;
mod cluster;
mod kv;
mod leaks;
mod list;
mod nodes;
mod server;
mod table;
mod tls;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_auth_approle::AppRoleAuth;
use strongroom_auth_token::TokenAuth;
use strongroom_core::{Error, ErrorKind, Registry};
use strongroom_hashicorp::{HashicorpVault, HashicorpVaultBuilder, KvVersion};
use strongroom_integration_tests::{Proxy, Reply, Server, Stub, random};

pub(crate) use table::Proof;

/// In every value and token that must not be shown.
const CANARY: &str = "canary-41c7";

/// A vault at `address`, KV v2 at `secret`, with a token and without retries.
fn vault(address: &str, token: &str) -> HashicorpVaultBuilder {
    HashicorpVault::builder().address(address).kv(KvVersion::V2).retries(0).auth(TokenAuth::new(token))
}

fn registry(vault: HashicorpVaultBuilder) -> Registry {
    Registry::builder().vault("under-test", vault.build().unwrap()).build().unwrap()
}

fn reference(path: &str) -> String {
    format!("{{vault://under-test/{path}}}")
}

async fn read(registry: &Registry, path: &str) -> Result<String, Error> {
    let value = registry.refresh(reference(path)).await?.value;
    Ok(value.as_str()?.to_owned())
}

/// Why a read fails, and all that is said about it.
async fn refused(registry: &Registry, path: &str) -> (Error, String) {
    let error = read(registry, path).await.err().unwrap_or_else(|| panic!("{path}: a value"));
    let said = format!("{error:?}");
    assert!(!said.contains(CANARY) && !said.contains('\n'), "{said}");
    (error, said)
}

/// Tries again and again until it is as wanted; how long that took.
pub(crate) async fn eventually<T: std::fmt::Debug>(
    what: &str,
    at_most: Duration,
    mut look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> Duration {
    let start = Instant::now();
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return start.elapsed();
        }
        assert!(start.elapsed() < at_most, "{what}: not within {at_most:?}, but {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A good answer of KV v2.
fn kv2(data: &Value) -> Reply {
    let metadata = json!({"version": 1, "created_time": "2026-11-23T22:16:17.841873759Z", "deletion_time": "", "destroyed": false});
    let body = json!({"lease_id": "", "data": {"data": data, "metadata": metadata}, "wrap_info": null});
    Reply::json(200, &body)
}

fn good() -> Reply {
    kv2(&json!({"n": CANARY}))
}

/// A mount name that no other test has.
fn mount() -> String {
    format!("kv-{:016x}", random())
}
