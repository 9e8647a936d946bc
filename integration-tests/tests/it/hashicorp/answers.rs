//! What the real server answers, told apart.

use serde_json::json;
use strongroom_core::ErrorKind;
use strongroom_hashicorp::KvVersion;
use strongroom_integration_tests::{Proxy, Server};

use super::{CANARY, error, expect, mount, on, targets, value, vault};

#[tokio::test]
async fn values_come_from_both_versions() {
    let server = Server::shared();
    let (old, new) = (mount(), mount());
    server.api().mount_kv(&old, 1);
    server.api().mount_kv(&new, 2);
    let data = json!({"name": "ACME Inc.", "port": 8200, "empty": "", "é": "ü"});
    server.api().write_kv1(&old, "customer/acme", &data);
    server.api().write_kv2(&new, "customer/acme", &data);
    for (mount, kv) in
        [(&old, KvVersion::V1), (&old, KvVersion::Auto), (&new, KvVersion::V2), (&new, KvVersion::Auto)]
    {
        let vault = || on(server).mount(mount.as_str()).kv(kv);
        assert_eq!(value(vault(), "customer/acme/name").await, "ACME Inc.");
        assert_eq!(value(vault(), "customer/acme/port").await, "8200");
        assert_eq!(value(vault(), "customer/acme/empty").await, "");
        assert_eq!(value(vault(), "customer/acme/é").await, "ü");
    }
}

