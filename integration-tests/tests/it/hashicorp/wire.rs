//! What goes over the wire, byte for byte.

use std::time::Duration;

use serde_json::json;
use strongroom_core::ErrorKind;
use strongroom_hashicorp::KvVersion;
use strongroom_integration_tests::{Proxy, Reply, Server, Stub};

use super::{CANARY, error, expect, get, hasty, kv2, on, registry, sent, targets, value, vault};

#[tokio::test]
async fn every_segment_is_encoded_once() {
    let server = Server::shared();
    let proxy = Proxy::in_front_of(server);
    for (reference, target, plain) in [
        ("wire/a%20b", "/v1/secret/data/wire/a%20b", "wire/a b"),
        ("wire/a b", "/v1/secret/data/wire/a%20b", "wire/a b"),
        ("wire/100%25", "/v1/secret/data/wire/100%25", "wire/100%"),
        ("wire/%252e%252e", "/v1/secret/data/wire/%252e%252e", "wire/%2e%2e"),
        ("wire/é", "/v1/secret/data/wire/%C3%A9", "wire/é"),
        ("wire/e%CC%81", "/v1/secret/data/wire/e%CC%81", "wire/e\u{301}"),
        ("wire/a%2Fb", "/v1/secret/data/wire/a/b", "wire/a/b"),
        ("wire/what%3F", "/v1/secret/data/wire/what%3F", "wire/what?"),
        ("wire/c%23", "/v1/secret/data/wire/c%23", "wire/c#"),
        ("wire/one+one", "/v1/secret/data/wire/one%2Bone", "wire/one+one"),
        ("wire/a%3Bb", "/v1/secret/data/wire/a%3Bb", "wire/a;b"),
        ("wire/a:b@c&d=e", "/v1/secret/data/wire/a%3Ab%40c%26d%3De", "wire/a:b@c&d=e"),
        ("wire/...", "/v1/secret/data/wire/...", "wire/..."),
        ("wire/\u{65e5}", "/v1/secret/data/wire/%E6%97%A5", "wire/\u{65e5}"),
    ] {
        server.api().write_kv2("secret", plain, &json!({"n": plain}));
        proxy.take_requests();
        let vault = vault(&proxy.address(), server.token());
        assert_eq!(value(vault, &format!("{reference}/n")).await, plain, "{reference}");
        assert_eq!(targets(&sent(&proxy)), [target], "{reference}");
    }
}

#[tokio::test]
async fn a_resource_that_no_server_holds_is_not_asked_for() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    for path in ["%2Fa/n", "a%2F/n", "a%2F%2Fb/n"] {
        let (error, said) = error(hasty(&stub.address()), path).await;
        assert_eq!(error.kind(), ErrorKind::InvalidReference, "{said}");
        assert!(said.contains("has an empty segment"), "{said}");
    }
    assert_eq!(sent(&stub).len(), 0);
}

#[tokio::test]
async fn every_request_carries_what_it_must_and_nothing_else() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let vault = vault(&stub.address(), CANARY).namespace("team/a/");
    assert_eq!(value(vault, "x/n#1").await, "1");
    let [request] = &sent(&stub)[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/v1/secret/data/x?version=1"));
    let mut headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.sort_unstable();
    let host = stub.address().replace("http://", "");
    let agent = format!("strongroom/{}", env!("CARGO_PKG_VERSION"));
    let expected = [
        ("accept", "*/*"),
        ("host", host.as_str()),
        ("user-agent", agent.as_str()),
        ("x-vault-namespace", "team/a"),
        ("x-vault-request", "true"),
        ("x-vault-token", CANARY),
    ];
    assert_eq!(headers, expected);
    assert!(request.body.is_empty());
}

#[tokio::test]
async fn an_address_may_have_a_path() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    assert_eq!(value(vault(&format!("{}/lb/vault/", stub.address()), "t"), "x/n").await, "1");
    assert_eq!(targets(&sent(&stub)), ["/lb/vault/v1/secret/data/x"]);
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_token_leaves() {
    let other = Stub::new(|_| kv2(&json!({"n": "stolen"})));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/v1/secret/data/x", other.address());
        let stub = Stub::new(move |_| Reply::new(status).header("location", &location));
        let (error, said) = error(vault(&stub.address(), CANARY).retries(1), "x/n").await;
        assert!(said.contains(&format!("HTTP {status}")), "{said}");
        let transient = status == 307;
        assert_eq!(error.is_retryable(), transient, "{said}");
        assert_eq!(sent(&stub).len(), 1 + usize::from(transient));
    }
    assert_eq!((other.requests().len(), other.connections()), (0, 0));
}

