//! Handshakes in memory with certificates from a vault in memory.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use strongroom_integration_tests::{Ca, Pair};

use super::*;
use crate::logs::Logs;
use crate::{ErrorKind, MemoryVault, Registry, Vault};

const SECRET: &str = "{vault://my-vault/tls/example/}";

struct Fixture {
    vault: Arc<MemoryVault>,
    registry: Registry,
    ca: Ca,
}

impl Fixture {
    fn new() -> Self {
        let vault = Arc::new(MemoryVault::new());
        let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build().unwrap();
        Self { vault, registry, ca: Ca::new() }
    }

    async fn write(&self, certificate: &str, key: &str) {
        let text = |text: &str| text.replace('\n', "\\n");
        let document =
            format!(r#"{{"certificate": "{}", "private_key": "{}"}}"#, text(certificate), text(key));
        self.vault.set("tls/example", &document).unwrap();
        self.registry.refresh(SECRET).await.unwrap();
    }

    async fn rotate(&self) -> Pair {
        let pair = self.ca.server_cert(&["localhost"]);
        self.write(&pair.certificate, &pair.key).await;
        pair
    }

    async fn certificate(&self) -> Result<Arc<LiveCertificate>, Error> {
        let document = self.registry.watch_document(SECRET).await?;
        LiveCertificate::new(document, Arc::new(default_provider())).map(Arc::new)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(der(self.ca.pem())).unwrap();
        Arc::new(roots)
    }

    fn client(&self) -> Arc<ClientConfig> {
        let mut config = client().with_root_certificates(self.roots()).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }
}

fn client() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn server() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// A handshake in memory: the certificates that the client and the server saw.
fn handshake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
) -> Result<[Option<CertificateDer<'static>>; 2], rustls::Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &*wire).unwrap();
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut &*wire).unwrap();
        client.process_new_packets()?;
    }
    let seen = |certificates: Option<&[CertificateDer<'static>]>| certificates.map(|chain| chain[0].clone());
    Ok([seen(client.peer_certificates()), seen(server.peer_certificates())])
}

#[tokio::test]
async fn the_next_handshake_sees_a_rotation() {
    let fixture = Fixture::new();
    let first = fixture.rotate().await;
    let certificate = fixture.certificate().await.unwrap();
    let server = Arc::new(server().with_no_client_auth().with_cert_resolver(certificate.clone()));
    let client = fixture.client();
    let mut expected = first;
    for _ in 0..5 {
        for _ in 0..2 {
            let [seen, _] = handshake(&client, &server).unwrap();
            assert_eq!(seen.unwrap(), der(&expected.certificate));
        }
        assert!(Arc::ptr_eq(&certificate.current().unwrap(), &certificate.current().unwrap()), "parsed once");
        expected = fixture.rotate().await;
    }
    let shown = format!("{certificate:?}");
    assert!(shown.contains("tls/example") && !shown.contains("BEGIN"), "{shown}");
}

