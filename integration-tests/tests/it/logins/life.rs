//! The life of a token, counted at the server's door.

use std::time::{Duration, Instant};

use strongroom_core::ReadRequest;

use super::*;
use crate::faults::Proof;

const LOGIN: &str = "/v1/auth/approle/login";
const RENEW: &str = "/v1/auth/token/renew-self";
const LOOK_UP: &str = "/v1/auth/token/lookup-self";

struct Life {
    server: Server,
    proxy: Proxy,
    fields: Value,
}

/// A server with an AppRole of these settings, whose secret id logs in again and again.
fn life(settings: Value) -> Life {
    let server = server(Builder::dev());
    must(&server, "sys/auth/approle", json!({"type": "approle"}));
    let mut role = json!({"token_policies": "reader"});
    role.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    must(&server, "auth/approle/role/web", role);
    let role_id = server.api().get("auth/approle/role/web/role-id").1["data"]["role_id"].clone();
    let secret_id = must(&server, "auth/approle/role/web/secret-id", json!({}))["data"]["secret_id"].clone();
    let fields =
        json!({"auth_method": "approle", "approle_role_id": role_id, "approle_secret_id": secret_id});
    Life { proxy: Proxy::in_front_of(&server), server, fields }
}

impl Life {
    fn registry(&self) -> Registry {
        registry(&self.proxy.address(), self.fields.clone())
    }

    /// How many logins, renewals and lookups there were.
    fn counts(&self) -> (usize, usize, usize) {
        (self.proxy.count("POST", LOGIN), self.proxy.count("POST", RENEW), self.proxy.count("GET", LOOK_UP))
    }

    /// Notes what a fault has cost in requests about tokens.
    fn note(&self, number: &str, observed: &str) {
        let (logins, renewals, lookups) = self.counts();
        Proof::of(number).note(observed, logins + renewals + lookups);
    }

    fn revoke_everything(&self) {
        for accessor in self.server.api().list("auth/token/accessors").1["data"]["keys"].as_array().unwrap() {
            let body = json!({"accessor": accessor});
            let token = self.server.api().post("auth/token/lookup-accessor", &body).1;
            if token["data"]["path"] == "auth/approle/login" {
                must(&self.server, "auth/token/revoke-accessor", body);
            }
        }
    }
}

/// Reads every 100 ms for a while; every read succeeds.
async fn read_for(registry: &Registry, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        assert_eq!(name(registry).await, "ACME Inc.");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_revoked_from_outside_under_a_thousand_readers_costs_one_login() {
    let life = life(json!({"token_ttl": "1h"}));
    let registry = life.registry();
    assert_eq!(name(&registry).await, "ACME Inc.");
    tokio::time::sleep(Duration::from_secs(1)).await;
    life.revoke_everything();
    life.proxy.take_requests();
    let start = Instant::now();
    // The backend itself: the registry would ask it once for all of them.
    let backend = registry.vault("under-test").unwrap().backend().clone();
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let backend = backend.clone();
            tokio::spawn(async move {
                let read = backend.read(&ReadRequest::new("customer/acme")).await;
                let read = read.and_then(|document| document.get("name"));
                (read.map(|secret| secret.as_bytes() == b"ACME Inc."), start.elapsed())
            })
        })
        .collect();
    let mut first = Duration::MAX;
    for reader in readers {
        let (read, took) = reader.await.unwrap();
        assert!(read.unwrap());
        first = first.min(took);
    }
    assert!(first < Duration::from_secs(1), "recovered after {first:?}");
    assert_eq!(life.counts(), (1, 0, 1));
    life.note("9", "one look-up, one login; the first reader had its value within 1 s; requests about the token are counted");
}

#[tokio::test]
async fn a_periodic_token_lives_through_twenty_periods_with_one_login() {
    let life = life(json!({"token_period": "2s"}));
    let registry = life.registry();
    read_for(&registry, Duration::from_secs(40)).await;
    let (logins, renewals, _) = life.counts();
    // A token that this machine left alone for nearly a period has ended, and costs a login.
    let kept: Vec<_> = life.proxy.requests().into_iter().filter(|request| request.method == "POST").collect();
    let stalls =
        kept.windows(2).filter(|pair| pair[1].at - pair[0].at > Duration::from_millis(1_900)).count();
    assert!((1..=1 + stalls).contains(&logins), "{:?}, {stalls} stalls", life.counts());
    assert!((20 - stalls..=80).contains(&renewals), "{:?}, {stalls} stalls", life.counts());
    life.note("15", "one login, and a renewal or more in each of twenty periods; no read failed");
}

