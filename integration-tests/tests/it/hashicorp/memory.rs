//! What the registry remembers of a real server, counted at the server's door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use strongroom_core::Policy;
use strongroom_integration_tests::Proxy;

use super::*;

fn watched(proxy: &Proxy, server: &Server, ttl: Option<Duration>) -> Registry {
    let backend = vault(&proxy.address(), server.token()).retries(0).build().unwrap();
    let mut policy = Policy::default();
    policy.ttl = ttl;
    registry(backend.with_policy(policy))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_readers_of_one_cold_secret_cost_one_request() {
    let server = Server::shared();
    server.api().write_kv2("secret", "memory/herd", &json!({"name": "ACME Inc."}));
    let proxy = Proxy::in_front_of(server);
    let registry = watched(&proxy, server, None);
    let herd = async |path: &str| {
        let reference: Arc<str> = format!("{{vault://under-test/memory/{path}/name}}").into();
        proxy.take_requests();
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                let (registry, reference) = (registry.clone(), reference.clone());
                tokio::spawn(async move { registry.get(&*reference).await })
            })
            .collect();
        let mut answers = Vec::new();
        for reader in readers {
            answers.push(reader.await.unwrap());
        }
        (answers, proxy.count("GET", &format!("/v1/secret/data/memory/{path}")))
    };
    let (present, requests) = herd("herd").await;
    assert!(present.iter().all(|answer| answer.as_ref().unwrap().as_bytes() == b"ACME Inc."));
    assert_eq!(requests, 1);
    let (missing, requests) = herd("nobody").await;
    assert!(missing.iter().all(|answer| answer.as_ref().unwrap_err().kind() == ErrorKind::NotFound));
    assert_eq!(requests, 1);
    proxy.intercept(|_, _| {
        std::thread::sleep(Duration::from_millis(300));
        Reply::json(500, &json!({"errors": ["internal error"]}))
    });
    let (failing, requests) = herd("failing").await;
    assert!(failing.iter().all(|answer| answer.as_ref().unwrap_err().is_retryable()));
    assert_eq!(requests, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_served_within_its_ttl_and_a_second() {
    let server = &Server::dev();
    let write =
        |n: u32| server.api().write_kv2("secret", "memory/rotated", &json!({"user": n, "password": n}));
    write(0);
    let proxy = Proxy::in_front_of(server);
    let registry = watched(&proxy, server, Some(Duration::from_secs(2)));
    let mut live = registry.watch("{vault://under-test/memory/rotated/password}").await.unwrap();
    let pair = registry.watch_document("{vault://under-test/memory/rotated/}").await.unwrap();
    // Somebody reads all the while.
    let (stop, mut reader) = (Arc::new(AtomicBool::new(false)), live.reader());
    let stopped = stop.clone();
    let reading = std::thread::spawn(move || {
        let (mut reads, mut failed) = (0_u64, 0_u64);
        while !stopped.load(Ordering::Relaxed) {
            reads += 1;
            failed += u64::from(reader.current().is_err());
            std::thread::sleep(Duration::from_micros(100));
        }
        (reads, failed)
    });
    for n in 1..4 {
        write(n);
        let start = Instant::now();
        tokio::time::timeout(Duration::from_secs(5), live.changed()).await.unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(live.current().unwrap().as_str().unwrap(), n.to_string());
        let now = pair.current().unwrap().to_document();
        assert_eq!(now.get("user").unwrap().as_bytes(), now.get("password").unwrap().as_bytes());
    }
    let requests = proxy.count("GET", "/v1/secret/data/memory/rotated");
    assert!(requests <= 6, "{requests} requests in three rotations");
    stop.store(true, Ordering::Relaxed);
    let (reads, failed) = reading.join().unwrap();
    assert!(reads > 1000 && failed == 0, "{failed} of {reads} reads failed");

    server.pause();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"3", "the last good value, while the vault stands still");
    assert!(live.is_stale());
    server.resume();
    write(4);
    tokio::time::timeout(Duration::from_secs(20), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"4");
}