#[tokio::test]
async fn kv_v1_keeps_every_digit() {
    let server = Server::shared();
    let mount = mount();
    server.api().mount_kv(&mount, 1);
    let (status, _) =
        server.api().send("POST", &format!("{mount}/n"), r#"{"z":12345678901234567890,"a":1.50}"#).unwrap();
    assert_eq!(status, 204);
    let vault = || on(server).mount(mount.as_str()).kv(KvVersion::V1);
    assert_eq!(value(vault(), "n/z").await, "12345678901234567890");
    assert_eq!(value(vault(), "n/a").await, "1.50");
}

#[tokio::test]
async fn versions_are_read_by_number() {
    let server = Server::shared();
    for n in ["one", "two", "three"] {
        server.api().write_kv2("secret", "answers/versions", &json!({"n": n}));
    }
    assert_eq!(value(on(server), "answers/versions/n").await, "three");
    assert_eq!(value(on(server), "answers/versions/n#1").await, "one");
    assert_eq!(value(on(server), "answers/versions/n#2").await, "two");
    let words = &["`answers/versions` has no version 99 (HTTP 404); the current one is 3"];
    expect(on(server), "answers/versions/n#99", ErrorKind::NotFound, words).await;
    let words = &["`answers/versions` has no version 18446744073709551615"];
    expect(on(server), "answers/versions/n#18446744073709551615", ErrorKind::NotFound, words).await;
    let words = &["there is no secret `answers/nothing` in mount `secret` (HTTP 404)"];
    expect(on(server), "answers/nothing/n#1", ErrorKind::NotFound, words).await;
}

#[tokio::test]
async fn a_version_of_what_keeps_none_is_refused_before_asking() {
    let server = Server::shared();
    let (mount, proxy) = (mount(), Proxy::in_front_of(server));
    server.api().mount_kv(&mount, 1);
    server.api().write_kv1(&mount, "x", &json!({"n": "1"}));
    let vault = || vault(&proxy.address(), server.token()).mount(mount.as_str());
    expect(vault().kv(KvVersion::V1), "x/n#2", ErrorKind::Unsupported, &["KV v1 keeps no versions"]).await;
    assert_eq!(proxy.requests().len(), 0);
    expect(vault().kv(KvVersion::Auto), "x/n#2", ErrorKind::Unsupported, &["KV v1 keeps no versions"]).await;
    assert_eq!(targets(&proxy.requests()), [format!("/v1/sys/internal/ui/mounts/{mount}")]);
}

#[tokio::test]
async fn missing_deleted_and_destroyed_are_three_things() {
    let server = Server::shared();
    let api = server.api();
    expect(
        on(server),
        "answers/never/n",
        ErrorKind::NotFound,
        &["there is no secret `answers/never` in mount `secret` (HTTP 404)"],
    )
    .await;

    for n in ["one", "two", "three"] {
        api.write_kv2("secret", "answers/gone", &json!({"n": n}));
    }
    api.delete_versions("secret", "answers/gone", &[3]);
    let words = &["version 3 of `answers/gone` was deleted at 20", "Z (HTTP 404); undelete it"];
    expect(on(server), "answers/gone/n", ErrorKind::Deleted, words).await;
    let words = &["`answers/gone` has no version 9 (HTTP 404)"];
    expect(on(server), "answers/gone/n#9", ErrorKind::NotFound, words).await;
    api.destroy_versions("secret", "answers/gone", &[1]);
    let words = &["version 1 of `answers/gone` was destroyed for good (HTTP 404)"];
    expect(on(server), "answers/gone/n#1", ErrorKind::Deleted, words).await;
    assert_eq!(value(on(server), "answers/gone/n#2").await, "two");
    api.undelete_versions("secret", "answers/gone", &[3]);
    assert_eq!(value(on(server), "answers/gone/n").await, "three");

    let (status, _) = api.send("POST", "secret/data/answers/null", r#"{"data":null}"#).unwrap();
    assert_eq!(status, 200);
    expect(
        on(server),
        "answers/null/n",
        ErrorKind::InvalidValue,
        &["version 1 of `answers/null` holds no data"],
    )
    .await;
}

#[tokio::test]
async fn a_wrong_kv_version_is_named_either_way() {
    let server = Server::shared();
    let (old, new) = (mount(), mount());
    server.api().mount_kv(&old, 1);
    server.api().mount_kv(&new, 2);
    server.api().write_kv1(&old, "x", &json!({"n": "1"}));
    server.api().write_kv2(&new, "x", &json!({"n": "1"}));
    let words = &["is KV v2, but this vault is set to KV v1 (HTTP 404): set `kv: v2`"];
    expect(on(server).mount(&new).kv(KvVersion::V1), "x/n", ErrorKind::InvalidConfig, words).await;
    let words = &["is KV v1, but this vault is set to KV v2 (HTTP 404): set `kv: v1`"];
    expect(on(server).mount(&old).kv(KvVersion::V2), "x/n", ErrorKind::InvalidConfig, words).await;

    // A policy for one version denies the paths of the other.
    server.api().policy(&new, &format!("path \"{new}/data/*\" {{ capabilities = [\"read\"] }}"));
    let token = server.api().create_token(&json!({"policies": [new]}));
    let words = &["is KV v2, but this vault is set to KV v1 (HTTP 403): set `kv: v2`"];
    let narrow = vault(&server.address(), &token).mount(&new).kv(KvVersion::V1);
    expect(narrow, "x/n", ErrorKind::InvalidConfig, words).await;
}

#[tokio::test]
async fn a_missing_mount_and_namespace_are_named() {
    let server = Server::shared();
    let words = &["there is no mount `nowhere` (HTTP 404: no handler for route", "check `mount`"];
    expect(on(server).mount("nowhere"), "x/n", ErrorKind::NotFound, words).await;
    let words = &[
        "the KV version of mount `nowhere` cannot be found out (HTTP 403: preflight",
        "set `kv: v1` or `kv: v2`",
    ];
    expect(on(server).mount("nowhere").kv(KvVersion::Auto), "x/n", ErrorKind::PermissionDenied, words).await;
    let words = &["there is no such namespace (HTTP 404: namespace not found)", "namespace `nobody`)"];
    expect(on(server).namespace("nobody"), "x/n", ErrorKind::NotFound, words).await;
    let transit = mount();
    server.api().must("POST", &format!("sys/mounts/{transit}"), &json!({"type": "transit"}));
    let words = &["is no KV mount (HTTP 404: 1 error occurred: * unsupported path)"];
    expect(on(server).mount(&transit), "x/n", ErrorKind::InvalidConfig, words).await;
    let words = &["is no KV mount (HTTP 200): check `mount`"];
    expect(on(server).mount(&transit).kv(KvVersion::Auto), "x/n", ErrorKind::InvalidConfig, words).await;
}

#[tokio::test]
async fn a_denial_is_no_dead_token_and_the_other_way_round() {
    let server = Server::shared();
    server.api().write_kv2("secret", "answers/denied", &json!({"n": CANARY}));
    server.api().policy("answers-ro", "path \"secret/data/other/*\" { capabilities = [\"read\"] }");
    let token = server.api().create_token(&json!({"policies": ["answers-ro"]}));
    let words =
        &["permission denied (HTTP 403: 1 error occurred: * permission denied): the token may not read \
         `secret/data/answers/denied`; grant `read` on it in a policy"];
    expect(vault(&server.address(), &token), "answers/denied/n", ErrorKind::PermissionDenied, words).await;

    server.api().revoke(&token);
    for dead in [token.as_str(), "hvs.CAESInever-was-a-token-canary", "x"] {
        let words = &["the token is not accepted (HTTP 403: permission denied): it has ended, was revoked"];
        let (error, said) = error(vault(&server.address(), dead), "answers/denied/n").await;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{said}");
        assert!(said.contains(words[0]) && !error.is_retryable(), "{said}");
    }
}

#[tokio::test]
async fn a_sealed_vault_says_so_and_may_be_asked_again() {
    let server = Server::dev();
    server.api().write_kv2("secret", "x", &json!({"n": "1"}));
    server.seal();
    let (error, said) = error(on(&server).retries(1), "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Sealed, "{said}");
    assert!(error.is_retryable(), "{said}");
    assert!(
        said.contains("the vault is sealed (HTTP 503: Vault is sealed) and answers once it is unsealed"),
        "{said}"
    );
    assert!(said.contains("given up after 2 tries"), "{said}");
    server.unseal();
    assert_eq!(value(on(&server), "x/n").await, "1");
}

#[tokio::test]
async fn namespaces_are_kept_apart() {
    let server = Server::shared();
    let name = mount();
    let inside = server.api().create_namespace(&name);
    inside.mount_kv("secret", 2);
    inside.write_kv2("secret", "where", &json!({"n": "inside"}));
    server.api().write_kv2("secret", "where", &json!({"n": "outside"}));
    assert_eq!(value(on(server), "where/n").await, "outside");
    assert_eq!(value(on(server).namespace(&name), "where/n").await, "inside");
    assert_eq!(
        value(on(server).namespace(format!("/{name}/")).kv(KvVersion::Auto), "where/n").await,
        "inside"
    );
    // The root token cannot be asked about in a namespace where it does not live, but may read there.
    let vault = on(server).namespace(&name).auth_namespace("").build().unwrap();
    assert!(vault.backend().check(strongroom_core::Probe::Careful).await.is_ok());
}

#[tokio::test]
async fn mounts_and_secrets_may_have_awkward_names() {
    let server = Server::shared();
    let team = format!("team-{}/kv", mount());
    server.api().mount_kv(&team, 2);
    let data = format!("{}/data", mount());
    server.api().mount_kv(&data, 2);
    for mount in [&team, &data, &"secret".to_owned()] {
        for secret in ["data", "metadata", "data/data", "x/data/y"] {
            server.api().write_kv2(mount, secret, &json!({"n": secret}));
            assert_eq!(value(on(server).mount(mount), &format!("{secret}/n")).await, secret);
            assert_eq!(
                value(on(server).mount(mount).kv(KvVersion::Auto), &format!("{secret}/n")).await,
                secret
            );
        }
    }
}

#[tokio::test]
async fn a_mount_that_becomes_versioned_is_noticed() {
    let server = Server::shared();
    let mount = mount();
    let proxy = Proxy::in_front_of(server);
    server.api().mount_kv(&mount, 1);
    server.api().write_kv1(&mount, "x", &json!({"n": "old"}));
    let vault = vault(&proxy.address(), server.token()).mount(&mount).kv(KvVersion::Auto).build().unwrap();
    let registry = super::registry(vault.clone());
    let read = async || {
        let fetched = registry.refresh("{vault://under-test/x/n}").await.unwrap();
        fetched.value.as_str().unwrap().to_owned()
    };
    assert_eq!(read().await, "old");
    assert!(vault.backend().describe().to_string().ends_with("KV v1"));
    server.api().must("POST", &format!("sys/mounts/{mount}/tune"), &json!({"options": {"version": "2"}}));
    // The upgrade takes a moment, in which the server answers neither way.
    let mut upgraded = false;
    for _ in 0..200 {
        let (status, _) = server.api().get(&format!("{mount}/data/x"));
        upgraded = status == 200;
        if upgraded {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(upgraded, "the mount was not upgraded");
    proxy.take_requests();
    assert_eq!(read().await, "old");
    assert!(vault.backend().describe().to_string().ends_with("KV v2"));
    assert!(proxy.requests().len() <= 3, "{:?}", targets(&proxy.requests()));
    let requests = proxy.requests().len();
    crate::faults::Proof::of("30")
        .note("read as KV v1, found out, read as KV v2: the first reader has its value", requests);
}

#[tokio::test]
async fn the_servers_own_expiry_comes_with_the_document() {
    let server = Server::shared();
    server.api().must("POST", "secret/metadata/answers/expires", &json!({"delete_version_after": "1h"}));
    server.api().write_kv2("secret", "answers/expires", &json!({"n": "1"}));
    let vault = on(server).build().unwrap();
    let request = strongroom_core::ReadRequest::new("answers/expires");
    let document = vault.backend().read(&request).await.unwrap();
    let left = document.expires_at().unwrap().duration_since(document.created().unwrap()).unwrap();
    assert_eq!(left.as_secs(), 3600);
}
