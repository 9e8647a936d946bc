//! One login for all readers, and what becomes of its token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use strongroom_auth_approle::AppRoleAuth;
use strongroom_auth_token::TokenAuth;
use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Identity, LoginServer, Probe, Vault};
use strongroom_hashicorp::{HashicorpVault, KvVersion};
use strongroom_integration_tests::{Proxy, Reply, Server, Stub};

use super::{get, kv2, registry, vault};
use crate::logs::Logs;

const LOGIN: &str = "/v1/auth/approle/login";
const REVOKE: &str = "/v1/auth/token/revoke-self";

/// Longer than the least time between two logins.
const BEYOND_THE_FLOOR: Duration = Duration::from_millis(5200);

/// A server with an AppRole that may read everything, a recording proxy, and a login for it.
fn approle(role: serde_json::Value) -> (Server, Proxy, Vault) {
    let server = Server::dev();
    let api = server.api();
    api.write_kv2("secret", "x", &json!({"n": "1"}));
    api.policy("reader", "path \"secret/*\" { capabilities = [\"read\"] }");
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/web", &role);
    let id = api.must("GET", "auth/approle/role/web/role-id", &json!(null))["data"]["role_id"].clone();
    let secret = api.must("POST", "auth/approle/role/web/secret-id", &json!({}))["data"]["secret_id"].clone();
    let auth = AppRoleAuth::new(id.as_str().unwrap(), secret.as_str().unwrap());
    let proxy = Proxy::in_front_of(&server);
    let vault =
        HashicorpVault::builder().address(proxy.address()).kv(KvVersion::V2).auth(auth).build().unwrap();
    (server, proxy, vault)
}

/// Reads by so many at once; gives how many were served.
async fn readers(vault: &Vault, count: usize) -> usize {
    let registry = registry(vault.clone());
    let readers: Vec<_> = (0..count)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get("{vault://under-test/x/n}").await })
        })
        .collect();
    let mut served = 0;
    for reader in readers {
        match reader.await.unwrap() {
            Ok(_) => served += 1,
            Err(error) => eprintln!("{error:?}"),
        }
    }
    served
}