#[tokio::test]
async fn an_explicit_end_is_reached_without_a_gap() {
    let life = life(json!({"token_ttl": "4s", "token_explicit_max_ttl": "6s"}));
    let registry = life.registry();
    read_for(&registry, Duration::from_secs(14)).await;
    let (logins, renewals, _) = life.counts();
    assert!((2..=5).contains(&logins) && renewals <= 12, "{:?}", life.counts());
    life.note("13", "two ends in 14 s and no read failed; logins and renewals are counted");
}

#[tokio::test]
async fn a_batch_token_is_replaced_and_neither_renewed_nor_revoked() {
    // The server keeps a batch token's birth in whole seconds, so it may end up to one second early: a lease long
    // enough that its last tenth is more than that.
    let life = life(json!({"token_type": "batch", "token_ttl": "15s"}));
    let registry = life.registry();
    read_for(&registry, Duration::from_secs(14)).await;
    registry.shutdown().await;
    assert_eq!(life.counts(), (2, 0, 0));
    life.note("14", "a second login before the end, no renewal, no revocation; no read failed");
    assert_eq!(life.proxy.count("POST", "/v1/auth/token/revoke-self"), 0);
}

#[tokio::test]
async fn a_token_without_the_default_policy_is_renewed_in_vain_once() {
    let life = life(json!({"token_no_default_policy": true, "token_ttl": "6s"}));
    let registry = life.registry();
    read_for(&registry, Duration::from_secs(8)).await;
    let (logins, renewals, _) = life.counts();
    assert!(logins == 2 && renewals <= 2, "{:?}", life.counts());
    life.note("11", "renewed in vain once a lease, then one login; no read failed");
}

