//! What becomes of a secret while it is in use: deleted, destroyed, made anew, moved, denied.

use super::*;

/// A registry with background refreshes every second at least, behind a counting proxy.
fn rotating(server: &Server, mount: &str, kv: KvVersion) -> (Proxy, Registry) {
    let proxy = Proxy::in_front_of(server);
    let vault = vault(&proxy.address(), server.token()).mount(mount).kv(kv);
    let registry = registry(vault.ttl(Duration::from_secs(1)).neg_ttl(Duration::from_secs(1)));
    (proxy, registry)
}

fn kv2_mount(server: &Server) -> String {
    let mount = mount();
    server.api().mount_kv(&mount, 2);
    mount
}

const SOON: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_secret_ends_at_the_next_look_and_comes_back_undeleted() {
    let server = Server::shared();
    let mount = kv2_mount(server);
    server.api().write_kv2(&mount, "x", &json!({"n": "one"}));
    let (proxy, registry) = rotating(server, &mount, KvVersion::V2);
    let live = registry.watch(reference("x/n")).await.unwrap();
    for (number, destroyed) in [("21", false), ("22", true)] {
        let version = server.api().write_kv2(&mount, "x", &json!({"n": "two"}));
        let fresh = async || live.current().is_ok_and(|value| value.as_bytes() == b"two");
        eventually("the new version", SOON, fresh, |fresh| *fresh).await;
        proxy.take_requests();
        if destroyed {
            server.api().destroy_versions(&mount, "x", &[version]);
        } else {
            server.api().delete_versions(&mount, "x", &[version]);
        }
        let ended = async || live.current().err().map(|error| (error.kind(), format!("{error:?}")));
        let is_gone = |seen: &Option<(ErrorKind, String)>| {
            let words = if destroyed { "was destroyed for good" } else { "was deleted at" };
            seen.as_ref().is_some_and(|(kind, said)| *kind == ErrorKind::Deleted && said.contains(words))
        };
        eventually("the end", SOON, ended, is_gone).await;
        if !destroyed {
            server.api().undelete_versions(&mount, "x", &[version]);
            eventually("the return", SOON, async || live.current().is_ok(), |there| *there).await;
        }
        let seen = if destroyed {
            "ended at the next look, as destroyed"
        } else {
            "ended at the next look; back once undeleted"
        };
        Proof::of(number).note(seen, proxy.requests().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_made_anew_is_taken_though_its_version_is_lower() {
    let server = Server::shared();
    let mount = kv2_mount(server);
    for n in ["one", "two", "three"] {
        server.api().write_kv2(&mount, "x", &json!({"n": n}));
    }
    let (proxy, registry) = rotating(server, &mount, KvVersion::V2);
    let live = registry.watch(reference("x/n")).await.unwrap();
    assert_eq!(live.version(), Some(3));
    server.api().must("DELETE", &format!("{mount}/metadata/x"), &Value::Null);
    assert_eq!(server.api().write_kv2(&mount, "x", &json!({"n": "anew"})), 1);
    let anew = async || live.current().map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    eventually("the new secret", SOON, anew, |value| value == b"anew").await;
    Proof::of("25").note("taken, since it was created later", proxy.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_ends_when_the_server_said_it_would() {
    let server = Server::shared();
    let mount = kv2_mount(server);
    let after = json!({"delete_version_after": "3s"});
    server.api().must("POST", &format!("{mount}/metadata/x"), &after);
    let proxy = Proxy::in_front_of(server);
    let vault = vault(&proxy.address(), server.token()).mount(&mount).ttl(Duration::from_secs(300));
    let registry = registry(vault.resurrect_ttl(Duration::from_secs(3600)));
    server.api().write_kv2(&mount, "x", &json!({"n": "one"}));
    let start = Instant::now();
    let live = registry.watch(reference("x/n")).await.unwrap();
    // Not even a vault that cannot be asked keeps it in service.
    proxy.intercept(|_, _| Reply::cut());
    tokio::time::sleep(Duration::from_secs(2).saturating_sub(start.elapsed())).await;
    assert!(live.current().is_ok());
    let took =
        eventually("the end", Duration::from_secs(3), async || live.current().is_ok(), |there| !*there).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    Proof::of("26").note("ended after 3 s, ttl and resurrect_ttl notwithstanding", proxy.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_is_taken_away_is_served_no_more_and_recovers() {
    let server = Server::shared();
    let mount = kv2_mount(server);
    server.api().write_kv2(&mount, "x", &json!({"n": "one"}));
    let (proxy, registry) = rotating(server, &mount, KvVersion::V2);
    let live = registry.watch(reference("x/n")).await.unwrap();
    server.api().must("DELETE", &format!("sys/mounts/{mount}"), &Value::Null);
    proxy.take_requests();
    let ended = async || live.current().err().map(|error| format!("{error:?}"));
    let is_gone =
        |said: &Option<String>| said.as_ref().is_some_and(|said| said.contains("there is no mount"));
    eventually("the end", SOON, ended, is_gone).await;
    server.api().must("POST", &format!("sys/mounts/{mount}"), &json!({"type": "transit"}));
    let other = async || read(&registry, "x/n").await.map_err(|error| format!("{error:?}"));
    let is_other =
        |read: &Result<String, String>| read.as_ref().is_err_and(|said| said.contains("is no KV mount"));
    eventually("the other type", SOON, other, is_other).await;
    server.api().must("DELETE", &format!("sys/mounts/{mount}"), &Value::Null);
    server.api().mount_kv(&mount, 2);
    server.api().write_kv2(&mount, "x", &json!({"n": "back"}));
    let back = async || read(&registry, "x/n").await.ok();
    eventually("the return", SOON, back, |value| value.as_deref() == Some("back")).await;
    Proof::of("31").note(
        "not found after a second look; said to be no KV mount; back once it is",
        proxy.requests().len(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_narrowed_ends_the_value_and_causes_no_login() {
    let server = Server::dev();
    let api = server.api();
    api.write_kv2("secret", "x", &json!({"n": "one"}));
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/web", &json!({"token_policies": "reader", "token_ttl": "1h"}));
    let id = api.get("auth/approle/role/web/role-id").1["data"]["role_id"].as_str().unwrap().to_owned();
    let secret = api.must("POST", "auth/approle/role/web/secret-id", &json!({}))["data"]["secret_id"].clone();
    let proxy = Proxy::in_front_of(&server);
    let auth = AppRoleAuth::new(&id, secret.as_str().unwrap());
    let vault = vault(&proxy.address(), "").auth(auth).ttl(Duration::from_secs(1));
    let registry = registry(vault.neg_ttl(Duration::from_secs(1)));
    let live = registry.watch(reference("x/n")).await.unwrap();
    api.policy("reader", r#"path "secret/data/other" { capabilities = ["read"] }"#);
    proxy.take_requests();
    let ended = async || live.current().err().map(|error| error.kind());
    eventually("the end", SOON, ended, |kind| *kind == Some(ErrorKind::PermissionDenied)).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        assert!(registry.get(reference("x/n")).await.is_err());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let requests = proxy.take_requests();
    assert_eq!(requests.iter().filter(|request| request.target.contains("auth/")).count(), 0);
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    eventually("the return", SOON, async || read(&registry, "x/n").await, Result::is_ok).await;
    Proof::of("33")
        .note("ended after a second look; no login, no look-up; back once allowed", requests.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_namespace_is_an_outage_and_a_missing_one_is_none() {
    let server = Server::shared();
    let name = mount();
    let inside = server.api().create_namespace(&name);
    inside.mount_kv("secret", 2);
    inside.write_kv2("secret", "x", &json!({"n": "one"}));
    let proxy = Proxy::in_front_of(server);
    let vault =
        |namespace: &str| vault(&proxy.address(), server.token()).namespace(namespace).auth_namespace("");
    let inside = registry(vault(&name).ttl(Duration::from_secs(1)));
    let live = inside.watch(reference("x/n")).await.unwrap();
    let lock = server.api().post(&format!("sys/namespaces/api-lock/lock/{name}"), &json!({}));
    assert_eq!(lock.0, 200, "{lock:?}");
    let locked = Instant::now();
    let (error, said) = loop {
        assert!(locked.elapsed() < Duration::from_secs(30), "the lock is not seen");
        // A refresh that may serve what is held says nothing of the lock; a version apart has nothing to serve.
        if let Err(error) = read(&inside, "x/n#1").await {
            break (error.kind(), format!("{error:?}"));
        }
    };
    assert!(
        error == ErrorKind::Unavailable && said.contains("locked by an administrator (HTTP 503"),
        "{said}"
    );
    assert!(live.current().is_ok(), "what was read before is served meanwhile");
    let key = lock.1["data"]["unlock_key"].clone();
    server.api().post(&format!("sys/namespaces/api-lock/unlock/{name}"), &json!({"unlock_key": key}));
    eventually("the return", SOON, async || read(&inside, "x/n#1").await, Result::is_ok).await;
    proxy.take_requests();
    let (error, said) = refused(&registry(vault("nobody")), "x/n").await;
    assert!(error.kind() == ErrorKind::NotFound && said.contains("no such namespace"), "{said}");
    Proof::of("34").note("locked: what is held is served; missing: not found", proxy.requests().len());
}
