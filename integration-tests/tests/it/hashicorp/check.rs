//! Whether a vault lets us in, told without reading a secret.

use std::time::Duration;

use serde_json::json;
use strongroom_core::{ErrorKind, Health, Vault};
use strongroom_hashicorp::KvVersion;
use strongroom_integration_tests::{Proxy, Reply, Server, Stub};

use super::{mount, on, targets, vault};

async fn health(vault: &Vault) -> Health {
    vault.backend().check(strongroom_core::Probe::Careful).await.unwrap_or_else(|error| panic!("{error:?}"))
}

async fn fails(vault: Vault, kind: ErrorKind, words: &[&str]) {
    let error = vault.backend().check(strongroom_core::Probe::Careful).await.unwrap_err();
    let said = format!("{error:?}");
    assert_eq!(error.kind(), kind, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn a_good_vault_is_well_and_no_secret_is_read() {
    let server = Server::shared();
    let proxy = Proxy::in_front_of(server);
    server.api().policy("check-ro", "path \"secret/data/*\" { capabilities = [\"read\"] }");
    let token = server.api().create_token(&json!({"policies": ["check-ro"], "ttl": "1h"}));
    for kv in [KvVersion::V2, KvVersion::Auto] {
        proxy.take_requests();
        let found = health(&vault(&proxy.address(), &token).kv(kv).build().unwrap()).await;
        assert_eq!((found.login.as_deref(), found.engine.as_deref()), (Some("token"), Some("KV v2")));
        let left = found.token_ttl.unwrap();
        assert!(left > Duration::from_secs(3500) && left <= Duration::from_secs(3600), "{left:?}");
        let asked = ["/v1/sys/health", "/v1/auth/token/lookup-self", "/v1/sys/internal/ui/mounts/secret"];
        // On a slow machine the session looks at its token besides.
        assert_eq!(targets(&proxy.requests())[..asked.len()], asked);
        assert!(targets(&proxy.requests())[asked.len()..].iter().all(|target| target == asked[1]));
    }
    assert_eq!(health(&on(server).build().unwrap()).await.token_ttl, None);
}

#[tokio::test]
async fn a_token_without_the_default_policy_is_alive() {
    let server = Server::shared();
    server.api().policy("check-bare", "path \"secret/data/*\" { capabilities = [\"read\"] }");
    let token = server.api().create_token(&json!({"policies": ["check-bare"], "no_default_policy": true}));
    let found = health(&vault(&server.address(), &token).build().unwrap()).await;
    assert_eq!((found.login.as_deref(), found.token_ttl), (Some("token"), None));
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let server = Server::shared();
    let dead = vault(&server.address(), "hvs.dead").build().unwrap();
    fails(dead, ErrorKind::Unauthenticated, &["the token is not accepted (HTTP 403: permission denied)"])
        .await;
    let old = mount();
    server.api().mount_kv(&old, 1);
    let words = &["is KV v1, but this vault is set to KV v2 (HTTP 200): set `kv: v1`"];
    fails(on(server).mount(&old).build().unwrap(), ErrorKind::InvalidConfig, words).await;
    let words = &["there is no mount `nowhere`, or the token has no right on it", "HTTP 403: preflight"];
    fails(on(server).mount("nowhere").build().unwrap(), ErrorKind::PermissionDenied, words).await;
    let gone = vault("http://127.0.0.1:1", "t").retries(0).build().unwrap();
    fails(gone, ErrorKind::Unavailable, &["could not connect to 127.0.0.1:1: connection refused"]).await;

    let sealed = Server::dev();
    sealed.seal();
    fails(on(&sealed).retries(0).build().unwrap(), ErrorKind::Sealed, &["the vault is sealed (HTTP 503)"])
        .await;
}

#[tokio::test]
async fn a_node_may_be_in_any_state_that_serves() {
    let server = Server::shared();
    for status in [200, 403, 404, 429, 473] {
        let proxy = Proxy::in_front_of(server);
        proxy.intercept(move |request, upstream| match request.target.as_str() {
            "/v1/sys/health" => Reply::new(status),
            _ => upstream.forward(request),
        });
        assert!(health(&vault(&proxy.address(), server.token()).build().unwrap()).await.engine.is_some());
    }
    for (status, body, kind) in [
        (501, r#"{"initialized":false,"sealed":true}"#, ErrorKind::Sealed),
        (503, r#"{"initialized":true,"sealed":true}"#, ErrorKind::Sealed),
        (503, "", ErrorKind::Unavailable),
        (472, "", ErrorKind::Unavailable),
        (502, "", ErrorKind::Unavailable),
    ] {
        let stub = Stub::new(move |_| Reply::new(status).body(body));
        fails(vault(&stub.address(), "t").retries(0).build().unwrap(), kind, &[&format!("HTTP {status}")])
            .await;
        assert_eq!(targets(&stub.requests()), ["/v1/sys/health"]);
    }
}