#[tokio::test]
async fn a_use_limited_token_is_replaced_before_it_is_spent_and_never_probed() {
    let life = life(json!({"token_num_uses": 8}));
    let registry = life.registry();
    for _ in 0..12 {
        assert_eq!(name(&registry).await, "ACME Inc.");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (logins, renewals, lookups) = life.counts();
    assert!((2..=3).contains(&logins) && (renewals, lookups) == (0, 0), "{:?}", life.counts());
    life.note("16", "twelve reads with tokens of eight uses: logins alone, no look-up, no renewal");
}

#[tokio::test]
async fn a_sealed_vault_costs_no_login() {
    let life = life(json!({"token_ttl": "1h"}));
    let registry = life.registry();
    assert_eq!(name(&registry).await, "ACME Inc.");
    life.proxy.intercept(|_, _| Reply::json(503, &json!({"errors": ["Vault is sealed"]})));
    for _ in 0..20 {
        assert_eq!(fault(&registry).await.0, ErrorKind::Sealed);
    }
    life.proxy.forward_all();
    assert_eq!(name(&registry).await, "ACME Inc.");
    assert_eq!(life.counts(), (1, 0, 0));
}

#[tokio::test]
async fn a_real_seal_costs_no_login_and_the_token_outlives_it() {
    let life = life(json!({"token_ttl": "1h"}));
    let registry = life.registry();
    assert_eq!(name(&registry).await, "ACME Inc.");
    life.server.seal();
    for _ in 0..20 {
        assert_eq!(fault(&registry).await.0, ErrorKind::Sealed);
        let kept = registry.get(REFERENCE).await.unwrap();
        assert_eq!(kept.as_bytes(), b"ACME Inc.", "what was read before is still there");
    }
    life.server.unseal();
    assert_eq!(name(&registry).await, "ACME Inc.");
    assert_eq!(life.counts(), (1, 0, 0));
}

#[tokio::test]
async fn a_token_that_ends_while_the_vault_is_cut_off_costs_one_login_afterwards() {
    let life = life(json!({"token_ttl": "4s", "token_max_ttl": "4s"}));
    let registry = life.registry();
    assert_eq!(name(&registry).await, "ACME Inc.");
    life.proxy.intercept(|_, _| Reply::cut());
    life.proxy.take_requests();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(8) {
        let kept = registry.get(REFERENCE).await.unwrap();
        assert_eq!(kept.as_bytes(), b"ACME Inc.", "what was read before is still there");
        let (kind, said) = fault(&registry).await;
        assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::Unauthenticated), "{said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (logins, renewals, lookups) = life.counts();
    assert!(logins <= 8 && renewals <= 8 && lookups <= 8, "{:?} while cut off", life.counts());
    life.proxy.forward_all();
    life.proxy.take_requests();
    let start = Instant::now();
    while registry.refresh(FIRST_VERSION).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(70), "no reader recovered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(name(&registry).await, "ACME Inc.");
    assert_eq!(life.counts().0, 1, "one login after the link is back");
    let cost = logins + renewals + lookups + 1;
    Proof::of("10").note(
        "served meanwhile; one login once the link was back; requests about the token are counted",
        cost,
    );
}

#[tokio::test]
async fn a_disabled_auth_mount_is_asked_at_its_rate_and_no_more() {
    let life = life(json!({"token_ttl": "1h"}));
    let registry = life.registry();
    assert_eq!(name(&registry).await, "ACME Inc.");
    life.server.api().must("DELETE", "sys/auth/approle", &Value::Null);
    life.proxy.take_requests();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(6) {
        assert_eq!(fault(&registry).await.0, ErrorKind::Unauthenticated);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (logins, _, lookups) = life.counts();
    assert!((1..=4).contains(&logins) && lookups <= 2, "{:?}", life.counts());
    life.note("20", "an error at once for each read, in 6 s as many logins and look-ups as are counted");
}

#[tokio::test]
async fn a_login_that_answers_nonsense_is_an_error_and_no_storm() {
    let life = life(json!({"token_ttl": "1h"}));
    let mut most = 0;
    for nonsense in
        ["{}", r#"{"auth":null}"#, r#"{"auth":{"client_token":""}}"#, "<html>", r#"{"auth":{"#, ""]
    {
        life.proxy.intercept(move |request, upstream| match request.target.as_str() {
            LOGIN => Reply::new(200).header("content-type", "application/json").body(nonsense),
            _ => upstream.forward(request),
        });
        life.proxy.take_requests();
        let registry = life.registry();
        for _ in 0..10 {
            assert!(registry.get(REFERENCE).await.is_err(), "{nonsense}");
        }
        assert!(life.counts().0 <= 2, "{nonsense}: {:?}", life.counts());
        most = most.max(life.counts().0);
    }
    Proof::of("18").note(
        "ten reads for each of six kinds of nonsense are errors; the most logins of a kind are counted",
        most,
    );
}

#[tokio::test]
async fn vaults_that_log_in_alike_share_one_token() {
    let life = life(json!({"token_ttl": "1h"}));
    life.server.api().mount_kv("other", 2);
    life.server.api().policy("reader", r#"path "+/data/*" { capabilities = ["read"] }"#);
    life.server.api().write_kv2("other", "customer/acme", &json!({"name": "Other Inc."}));
    let vault = |prefix: &str, mount: &str| {
        let mut config = life.fields.clone();
        let more = json!({"address": life.proxy.address(), "kv": "v2", "mount": mount});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"name": "hcv", "prefix": prefix, "config": config})
    };
    let file = json!({"vaults": [vault("one", "secret"), vault("two", "other")]}).to_string();
    let registry = Config::new().and_parse("vaults.json", &file, Format::Json).unwrap().build().unwrap();
    let before = tokens(&life.server);
    assert_eq!(registry.get("{vault://one/customer/acme/name}").await.unwrap().as_bytes(), b"ACME Inc.");
    assert_eq!(registry.get("{vault://two/customer/acme/name}").await.unwrap().as_bytes(), b"Other Inc.");
    assert_eq!(life.counts().0, 1);
    let one = registry.vault("one").unwrap();
    registry.remove("one").await.unwrap();
    let closed = one.backend().read(&ReadRequest::new("customer/acme")).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
    assert_eq!(registry.get("{vault://two/customer/acme/name}").await.unwrap().as_bytes(), b"Other Inc.");
    assert_eq!(tokens(&life.server), before + 1, "the token stays while somebody needs it");
    registry.shutdown().await;
    assert_eq!(tokens(&life.server), before);
    assert_eq!(life.counts().0, 1);
}
