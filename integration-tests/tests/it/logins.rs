//! Every login against a real server: what it sends, what it is refused, and that it gives its token back.

mod approle;
mod cert;
mod jwt;
mod kubernetes;
mod life;
mod none;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use strongroom::config::{Config, Format};
use strongroom::{ErrorKind, Probe, Registry};
use strongroom_integration_tests::{Builder, Ca, Proxy, Reply, Server, Stub};

const REFERENCE: &str = "{vault://under-test/customer/acme/name}";

/// The same secret, kept apart from what the registry remembers of it.
const FIRST_VERSION: &str = "{vault://under-test/customer/acme/name#1}";

/// A server with one secret and a policy `reader` that may read it.
fn server(builder: Builder) -> Server {
    let server = builder.start();
    let api = server.api();
    if api.get("sys/mounts/secret").0 != 200 {
        api.mount_kv("secret", 2);
    }
    api.write_kv2("secret", "customer/acme", &json!({"name": "ACME Inc."}));
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    server
}

/// The registry of one vault at `address` with these fields, read from a file as users write it.
fn registry(address: &str, fields: Value) -> Registry {
    let mut config = json!({"address": address, "kv": "v2", "retries": 0});
    config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let file = json!({"vaults": [{"name": "hcv", "prefix": "under-test", "config": config}]});
    Config::new().and_parse("vaults.json", &file.to_string(), Format::Json).unwrap().build().unwrap()
}

async fn name(registry: &Registry) -> String {
    registry.refresh(REFERENCE).await.unwrap().value.as_str().unwrap().to_owned()
}

/// The whole error of a read, which holds no canary.
async fn fault(registry: &Registry) -> (ErrorKind, String) {
    let error = registry.get(FIRST_VERSION).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(!text.contains("canary"), "{text}");
    (error.kind(), text)
}

fn tokens(server: &Server) -> usize {
    server.api().list("auth/token/accessors").1["data"]["keys"].as_array().unwrap().len()
}

/// Reads twice, then shuts down: one token is minted, and given back.
async fn reads_and_gives_back(server: &Server, registry: &Registry) {
    reads_and_gives_back_from(server, registry, tokens(server)).await;
}

async fn reads_and_gives_back_from(server: &Server, registry: &Registry, before: usize) {
    assert_eq!(name(registry).await, "ACME Inc.");
    assert_eq!(name(registry).await, "ACME Inc.");
    // A spent wrapping token goes a moment later; a second login's would stay.
    let one = async || tokens(server) == before + 1;
    crate::faults::eventually("one login for all reads", Duration::from_secs(10), one, |is_one| *is_one)
        .await;
    registry.shutdown().await;
    assert_eq!(tokens(server), before, "the token is given back");
}

fn must(server: &Server, path: &str, body: Value) -> Value {
    server.api().must("POST", path, &body)
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// A key that signs tokens.
struct Signer {
    key: EncodingKey,
    public_pem: String,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        Self { key, public_pem: pair.public_key_pem() }
    }

    fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &self.key).unwrap()
    }
}

fn expires(seconds: i64) -> i64 {
    jsonwebtoken::get_current_timestamp() as i64 + seconds
}
