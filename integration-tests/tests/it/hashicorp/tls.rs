//! Whom a vault trusts.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use strongroom_core::{
    AuthMethod, ClientIdentity, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer,
};
use strongroom_hashicorp::HashicorpVaultBuilder;
use strongroom_integration_tests::pki::Validity;
use strongroom_integration_tests::{Ca, Pair, Reply, Server, Stub};

use super::{CANARY, error, expect, hasty, on, value, vault};
use crate::logs::Logs;

fn server_with(ca: &Ca, pair: &Pair) -> Server {
    let server = Server::builder().tls_with(ca, pair).start();
    server.api().write_kv2("secret", "x", &json!({"n": "over TLS"}));
    server
}

async fn refused(vault: HashicorpVaultBuilder, words: &[&str]) {
    let (error, said) = error(vault, "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{said}");
    assert!(!error.is_retryable() && !said.contains("given up"), "a certificate does not get better: {said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn a_private_authority_is_the_only_one() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = server_with(&ca, &ca.server_cert(&["127.0.0.1"]));
    assert_eq!(value(on(&server).ca_cert_file(server.ca_file()), "x/n").await, "over TLS");
    assert_eq!(value(on(&server).ca_cert(ca.pem()), "x/n").await, "over TLS");
    let both = format!("{}\n{}", other.pem(), ca.pem());
    assert_eq!(value(on(&server).ca_cert(both), "x/n").await, "over TLS");

    let peer = format!("no TLS with 127.0.0.1:{}: ", server.port());
    let words = &[
        peer.as_str(),
        "the certificate of `127.0.0.1` is not trusted, its issuer is unknown; set `ca_cert_file`",
    ];
    refused(on(&server).ca_cert(other.pem()), words).await;
    let missing = on(&server).ca_cert_file("/nowhere/ca.pem");
    expect(
        missing,
        "x/n",
        ErrorKind::InvalidConfig,
        &["the CA file `/nowhere/ca.pem` cannot be read: No such file"],
    )
    .await;
    let empty = tempfile::NamedTempFile::new().unwrap();
    let words = &["holds no certificate in PEM"];
    expect(on(&server).ca_cert_file(empty.path()), "x/n", ErrorKind::InvalidConfig, words).await;
}

#[tokio::test]
async fn a_certificate_is_for_a_name_and_a_time() {
    let ca = Ca::new();
    let server = server_with(&ca, &ca.server_cert(&["vault.internal"]));
    let trusting = || on(&server).ca_cert(ca.pem());
    let words = &["certificate not valid for name \"127.0.0.1\"", "vault.internal", "set `tls_server_name`"];
    refused(trusting(), words).await;
    assert_eq!(value(trusting().tls_server_name("Vault.Internal"), "x/n").await, "over TLS");
    refused(trusting().tls_server_name("other.internal"), &["not valid for name \"other.internal\""]).await;

    for (validity, word) in [(Validity::Expired, "expired"), (Validity::Future, "not valid yet")] {
        let server = server_with(&ca, &ca.server_cert_valid(validity));
        refused(on(&server).ca_cert(ca.pem()), &["the certificate of `127.0.0.1` is not trusted", word])
            .await;
    }
}

#[tokio::test]
async fn the_server_name_is_asked_for_and_the_host_stays() {
    let ca = Ca::new();
    let pair = ca.server_cert(&["vault.internal"]);
    let chain =
        CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = rustls::ServerConnection::new(config).unwrap();
        let mut head = [0; 4096];
        let read = rustls::Stream::new(&mut tls, &mut socket).read(&mut head).unwrap();
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        sender.send((tls.server_name().map(str::to_owned), head)).unwrap();
    });
    let vault =
        hasty(&format!("https://localhost:{port}")).ca_cert(ca.pem()).tls_server_name("vault.internal");
    let _ = error(vault, "x/n").await;
    let (name, head) = receiver.recv_timeout(Duration::from_secs(5)).unwrap();
    assert_eq!(name.as_deref(), Some("vault.internal"));
    assert!(head.to_lowercase().contains(&format!("\r\nhost: localhost:{port}\r\n")), "{head}");
    assert!(head.starts_with("GET /v1/secret/data/x HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn verification_is_off_only_where_somebody_says_so() {
    let (ca, logs) = (Ca::new(), Logs::default());
    let server = server_with(&ca, &ca.server_cert(&["other.internal"]));
    let _guard = logs.collect();
    let vault = on(&server).ssl_verify(false).build().unwrap();
    for _ in 0..3 {
        assert_eq!(super::get(vault.clone(), "x/n").await.unwrap().as_bytes(), b"over TLS");
    }
    assert_eq!(logs.count("ssl_verify is false"), 1, "{}", logs.text());
    assert!(!logs.text().contains(server.token()) && !logs.text().contains("over TLS"), "{}", logs.text());
}

#[tokio::test]
async fn plain_http_to_another_machine_is_warned_about_once() {
    let logs = Logs::default();
    let _guard = logs.collect();
    let vault = || hasty("http://192.0.2.1:9").connect_timeout(Duration::from_millis(50));
    let there = vault().build().unwrap();
    for _ in 0..2 {
        super::get(there.clone(), "x/n").await.unwrap_err();
    }
    assert_eq!(logs.count("plain http"), 1, "{}", logs.text());
    assert!(!logs.text().contains(CANARY), "{}", logs.text());
}

#[tokio::test]
async fn http_and_https_are_not_mixed_up() {
    let ca = Ca::new();
    let server = server_with(&ca, &ca.server_cert(&["127.0.0.1"]));
    let words = &[
        "the server wants https at this port (HTTP 400: Client sent an HTTP request to an HTTPS server.)",
        "`protocol: https`",
    ];
    let plain = vault(&format!("http://127.0.0.1:{}", server.port()), "t");
    expect(plain, "x/n", ErrorKind::InvalidConfig, words).await;
    let secure = server.plain_address().replace("http://", "https://");
    refused(vault(&secure, "t").ca_cert(ca.pem()), &["this port does not speak TLS"]).await;
}

/// A login that presents a certificate.
#[derive(Debug)]
struct Presents(ClientIdentity);

#[async_trait]
impl AuthMethod for Presents {
    fn name(&self) -> &'static str {
        "presents"
    }
    fn identity(&self) -> Identity {
        Identity::new("presents", &[])
    }
    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let answer = server.call(LoginCall::new("auth/cert/login").identity(&self.0)).await?;
        Grant::from_answer(&answer)
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_client_certificate_that_cannot_serve_is_never_presented() {
    let ca = Ca::new();
    let (good, other) = (ca.client_cert("web"), ca.client_cert("web"));
    let [expired, future] =
        [Validity::Expired, Validity::Future].map(|validity| ca.client_cert_valid("web", validity));
    let stub = Stub::new(|_| Reply::new(500));
    let address = stub.address().replace("http://", "https://");
    let logging_in = |chain: &str, key: &str| {
        let identity = ClientIdentity::from_pem(chain, key);
        hasty(&address).ca_cert(ca.pem()).auth(Presents(identity))
    };
    for (chain, key, words) in [
        (
            &expired.certificate,
            &expired.key,
            "the client certificate is out of its time: certificate expired",
        ),
        (
            &future.certificate,
            &future.key,
            "the client certificate is out of its time: certificate not valid yet",
        ),
        (&good.certificate, &other.key, "the client key does not belong to the client certificate"),
        (&good.certificate, &good.certificate, "the client key is not a private key in PEM"),
        (&good.key, &good.key, "the client certificate holds no certificate in PEM"),
    ] {
        expect(logging_in(chain, key), "x/n", ErrorKind::InvalidConfig, &[words]).await;
    }
    assert_eq!(stub.connections(), 0);
    let (_, said) = error(logging_in(&good.certificate, &good.key), "x/n").await;
    assert!(said.contains("could not connect") && stub.connections() == 1, "{said}");
}

/// Runs the rest of a test in a process of its own, with these variables; true in that process.
fn alone(test: &str, variables: &[(&str, &str)]) -> bool {
    const MARK: &str = "STRONGROOM_TEST_ALONE";
    if std::env::var(MARK).is_ok_and(|name| name == test) {
        return true;
    }
    let name = format!("hashicorp::tls::{test}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name.as_str(), "--exact", "--nocapture"]).env(MARK, test).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

const NO_STORE: [(&str, &str); 2] = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];

#[tokio::test]
async fn an_empty_trust_store_of_the_system_matters_only_where_it_is_asked() {
    if !alone("an_empty_trust_store_of_the_system_matters_only_where_it_is_asked", &NO_STORE) {
        return;
    }
    let ca = Ca::new();
    let server = server_with(&ca, &ca.server_cert(&["127.0.0.1"]));
    assert_eq!(value(vault(&server.plain_address(), server.token()), "x/n").await, "over TLS");
    assert_eq!(value(on(&server).ca_cert(ca.pem()), "x/n").await, "over TLS");
    let words = &["the system's trusted certificates cannot be used", "set `ca_cert_file`"];
    expect(on(&server), "x/n", ErrorKind::InvalidConfig, words).await;
}

#[tokio::test]
async fn the_systems_trust_store_is_not_added_to_a_private_authority() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let name = "the_systems_trust_store_is_not_added_to_a_private_authority";
    if !alone(name, &[("SSL_CERT_FILE", &path), ("SSL_CERT_DIR", "/nowhere")]) {
        return;
    }
    let (ca, other) = (Ca::new(), Ca::new());
    std::fs::write(std::env::var("SSL_CERT_FILE").unwrap(), ca.pem()).unwrap();
    let server = server_with(&ca, &ca.server_cert(&["127.0.0.1"]));
    assert_eq!(value(on(&server), "x/n").await, "over TLS");
    refused(on(&server).ca_cert(other.pem()), &["its issuer is unknown"]).await;
}

#[tokio::test]
async fn the_programs_own_provider_is_used_and_none_is_installed() {
    if !alone("the_programs_own_provider_is_used_and_none_is_installed", &[]) {
        return;
    }
    let ca = Ca::new();
    let server = server_with(&ca, &ca.server_cert(&["127.0.0.1"]));
    let read = async || value(on(&server).ca_cert(ca.pem()), "x/n").await;
    // Both providers are compiled in here, which is where a bare configuration panics.
    assert_eq!(read().await, "over TLS");
    assert!(CryptoProvider::get_default().is_none());
    rustls::crypto::ring::default_provider().install_default().unwrap();
    assert_eq!(read().await, "over TLS");
    assert_eq!(value(vault(&server.plain_address(), server.token()), "x/n").await, "over TLS");
}
