//! What becomes of a single server: sealed, killed, started again with and without its memory, out of disk.

use super::*;

const LOGIN: &str = "/v1/auth/approle/login";

/// Sets an AppRole up whose ids are always the same, so that the server may forget it in between.
fn prepare(server: &Server) {
    let api = server.api();
    api.write_kv2("secret", "x", &json!({"n": "one"}));
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/web", &json!({"token_policies": "reader", "token_ttl": "1h"}));
    api.must("POST", "auth/approle/role/web/role-id", &json!({"role_id": "the-web-servers-role"}));
    api.must("POST", "auth/approle/role/web/custom-secret-id", &json!({"secret_id": CANARY}));
}

fn behind(proxy: &Proxy) -> Registry {
    let auth = AppRoleAuth::new("the-web-servers-role", CANARY);
    registry(vault(&proxy.address(), "").auth(auth).ttl(Duration::from_secs(1)))
}

/// That what is held is served by `live`, whatever is asked for, for a while.
async fn served(registry: &Registry, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        assert_eq!(registry.get(reference("x/n")).await.unwrap().as_bytes(), b"one");
        let _ = registry.get(reference("x/n#1")).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_sat_out() {
    let server = Server::dev();
    prepare(&server);
    let proxy = Proxy::in_front_of(&server);
    let registry = behind(&proxy);
    registry.get(reference("x/n")).await.unwrap();
    server.seal();
    proxy.take_requests();
    served(&registry, Duration::from_secs(5)).await;
    let requests = proxy.requests().len();
    server.unseal();
    let back = async || registry.get(reference("x/n#1")).await.is_ok();
    eventually("the return", Duration::from_secs(6), back, |back| *back).await;
    assert_eq!(proxy.count("POST", LOGIN), 0, "tokens outlive a seal");
    Proof::of("1").note("served; back within 6 s with the same token", requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_sat_out_with_the_same_token() {
    let mut server = Server::builder().raft().start();
    prepare(&server);
    let proxy = Proxy::in_front_of(&server);
    let registry = behind(&proxy);
    registry.get(reference("x/n")).await.unwrap();
    server.stop();
    proxy.take_requests();
    served(&registry, Duration::from_secs(3)).await;
    let requests = proxy.requests().len();
    server.start_again();
    let back = async || registry.get(reference("x/n#1")).await.map_err(|error| format!("{error:?}"));
    eventually("the return", Duration::from_secs(15), back, Result::is_ok).await;
    assert_eq!(proxy.count("POST", LOGIN), 0);
    Proof::of("2").note("served; back with the same token", requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_forgotten_all_tokens_costs_one_login() {
    let mut server = Server::dev();
    prepare(&server);
    let proxy = Proxy::in_front_of(&server);
    let registry = behind(&proxy);
    registry.get(reference("x/n")).await.unwrap();
    server.stop();
    proxy.intercept(|_, _| Reply::cut());
    server.start_again();
    prepare(&server);
    proxy.take_requests();
    proxy.forward_all();
    let back = async || registry.get(reference("x/n#1")).await.map_err(|error| format!("{error:?}"));
    let took = eventually("the return", Duration::from_secs(10), back, Result::is_ok).await;
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert_eq!(proxy.count("POST", LOGIN), 1);
    Proof::of("3").note("one login, at most 5 s after the one before", proxy.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_device_that_is_full_is_an_outage_that_health_does_not_show() {
    let server = Server::dev();
    prepare(&server);
    let proxy = Proxy::in_front_of(&server);
    let registry = behind(&proxy);
    registry.get(reference("x/n")).await.unwrap();
    proxy.intercept(|request, upstream| match request.target.as_str() {
        "/v1/sys/health" => upstream.forward(request),
        _ => Reply::json(500, &json!({"errors": ["internal error"]})),
    });
    proxy.take_requests();
    served(&registry, Duration::from_secs(4)).await;
    assert_eq!(proxy.count("POST", LOGIN), 0);
    let requests = proxy.take_requests().len();
    proxy.forward_all();
    let back = async || registry.get(reference("x/n#1")).await.is_ok();
    eventually("the return", Duration::from_secs(6), back, |back| *back).await;
    Proof::of("64").note("served; judged by what reads bring, not by `sys/health`", requests);
}