#[tokio::test]
async fn readers_share_connections_and_keep_to_the_window() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})).after(Duration::from_millis(30)));
    let registry = registry(vault(&stub.address(), "t").max_in_flight(4).build().unwrap());
    let readers: Vec<_> = (0..30)
        .map(|n| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get(format!("{{vault://under-test/x{n}/n}}")).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().as_bytes(), b"1");
    }
    assert_eq!(sent(&stub).len(), 30);
    assert_eq!(stub.peak(), 4);
    assert!(stub.connections() <= 5, "{}", stub.connections());
}

#[tokio::test]
async fn the_window_is_entered_in_the_order_of_coming() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})).after(Duration::from_millis(5)));
    let registry = registry(vault(&stub.address(), "t").max_in_flight(1).build().unwrap());
    let mut readers = Vec::new();
    for n in 0..20 {
        let registry = registry.clone();
        readers
            .push(tokio::spawn(async move { registry.get(format!("{{vault://under-test/x{n}/n}}")).await }));
        // It is in line before the next one comes; some come while others leave.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        if n >= 10 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    for reader in readers {
        reader.await.unwrap().unwrap();
    }
    let asked = sent(&stub).into_iter().map(|request| request.target);
    let in_order = (0..20).map(|n| format!("/v1/secret/data/x{n}"));
    assert_eq!(asked.collect::<Vec<_>>(), in_order.collect::<Vec<_>>());
}

#[tokio::test]
async fn timeouts_that_never_end_do_no_harm() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let most = Duration::MAX;
    let vault = vault(&stub.address(), "t").connect_timeout(most).request_timeout(most).total_timeout(most);
    assert_eq!(value(vault.max_in_flight(usize::MAX).max_response_bytes(usize::MAX), "x/n").await, "1");
}

#[tokio::test]
async fn the_kv_version_is_asked_for_once() {
    let server = Server::shared();
    server.api().write_kv2("secret", "wire/auto", &json!({"n": "1"}));
    let proxy = Proxy::in_front_of(server);
    let registry = registry(vault(&proxy.address(), server.token()).kv(KvVersion::Auto).build().unwrap());
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get("{vault://under-test/wire/auto/n}").await })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap().unwrap();
    }
    assert_eq!(proxy.count("GET", "/v1/sys/internal/ui/mounts/secret"), 1);
    // A miss makes nobody look again so soon.
    let _ = registry.get("{vault://under-test/wire/missing/n}").await.unwrap_err();
    assert_eq!(proxy.count("GET", "/v1/sys/internal/ui/mounts/secret"), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_serves_as_an_address() {
    let server = Server::builder().unix_socket().start();
    server.api().write_kv2("secret", "x", &json!({"n": "over a socket"}));
    let address = format!("unix://{}", server.socket().display());
    assert_eq!(value(vault(&address, server.token()), "x/n").await, "over a socket");
    let gone = format!("unix://{}.gone", server.socket().display());
    let words = &[".gone: no such socket", "given up after 2 tries"];
    expect(vault(&gone, "t").retries(1), "x/n", ErrorKind::Unavailable, words).await;
}

#[tokio::test]
async fn an_unreachable_address_is_left_for_the_next() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let dead: Vec<_> = (0..3)
        .map(|_| {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        })
        .collect();
    for _ in 0..8 {
        let addresses = dead.iter().cloned().chain([stub.address()]);
        let vault = vault("", "t").addresses(addresses).retries(0).build().unwrap();
        let registry = registry(vault.clone());
        assert_eq!(registry.get("{vault://under-test/x/n}").await.unwrap().as_bytes(), b"1");
        // It stays where it was served.
        assert_eq!(vault.backend().describe().address, Some(stub.address()));
    }
    let (error, said) = error(vault("", "t").addresses(dead).retries(0), "x/n").await;
    assert!(error.is_retryable() && said.contains("connection refused"), "{said}");
}

#[test]
fn a_runtime_that_stands_still_keeps_no_other_waiting() {
    let server = Server::shared();
    server.api().write_kv2("secret", "wire/runtimes", &json!({"n": "1"}));
    let vault = on(server).request_timeout(Duration::from_secs(2)).retries(0).build().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The first runtime stays alive, and nobody drives the connections that it opened.
    let first = runtime();
    first.block_on(get(vault.clone(), "wire/runtimes/n")).unwrap();
    for _ in 0..3 {
        runtime().block_on(get(vault.clone(), "wire/runtimes/n")).unwrap();
    }
    first.block_on(get(vault, "wire/runtimes/n")).unwrap();
}
