//! The proxy as a process, before a real upstream and a real vault.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and tells what it measured"
)]

use std::time::Duration;

use serde_json::json;
use strongroom_integration_tests::load::{echo, rotate_under_load};
use strongroom_integration_tests::{Api, Program, Server, Stub};

const REFERENCE: &str = "{vault://hashicorp-vault/upstream/token?ttl=1}";

fn credential(number: u32) -> String {
    format!("canary-{number}-{}", "x".repeat(20 + number as usize * 50))
}

fn write(server: &Server, number: u32) {
    server.api().write_kv2("secret", "upstream", &json!({"token": credential(number)}));
}

fn start(server: &Server, upstream: &Stub) -> (Program, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("kong.yaml");
    std::fs::write(&config, server.kong_yaml()).unwrap();
    let arguments = [&upstream.address(), REFERENCE, config.to_str().unwrap(), "127.0.0.1:0"];
    (Program::start(env!("CARGO_BIN_EXE_axum-proxy"), &arguments), directory)
}

#[test]
fn a_rotation_under_load_loses_no_request() {
    let server = Server::dev();
    write(&server, 0);
    let upstream = Stub::new(echo);
    let (proxy, _directory) = start(&server, &upstream);
    let report = rotate_under_load(
        proxy.host_and_port(),
        2000,
        Duration::from_secs(2),
        |number| format!("Bearer {}", credential(number)),
        |number| write(&server, number),
    );
    println!("{report}");
    assert!(!proxy.log().contains("canary"), "{}", proxy.log());
}

#[test]
fn without_a_value_nothing_reaches_the_upstream() {
    let server = Server::dev();
    write(&server, 0);
    let upstream = Stub::new(echo);
    let (proxy, _directory) = start(&server, &upstream);
    let ask = || Api::new(proxy.address(), "").send("GET", "x", "").unwrap();
    assert_eq!(ask(), (200, format!("/v1/x Bearer {}", credential(0))));
    server.api().delete_versions("secret", "upstream", &[1]);
    let refused = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ask().0 == 503
    });
    assert!(refused, "{}", proxy.log());
    upstream.take_requests();
    assert_eq!(ask(), (503, String::new()));
    assert!(upstream.requests().is_empty());
    proxy.says("deleted");
}

#[test]
fn no_client_can_have_the_credential_taken_out() {
    let server = Server::dev();
    write(&server, 0);
    let upstream = Stub::new(echo);
    let (proxy, _directory) = start(&server, &upstream);
    let mut connection = std::net::TcpStream::connect(proxy.host_and_port()).unwrap();
    let request = "GET /x HTTP/1.1\r\nhost: x\r\nx-mine: 1\r\nauthorization: mine\r\nconnection: authorization, x-mine, close\r\n\r\n";
    std::io::Write::write_all(&mut connection, request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(&connection).unwrap();
    assert!(answer.ends_with(&format!("/x Bearer {}", credential(0))), "{answer}");
    let requests = upstream.requests();
    assert_eq!(
        (requests[0].header("x-mine"), requests[0].header("host")),
        (None, upstream.address().strip_prefix("http://"))
    );
}
