//! Documents with references, and configuration made of them, on a real server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_auth_token::TokenAuth;
use strongroom_core::{Error, ErrorKind, MemoryVault, Policy, Registry, Secret, Vault};
use strongroom_hashicorp::{HashicorpVault, KvVersion};
use strongroom_integration_tests::{Proxy, Server};

use crate::logs::Logs;

fn registry(address: &str, token: &str, ttl: Option<Duration>) -> Registry {
    let vault = |address: &str| {
        let backend =
            HashicorpVault::builder().address(address).kv(KvVersion::V2).auth(TokenAuth::new(token));
        let mut policy = Policy::default();
        policy.ttl = ttl;
        backend.retries(0).connect_timeout(Duration::from_millis(500)).build().unwrap().with_policy(policy)
    };
    let builder = Registry::builder().vault("under-test", vault(address));
    builder.vault("unreachable", vault("http://127.0.0.1:1")).build().unwrap()
}

/// A document of 10,000 fields, every other of which is one of 500 distinct references to 50 secrets.
fn large() -> Value {
    let field = |at: usize| match (at % 2, at / 2 % 500) {
        (0, of) => json!(format!("{{vault://under-test/documents/{}/key-{}}}", of % 50, of / 50)),
        _ => json!(at),
    };
    let services = (0..100).map(|service| {
        let settings: BTreeMap<_, _> =
            (0..100).map(|at| (format!("field-{at}"), field(service * 100 + at))).collect();
        json!({"settings": settings})
    });
    json!({"services": services.collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_document_costs_one_read_a_secret() {
    let server = Server::shared();
    let keys = |secret: usize| -> Value {
        (0..10).map(|key| (format!("key-{key}"), json!(format!("value-{secret}-{key}")))).collect()
    };
    for secret in 0..50 {
        server.api().write_kv2("secret", &format!("documents/{secret}"), &keys(secret));
    }
    let proxy = Proxy::in_front_of(server);
    let registry = registry(&proxy.address(), server.token(), None);
    let document = large();
    proxy.take_requests();
    let resolved = registry.resolve(&document).await.unwrap();
    let reads = proxy.take_requests().into_iter().filter(|read| read.target.starts_with("/v1/secret/data/"));
    let mut targets: Vec<_> = reads.map(|read| read.target).collect();
    assert_eq!(targets.len(), 50);
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), 50, "none is read twice");
    assert_eq!(resolved.references().len(), 500);
    let plain: Value = resolved.extract().unwrap();
    // Field 712 is reference 356 of the 500.
    assert_eq!(plain["services"][7]["settings"]["field-12"], json!("value-6-7"));
    assert_eq!(plain["services"][7]["settings"]["field-13"], json!(713));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_a_document_is_in_one_error() {
    let server = Server::shared();
    let api = server.api();
    api.write_kv2("secret", "documents/good", &json!({"key": "canary"}));
    api.write_kv2("secret", "documents/denied", &json!({"key": "canary"}));
    api.policy("documents", r#"path "secret/data/documents/good" { capabilities = ["read"] }"#);
    let token = api.create_token(&json!({"policies": ["documents"], "ttl": "1h"}));
    let registry = registry(&server.address(), &token, None);
    let document = json!({
        "good": "{vault://under-test/documents/good/key}",
        "services": [
            {"password": "{vault://unknown-prefix/a/b}"},
            {"password": "{vault://under-test/documents/good/nope}"},
            {"password": "{vault://under-test/documents/denied/key}"},
            {"password": "{vault://unreachable/a/b}"},
            {"password": "{vault://under-test/a;b}"},
        ],
    });
    let error = registry.resolve(&document).await.unwrap_err();
    let mut failures: Vec<_> =
        error.failures().iter().map(|failure| (failure.path.to_string(), failure.error.kind())).collect();
    failures.sort_by(|one, other| one.0.cmp(&other.0));
    let kinds = [
        ErrorKind::UnknownPrefix,
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::Unavailable,
        ErrorKind::InvalidReference,
    ];
    let expected: Vec<_> =
        kinds.iter().enumerate().map(|(at, kind)| (format!("services[{at}].password"), *kind)).collect();
    assert_eq!(failures, expected);
    assert!(!error.is_retryable());
    let said = format!("{error}\n{error:?}\n{:?}", Error::from(error.clone()));
    assert!(!said.contains("canary") && !said.contains(&token), "{said}");
    let Err(error) = registry.watch_config::<Value>(&document).await else {
        panic!("nothing is built of it")
    };
    assert_eq!(error.failures().len(), 5);
}

#[derive(Debug, serde::Deserialize)]
struct Database {
    user: String,
    password: Secret,
    pool: u16,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_configuration_follows_a_real_server() {
    let server = &Server::dev();
    let write = |n: u32, pool: &str| {
        let login = json!({"user": format!("canary-{n}"), "password": format!("canary-{n}")});
        server.api().write_kv2("secret", "documents/login", &login);
        server.api().write_kv2("secret", "documents/pool", &json!({"pool": pool}))
    };
    let _ = write(0, "8");
    let registry = registry(&server.address(), server.token(), Some(Duration::from_secs(1)));
    let document = json!({
        "user": "{vault://under-test/documents/login/user}",
        "password": "{vault://under-test/documents/login/password}",
        "pool": "{vault://under-test/documents/pool/pool}",
    });
    let refused = Arc::new(AtomicUsize::new(0));
    let validate = {
        let refused = refused.clone();
        move |database: &Database| match database.pool {
            0 => {
                refused.fetch_add(1, Ordering::SeqCst);
                Err("a pool of no connections")
            }
            _ => Ok(()),
        }
    };
    let mut config = registry.watch_config_with::<Database, _>(&document, validate).await.unwrap();

    // Readers never see a user with another version's password, nor nothing.
    let stop = Arc::new(());
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (config, running) = (config.clone(), Arc::downgrade(&stop));
            std::thread::spawn(move || {
                let mut reads = 0_u64;
                while running.strong_count() > 0 {
                    let database = config.current().unwrap();
                    assert_eq!(database.password.as_str().unwrap(), database.user);
                    reads += 1;
                    std::thread::yield_now();
                }
                reads
            })
        })
        .collect();
    for n in 1..4 {
        write(n, "8");
        let start = Instant::now();
        while config.current().unwrap().user != format!("canary-{n}") {
            tokio::time::timeout(Duration::from_secs(10), config.changed()).await.unwrap().unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }

    // What the program refuses leaves the last good one.
    write(3, "0");
    tokio::time::timeout(Duration::from_secs(10), async {
        while config.error().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(config.current().unwrap().pool, 8);
    assert!(config.error().unwrap().to_string().ends_with("its validation failed: a pool of no connections"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(refused.load(Ordering::SeqCst), 1, "the same value is not tried again");
    let version = write(4, "9");
    while config.current().unwrap().pool != 9 || config.current().unwrap().user != "canary-4" {
        tokio::time::timeout(Duration::from_secs(10), config.changed()).await.unwrap().unwrap();
    }
    assert!(config.error().is_none());
    drop(stop);
    for reader in readers {
        assert!(reader.join().unwrap() > 0);
    }

    // A secret that is deleted takes the configuration with it, and brings it back.
    server.api().delete_versions("secret", "documents/pool", &[version]);
    tokio::time::timeout(Duration::from_secs(10), config.changed()).await.unwrap().unwrap();
    let error = config.current().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deleted, "{error:?}");
    let said = format!("{error:?} {config:?} {:?}", config.error());
    assert!(said.contains("pool: could not resolve {vault://under-test/documents/pool/pool}"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    write(5, "10");
    while config.current().map_or(0, |database| database.pool) != 10 {
        tokio::time::timeout(Duration::from_secs(10), config.changed()).await.unwrap().unwrap();
    }
    assert!(!format!("{:?}", config.current().unwrap().password).contains("canary"));
}

#[tokio::test]
async fn nothing_that_is_logged_holds_a_value() {
    let logs = Logs::default();
    let _collecting = logs.collect();
    let vault = Arc::new(MemoryVault::new());
    let write = |user: &str| {
        let login = json!({"user": user, "password": "canary-password", "pool": 8});
        vault.set("login", &login.to_string()).unwrap();
    };
    write("canary-1");
    let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
    let document = json!({
        "user": "{vault://my-vault/login/user}",
        "password": "{vault://my-vault/login/password}",
        "pool": "{vault://my-vault/login/pool}",
    });
    let validate = |database: &Database| match database.user.as_str() {
        "canary-2" => Err(format!("{database:?} with {}", database.password.as_str().unwrap())),
        _ => Ok(()),
    };
    let config = registry.watch_config_with::<Database, _>(&document, validate).await.unwrap();
    write("canary-2");
    let error = config.refresh().await.unwrap_err();
    assert!(error.to_string().contains("its validation failed: Database"), "{error}");
    write("canary-3");
    config.refresh().await.unwrap();
    vault.delete("login");
    let error = config.refresh().await.unwrap_err();
    let shown = format!("{error} {:?} {:?} {}", config.current().unwrap_err(), config.error(), logs.text());
    assert!(!shown.contains("canary"), "{shown}");
    for logged in ["the last good one stays", "was built anew", "is out of service"] {
        assert_eq!(logs.count(logged), 1, "{logged}: {}", logs.text());
    }
}
