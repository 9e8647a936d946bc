//! The `hcv` backend against a real server, and against stubs for what no real server says.

mod answers;
mod check;
mod faults;
mod memory;
mod rotation;
mod session;
mod tls;
mod wire;

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_auth_token::TokenAuth;
use strongroom_core::{Error, ErrorKind, Registry, Secret, Vault};
use strongroom_hashicorp::{HashicorpVault, HashicorpVaultBuilder, KvVersion};
use strongroom_integration_tests::{Recorded, Reply, Server, Stub, random};

/// In every value and token that must not be shown.
const CANARY: &str = "canary-7d21";

/// A vault at `address`, KV v2 at `secret`, with a token.
fn vault(address: &str, token: &str) -> HashicorpVaultBuilder {
    HashicorpVault::builder().address(address).kv(KvVersion::V2).auth(TokenAuth::new(token))
}

/// A vault on the shared server, as root.
fn on(server: &Server) -> HashicorpVaultBuilder {
    vault(&server.address(), server.token())
}

fn registry(vault: impl Into<Vault>) -> Registry {
    Registry::builder().vault("under-test", vault).build().unwrap()
}

async fn get(vault: impl Into<Vault>, path: &str) -> Result<Secret, Error> {
    registry(vault).get(format!("{{vault://under-test/{path}}}")).await
}

/// Reads a value that has to be there.
async fn value(vault: HashicorpVaultBuilder, path: &str) -> String {
    let secret = get(vault.build().unwrap(), path).await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    secret.as_str().unwrap().to_owned()
}

/// Reads what cannot be read; gives the error and all it says.
async fn error(vault: HashicorpVaultBuilder, path: &str) -> (Error, String) {
    let error = get(vault.build().unwrap(), path).await.err().unwrap_or_else(|| panic!("{path}: a value"));
    let said = format!("{error:?}");
    assert!(!said.contains(CANARY) && !said.contains('\n'), "{said}");
    (error, said)
}

/// That reading fails so, with all these words.
async fn expect(vault: HashicorpVaultBuilder, path: &str, kind: ErrorKind, words: &[&str]) {
    let (error, said) = error(vault, path).await;
    assert_eq!(error.kind(), kind, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

/// A mount name that no other test has.
fn mount() -> String {
    format!("kv-{:016x}", random())
}

/// A good answer of KV v2.
fn kv2(data: &Value) -> Reply {
    let metadata = json!({"version": 1, "created_time": "2026-11-23T22:16:17.841873759Z", "deletion_time": "", "destroyed": false});
    Reply::json(
        200,
        &json!({"lease_id": "", "data": {"data": data, "metadata": metadata}, "wrap_info": null}),
    )
}

/// A vault that gives up quickly.
fn hasty(address: &str) -> HashicorpVaultBuilder {
    vault(address, CANARY)
        .connect_timeout(Duration::from_secs(3))
        .request_timeout(Duration::from_secs(3))
        .total_timeout(Duration::from_secs(10))
        .retries(0)
}

/// What was asked for, but for the look at a configured token a second after its first use, which a slow machine sees.
fn sent(stub: &Stub) -> Vec<Recorded> {
    let requests = stub.requests();
    requests.into_iter().filter(|request| request.target != "/v1/auth/token/lookup-self").collect()
}

/// The API paths that were asked for.
fn targets(requests: &[Recorded]) -> Vec<String> {
    requests.iter().map(|request| request.target.clone()).collect()
}
