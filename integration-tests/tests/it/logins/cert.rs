//! Client certificates.

use super::*;

struct Setup {
    server: Server,
    clients: Ca,
    dir: tempfile::TempDir,
}

fn setup() -> Setup {
    let (servers, clients) = (Ca::new(), Ca::new());
    let pair = servers.server_cert(&["127.0.0.1", "localhost"]);
    let server =
        server(Server::builder().tls_with(&servers, &pair).tls_option("tls_disable_client_certs = false"));
    must(&server, "sys/auth/corp/cert", json!({"type": "cert"}));
    let role = json!({"certificate": clients.pem(), "token_policies": "reader"});
    must(&server, "auth/corp/cert/certs/web", role);
    Setup { server, clients, dir: tempfile::tempdir().unwrap() }
}

fn fields(setup: &Setup) -> Value {
    let file = |name: &str| setup.dir.path().join(name).to_str().unwrap().to_owned();
    json!({
        "auth_method": "cert", "cert_auth_cert_file": file("cert"), "cert_auth_cert_key_file": file("key"),
        "cert_auth_role_name": "web", "cert_auth_path": "corp/cert", "ca_cert_file": setup.server.ca_file()
    })
}

fn write_pair(setup: &Setup, certificate: &str, key: &str) {
    write(&setup.dir.path().join("cert"), certificate);
    write(&setup.dir.path().join("key"), key);
}

#[tokio::test]
async fn a_client_certificate_logs_in_and_a_foreign_one_does_not() {
    let setup = setup();
    let pair = setup.clients.client_cert("web");
    write_pair(&setup, &pair.certificate, &pair.key);
    reads_and_gives_back(&setup.server, &registry(&setup.server.address(), fields(&setup))).await;

    let foreign = Ca::new().client_cert("web");
    write_pair(&setup, &foreign.certificate, &foreign.key);
    let (kind, text) = fault(&registry(&setup.server.address(), fields(&setup))).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(text.contains("HTTP 400") && text.contains("no role trusts its CA"), "{text}");
}

#[tokio::test]
async fn a_pair_that_does_not_match_and_plain_http_are_refused_before_anything_is_sent() {
    let setup = setup();
    let (one, two) = (setup.clients.client_cert("one"), setup.clients.client_cert("two"));
    write_pair(&setup, &one.certificate, &two.key);
    let (kind, text) = fault(&registry(&setup.server.address(), fields(&setup))).await;
    assert_eq!(kind, ErrorKind::InvalidConfig);
    assert!(text.contains("the client key does not belong to the client certificate"), "{text}");

    write_pair(&setup, &one.certificate, &one.key);
    let stub = Stub::new(|_| Reply::new(500));
    let (_, text) = fault(&registry(&stub.address(), fields(&setup))).await;
    assert!(text.contains("needs an https address"), "{text}");
    assert!(stub.requests().is_empty());
}