#[tokio::test]
async fn all_readers_share_one_login() {
    let (_server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    assert_eq!(readers(&vault, 50).await, 50);
    assert_eq!(proxy.count("POST", LOGIN), 1);
    let login = proxy.requests().into_iter().find(|request| request.target == LOGIN).unwrap();
    assert_eq!((login.header("x-vault-token"), login.header("x-vault-request")), (None, Some("true")));
    assert_eq!(login.header("content-type"), Some("application/json"));
    assert!(login.json()["secret_id"].is_string());
}

#[tokio::test]
async fn a_token_revoked_from_outside_costs_one_login() {
    let (server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    assert_eq!(readers(&vault, 1).await, 1);
    tokio::time::sleep(BEYOND_THE_FLOOR).await;
    server.api().must("POST", "sys/leases/revoke-prefix/auth/approle/login", &json!({}));
    proxy.take_requests();
    assert_eq!(readers(&vault, 50).await, 50);
    assert_eq!(proxy.count("POST", LOGIN), 1);
    assert!(proxy.count("GET", "/v1/secret/data/x") <= 100);
}

#[tokio::test]
async fn a_denial_costs_no_login() {
    let (server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    assert_eq!(readers(&vault, 1).await, 1);
    tokio::time::sleep(BEYOND_THE_FLOOR).await;
    server.api().policy("reader", "path \"secret/nothing\" { capabilities = [\"read\"] }");
    proxy.take_requests();
    for _ in 0..5 {
        assert_eq!(get(vault.clone(), "x/n").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    assert_eq!(proxy.count("POST", LOGIN), 0);
}

#[tokio::test]
async fn a_token_that_ends_is_replaced_before_it_does() {
    let (_server, proxy, vault) =
        approle(json!({"token_policies": ["reader"], "token_ttl": "2s", "token_max_ttl": "2s"}));
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_secs(7) {
        assert_eq!(readers(&vault, 1).await, 1);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (logins, passed) = (proxy.count("POST", LOGIN), started.elapsed());
    // Two at once, and then one in five seconds at most: till there is one again reads wait for it.
    let most = 3 + passed.as_secs() as usize / 5;
    assert!((3..=most).contains(&logins), "{logins} logins in {passed:?} with tokens of two seconds");
}

#[tokio::test]
async fn what_was_minted_here_is_given_back() {
    let (server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    assert_eq!(readers(&vault, 1).await, 1);
    let read = proxy.requests().into_iter().find(|request| request.target.ends_with("/x")).unwrap();
    let token = read.header("x-vault-token").unwrap().to_owned();
    let of = || server.api().with_token(&token).get("auth/token/lookup-self").0;
    assert_eq!(of(), 200);
    vault.backend().close().await;
    assert_eq!((of(), proxy.count("POST", REVOKE)), (403, 1));
    let error = get(vault, "x/n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn nothing_else_is_given_back() {
    let (_server, proxy, vault) = approle(json!({"token_policies": ["reader"], "token_type": "batch"}));
    assert_eq!(readers(&vault, 1).await, 1);
    vault.backend().close().await;
    assert_eq!(proxy.count("POST", REVOKE), 0);

    let server = Server::shared();
    server.api().write_kv2("secret", "x", &json!({"n": "1"}));
    let token = server.api().create_token(&json!({"policies": ["root"]}));
    let proxy = Proxy::in_front_of(server);
    let supplied = vault_with(&proxy, TokenAuth::new(token.as_str()));
    assert_eq!(readers(&supplied, 1).await, 1);
    supplied.backend().close().await;
    assert_eq!(proxy.count("POST", REVOKE), 0);
    assert_eq!(server.api().with_token(&token).get("auth/token/lookup-self").0, 200);
}

#[tokio::test]
async fn a_root_token_is_warned_of_once() {
    let logs = Logs::default();
    let _collecting = logs.collect();
    let server = Server::shared();
    server.api().write_kv2("secret", "x", &json!({"n": "1"}));
    let token = server.api().create_token(&json!({"policies": ["root"]}));
    let proxy = Proxy::in_front_of(server);
    let supplied = vault_with(&proxy, TokenAuth::new(token.as_str()));
    assert_eq!(readers(&supplied, 1).await, 1);
    let warned = || logs.count("the token is a root token");
    assert_eq!(warned(), 0, "a command that reads once asks nothing else");
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if warned() > 0 {
            break;
        }
    }
    supplied.backend().check(Probe::Careful).await.unwrap();
    assert_eq!(warned(), 1);
}

fn vault_with(proxy: &Stub, auth: impl AuthMethod) -> Vault {
    HashicorpVault::builder().address(proxy.address()).kv(KvVersion::V2).auth(auth).build().unwrap()
}

#[tokio::test]
async fn giving_back_takes_two_seconds_at_most() {
    let (_server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    assert_eq!(readers(&vault, 1).await, 1);
    proxy.intercept(|_, _| Reply::hang());
    let started = std::time::Instant::now();
    vault.backend().close().await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_rewritten_token_file_is_read_again() {
    let server = Server::shared();
    server.api().write_kv2("secret", "x", &json!({"n": "1"}));
    let proxy = Proxy::in_front_of(server);
    let file = tempfile::NamedTempFile::new().unwrap();
    let token = || server.api().create_token(&json!({"policies": ["root"]}));
    let first = token();
    std::fs::write(file.path(), &first).unwrap();
    let vault = vault_with(&proxy, TokenAuth::from_file(file.path()));
    assert_eq!(readers(&vault, 1).await, 1);
    server.api().revoke(&first);
    tokio::time::sleep(BEYOND_THE_FLOOR).await;
    // The file still holds the dead token: at most it is tried once and asked about, and nothing is sent for nothing.
    proxy.take_requests();
    assert_eq!(get(vault.clone(), "x/n").await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    assert!(proxy.requests().len() <= 2, "{:?}", proxy.requests().len());
    std::fs::write(file.path(), token()).unwrap();
    tokio::time::sleep(BEYOND_THE_FLOOR).await;
    assert_eq!(readers(&vault, 20).await, 20);
}

/// A login that fails or takes its time, and counts.
#[derive(Debug, Default)]
struct Slow {
    logins: Arc<AtomicUsize>,
    fails: bool,
    panics: bool,
}

#[async_trait]
impl AuthMethod for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn identity(&self) -> Identity {
        Identity::new("slow", &[])
    }
    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!self.panics, "on purpose");
        match self.fails {
            true => Err(Error::new(ErrorKind::Unauthenticated, "the credential is spent")),
            false => Ok(Grant::supplied("t".into())),
        }
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_failed_login_is_told_to_all_and_not_stormed() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let slow = Slow { fails: true, ..Slow::default() };
    let logins = slow.logins.clone();
    let vault = vault_with(&stub, slow);
    assert_eq!(readers(&vault, 20).await, 0);
    assert_eq!(readers(&vault, 20).await, 0);
    assert_eq!((logins.load(Ordering::SeqCst), stub.requests().len()), (1, 0));
    let error = get(vault, "x/n").await.unwrap_err();
    assert!(format!("{error:?}").contains("the credential is spent"), "{error:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_does_not_end_the_login() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let slow = Slow::default();
    let logins = slow.logins.clone();
    let vault = vault_with(&stub, slow);
    let first = tokio::time::timeout(Duration::from_millis(100), get(vault.clone(), "x/n")).await;
    assert!(first.is_err(), "the first reader goes away in the middle of the login");
    assert_eq!(readers(&vault, 5).await, 5);
    assert_eq!(logins.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_login_that_panics_is_an_error() {
    let stub = Stub::new(|_| kv2(&json!({"n": "1"})));
    let vault = vault_with(&stub, Slow { panics: true, ..Slow::default() });
    assert_eq!(get(vault.clone(), "x/n").await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(get(vault, "x/n").await.unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_login_closed_in_the_middle_leaves_no_token() {
    let (_server, proxy, vault) = approle(json!({"token_policies": ["reader"]}));
    proxy.intercept(|request, upstream| {
        let reply = upstream.forward(request);
        if request.target == LOGIN { reply.after(Duration::from_millis(300)) } else { reply }
    });
    let reader = tokio::spawn(get(vault.clone(), "x/n"));
    while proxy.count("POST", LOGIN) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    vault.backend().close().await;
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((proxy.count("POST", LOGIN), proxy.count("POST", REVOKE)), (1, 1));
}

#[tokio::test]
async fn logins_go_to_their_own_namespace() {
    let stub = Stub::new(|request| match request.target.as_str() {
        LOGIN => {
            Reply::json(200, &json!({"auth": {"client_token": "t", "lease_duration": 60, "renewable": true}}))
        }
        _ => kv2(&json!({"n": "1"})),
    });
    let builder = || vault(&stub.address(), "t").auth(AppRoleAuth::new("id", "secret"));
    for (vault, login, read) in [
        (builder().namespace("a"), Some("a"), Some("a")),
        (builder().namespace("a").auth_namespace("b"), Some("b"), Some("a")),
        (builder().namespace("a").auth_namespace("/"), None, Some("a")),
        (builder().auth_namespace("b"), Some("b"), None),
    ] {
        stub.take_requests();
        let vault = vault.build().unwrap();
        assert_eq!(readers(&vault, 1).await, 1);
        vault.backend().close().await;
        let sent: Vec<_> = stub
            .requests()
            .iter()
            .map(|request| request.header("x-vault-namespace").map(str::to_owned))
            .collect();
        assert_eq!(sent, [login, read, login].map(|namespace| namespace.map(str::to_owned)));
    }
}

#[tokio::test]
async fn nonsense_from_a_login_is_an_error_without_what_was_sent() {
    for (reply, kind) in [
        (Reply::json(200, &json!({"auth": null})), ErrorKind::InvalidResponse),
        (Reply::json(200, &json!({"auth": {"client_token": ""}})), ErrorKind::InvalidResponse),
        (Reply::new(200).body("<html>"), ErrorKind::InvalidResponse),
        (
            Reply::json(400, &json!({"errors": ["bad canary-7d21-secret for role"]})),
            ErrorKind::Unauthenticated,
        ),
        (Reply::json(403, &json!({"errors": ["permission denied"]})), ErrorKind::Unauthenticated),
        (Reply::json(500, &json!({"errors": ["internal"]})), ErrorKind::Unavailable),
    ] {
        let stub = Stub::new(move |_| reply.clone());
        let vault = vault(&stub.address(), "t").auth(AppRoleAuth::new("id", "canary-7d21-secret")).retries(0);
        let (error, said) = super::error(vault, "x/n").await;
        assert_eq!(error.kind(), kind, "{said}");
    }
}