#[tokio::test]
async fn a_pair_that_cannot_serve_is_refused_and_the_one_before_it_stays() {
    let fixture = Fixture::new();
    let good = fixture.rotate().await;
    let certificate = fixture.certificate().await.unwrap();
    assert!(certificate.refused().is_none());
    let server = Arc::new(server().with_no_client_auth().with_cert_resolver(certificate.clone()));
    let client = fixture.client();
    let other = fixture.ca.server_cert(&["localhost"]);
    let no_der = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n";
    for (chain, key, words) in [
        (&*other.certificate, &*good.key, "the field `private_key` does not belong to the certificate"),
        (&*good.certificate, &*other.key, "the field `private_key` does not belong to the certificate"),
        ("canary", &*good.key, "the field `certificate` holds no certificate in PEM"),
        ("", &*good.key, "the field `certificate` holds no certificate in PEM"),
        ("-----BEGIN canary", &*good.key, "the field `certificate` is not PEM text"),
        (no_der, &*good.key, "the field `certificate` holds a certificate that cannot be read"),
        (&*good.certificate, "canary", "the field `private_key` holds no private key in PEM"),
        (&*good.certificate, no_key, "the field `private_key` holds a private key that the crypto provider"),
        (&*good.certificate, &*good.certificate, "the field `private_key` holds no private key in PEM"),
    ] {
        fixture.write(chain, key).await;
        let logs = Logs::default();
        let collecting = logs.collect();
        for _ in 0..2 {
            let [seen, _] = handshake(&client, &server).unwrap();
            assert_eq!(seen.unwrap(), der(&good.certificate));
        }
        drop(collecting);
        assert_eq!((logs.count("goes on being served"), logs.count(words)), (1, 1), "{}", logs.text());
        assert!(!logs.text().contains("canary") && !logs.text().contains("Y2Fu"), "{}", logs.text());
        let error = certificate.refused().unwrap();
        let said = format!("{error:?}");
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(said.contains(words) && said.contains("tls/example/"), "{said}");
        assert!(!said.contains("canary") && !said.contains("Y2Fu") && !said.contains('\n'), "{said}");
        assert_eq!(fixture.certificate().await.unwrap_err().kind(), ErrorKind::InvalidValue);
    }
    fixture.write(&other.certificate, &other.key).await;
    let [seen, _] = handshake(&client, &server).unwrap();
    assert_eq!(seen.unwrap(), der(&other.certificate));
    assert!(certificate.refused().is_none());
}

#[tokio::test]
async fn what_may_no_longer_be_served_is_not() {
    let fixture = Fixture::new();
    fixture.rotate().await;
    let certificate = fixture.certificate().await.unwrap();
    let server = Arc::new(server().with_no_client_auth().with_cert_resolver(certificate.clone()));
    // One that would resume its session.
    let returning = Arc::new(client().with_root_certificates(fixture.roots()).with_no_client_auth());
    handshake(&returning, &server).unwrap();
    fixture.registry.remove("my-vault").await.unwrap();
    let logs = Logs::default();
    let collecting = logs.collect();
    for client in [&fixture.client(), &fixture.client(), &returning] {
        assert!(handshake(client, &server).is_err());
    }
    drop(collecting);
    assert_eq!(logs.count("no certificate that may be served"), 1, "{}", logs.text());
    assert_eq!(certificate.current().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(certificate.refused().unwrap().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_client_follows_its_certificate_too() {
    let fixture = Fixture::new();
    let of_the_server = fixture.ca.server_cert(&["localhost"]);
    let verifier = WebPkiClientVerifier::builder_with_provider(fixture.roots(), Arc::new(default_provider()));
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(of_the_server.key.as_bytes()).unwrap();
    let server = server()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![der(&of_the_server.certificate)], key)
        .unwrap();
    let server = Arc::new(server);

    let write = async || {
        let pair = fixture.ca.client_cert("proxy");
        fixture.write(&pair.certificate, &pair.key).await;
        pair
    };
    write().await;
    let certificate = fixture.certificate().await.unwrap();
    let mut config = client().with_root_certificates(fixture.roots()).with_client_cert_resolver(certificate);
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    for _ in 0..3 {
        let pair = write().await;
        let [_, seen] = handshake(&config, &server).unwrap();
        assert_eq!(seen.unwrap(), der(&pair.certificate));
    }
    fixture.registry.remove("my-vault").await.unwrap();
    assert!(handshake(&config, &server).is_err(), "the server insists on one");
}

#[tokio::test]
async fn fields_have_the_names_that_one_gives_them() {
    let fixture = Fixture::new();
    let pair = fixture.ca.server_cert(&["localhost"]);
    let text = |text: &str| text.replace('\n', "\\n");
    let document =
        format!(r#"{{"tls.crt": "{}", "tls.key": "{}"}}"#, text(&pair.certificate), text(&pair.key));
    fixture.vault.set("tls/example", &document).unwrap();
    let secret = fixture.registry.watch_document(SECRET).await.unwrap();
    let provider = Arc::new(default_provider());
    let error = LiveCertificate::new(secret.clone(), provider.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let fields = CertificateFields::new("tls.crt", "tls.key");
    let certificate = LiveCertificate::with_fields(secret, fields, provider).unwrap();
    assert_eq!(certificate.current().unwrap().cert, [der(&pair.certificate)]);
}
