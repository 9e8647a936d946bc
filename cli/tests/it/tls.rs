//! Whom the command trusts, on a real TLS listener.

use serde_json::json;
use strongroom_integration_tests::pki::Validity;
use strongroom_integration_tests::{Ca, Server};

use crate::harness::{Cli, Run};
use crate::server;

const REFERENCE: &str = "my-v2/tls/value/name";

/// A TLS server with the secret of [`REFERENCE`], and a token to read it with.
fn tls_server(server: strongroom_integration_tests::Builder) -> (Server, String) {
    let server = server.start();
    server.api().write_kv2("secret", "tls/value", &json!({"name": "canary"}));
    let token = server::token(server.api(), "tls", &["root"]);
    (server, token)
}

#[track_caller]
fn get(cli: &Cli) -> Run {
    cli.run(&["-c", "kong.yaml", "get", REFERENCE])
}

fn cli(server: &Server, token: &str, config: &str) -> Cli {
    let config = format!("address: '{}', kv: v2, retries: 1, {config}", server.address());
    server::cli_with(token, &[("my-v2", config)])
}

#[test]
fn a_private_ca_is_the_only_root() {
    let (server, token) = tls_server(Server::builder().tls());
    let peer = format!("no TLS with 127.0.0.1:{}: ", server.port());
    let untrusted = format!(
        "{peer}the certificate of `127.0.0.1` is not trusted, its issuer is unknown; set `ca_cert_file`"
    );

    let ca_file = server.ca_file();
    get(&cli(&server, &token, &format!("ca_cert_file: '{}'", ca_file.display()))).prints("canary\n");
    let inline = cli(&server, &token, "ca_cert: ${{ env \"DECK_CA\" }}");
    get(&inline.variable("DECK_CA", std::fs::read_to_string(&ca_file).unwrap())).prints("canary\n");

    get(&cli(&server, &token, "")).fails_with(1, &untrusted);
    let wrong = cli(&server, &token, "ca_cert_file: wrong.pem").file("wrong.pem", Ca::new().pem());
    get(&wrong).fails_with(1, &untrusted);
}

#[test]
fn verification_is_switched_off_with_a_warning_that_comes_last() {
    let (server, token) = tls_server(Server::builder().tls());
    let cli = cli(&server, &token, "ssl_verify: false");
    let run = get(&cli);
    run.prints("canary\n");
    assert!(run.stderr.starts_with("warning: ssl_verify is false"), "{}", run.stderr);
    let run = cli.run(&["-c", "kong.yaml", "get", "my-v2/tls/value/nmae"]);
    let (error, warning) = run.stderr.rsplit_once("warning: ").unwrap();
    assert!(
        error.starts_with("error: ") && error.contains("no such key") && warning.contains("ssl_verify"),
        "{run:?}"
    );
}

#[test]
fn a_certificate_for_another_name_or_time_is_refused() {
    let ca = Ca::new();
    let config = "ca_cert_file: ca.pem";
    let (server, token) = tls_server(Server::builder().tls_with(&ca, &ca.server_cert(&["vault.example"])));
    get(&cli(&server, &token, config).file("ca.pem", ca.pem())).fails_with(1, "`tls_server_name`");
    let named = cli(&server, &token, "ca_cert_file: ca.pem, tls_server_name: vault.example");
    get(&named.file("ca.pem", ca.pem())).prints("canary\n");
    let (server, token) =
        tls_server(Server::builder().tls_with(&ca, &ca.server_cert_valid(Validity::Expired)));
    get(&cli(&server, &token, config).file("ca.pem", ca.pem()))
        .fails_with(1, "is not trusted: certificate expired");
}

#[test]
fn the_wrong_protocol_is_recognised() {
    let (server, token) = tls_server(Server::builder().tls());
    let http = format!("port: {}, kv: v2, retries: 0", server.port());
    get(&server::cli_with(&token, &[("my-v2", http)])).fails_with(2, "set `protocol: https`");
    let https =
        format!("address: '{}', kv: v2, retries: 0", server.plain_address().replace("http:", "https:"));
    get(&server::cli_with(&token, &[("my-v2", https)])).fails_with(1, "does not speak TLS");
}

#[test]
fn a_ca_that_is_none_is_wrong_configuration() {
    let (server, token) = tls_server(Server::builder().tls());
    get(&cli(&server, &token, "ca_cert_file: none.pem")).fails_with(2, "none.pem");
    let garbage = cli(&server, &token, "ca_cert_file: bad.pem").file("bad.pem", "canary");
    get(&garbage).fails_with(2, "bad.pem");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_an_address() {
    let (server, token) = tls_server(Server::builder().unix_socket());
    let socket = server.socket();
    let cli = |path: &str| {
        server::cli_with(&token, &[("my-v2", format!("address: 'unix://{path}', kv: v2, retries: 0"))])
    };
    get(&cli(&socket.display().to_string())).prints("canary\n");
    get(&cli("/none/socket")).fails_with(3, "could not connect to /none/socket: no such socket");
}
