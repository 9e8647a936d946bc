//! A document of 10,000 fields with 500 distinct references to 50 secrets, beside 50 concurrent reads by a bare HTTP
//! client from the same server. Prints medians and their ratio.
//!
//!     cargo bench -p strongroom-integration-tests --bench documents

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_auth_token::TokenAuth;
use strongroom_core::Registry;
use strongroom_hashicorp::{HashicorpVault, KvVersion};
use strongroom_integration_tests::Server;

const ROUNDS: usize = 60;

fn document() -> Value {
    let field = |at: usize| match (at % 2, at / 2 % 500) {
        (0, of) => json!(format!("{{vault://my-vault/bench/{}/key-{}}}", of % 50, of / 50)),
        _ => json!(at),
    };
    let services = (0..100).map(|service| {
        let settings: serde_json::Map<_, _> =
            (0..100).map(|at| (format!("field-{at}"), field(service * 100 + at))).collect();
        Value::Object(settings)
    });
    json!({"services": services.collect::<Vec<_>>()})
}

async fn raw(client: &reqwest::Client, server: &Server) -> Duration {
    let start = Instant::now();
    let reads: Vec<_> = (0..50)
        .map(|secret| {
            let request = client
                .get(format!("{}/v1/secret/data/bench/{secret}", server.address()))
                .header("X-Vault-Token", server.token());
            tokio::spawn(async move {
                let body = request.send().await.unwrap().bytes().await.unwrap();
                serde_json::from_slice::<Value>(&body).unwrap()
            })
        })
        .collect();
    for read in reads {
        assert!(read.await.unwrap()["data"]["data"].is_object());
    }
    start.elapsed()
}

async fn resolve(registry: &Registry, document: &Value) -> Duration {
    registry.invalidate("my-vault").unwrap();
    let start = Instant::now();
    let resolved = registry.resolve(document).await.unwrap();
    let elapsed = start.elapsed();
    assert_eq!(resolved.references().len(), 500);
    elapsed
}

/// The same document again: nothing is read.
async fn warm(registry: &Registry, document: &Value) -> Duration {
    let start = Instant::now();
    let value: Value = registry.extract(document).await.unwrap();
    assert!(value["services"].is_array());
    start.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

#[tokio::main]
async fn main() {
    let server = Server::shared();
    for secret in 0..50 {
        let keys: Value =
            (0..10).map(|key| (format!("key-{key}"), json!("a value of a usual length"))).collect();
        server.api().write_kv2("secret", &format!("bench/{secret}"), &keys);
    }
    let vault = HashicorpVault::builder().address(server.address()).kv(KvVersion::V2);
    let vault = vault.auth(TokenAuth::new(server.token())).build().unwrap();
    let registry = Registry::builder().vault("my-vault", vault).build().unwrap();
    let client = reqwest::Client::new();
    let document = document();
    let (mut reads, mut resolved, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS + 5 {
        let (one, two) = (raw(&client, server).await, resolve(&registry, &document).await);
        let three = warm(&registry, &document).await;
        // The first rounds open connections.
        if round >= 5 {
            reads.push(one);
            resolved.push(two);
            again.push(three);
        }
    }
    let (reads, resolved, again) = (median(reads), median(resolved), median(again));
    println!("50 concurrent raw reads:                {reads:?}");
    println!("10,000 fields, 500 references, 50 reads: {resolved:?}");
    println!("the same from memory, as a type:         {again:?}");
    println!("ratio: {:.2}", resolved.as_secs_f64() / reads.as_secs_f64());
}
