//! The proxy as a process, before a real upstream and a real vault.

use std::net::TcpListener;
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
    // Over TLS: pingora and Strongroom each bring a crypto provider, and neither may stumble over the other's.
    let tls = format!("port: {}\n      ca_cert_file: {}", server.port(), server.ca_file().display());
    let plain = server.plain_address();
    let plain = format!("port: {}", plain.rsplit(':').next().unwrap());
    let text = server.kong_yaml().replace("protocol: http", "protocol: https").replace(&plain, &tls);
    std::fs::write(&config, text).unwrap();
    let address = upstream.address();
    // A port that was free a moment ago: pingora does not tell which one it got.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let arguments = [address.strip_prefix("http://").unwrap(), REFERENCE, config.to_str().unwrap(), &listen];
    (Program::start(env!("CARGO_BIN_EXE_pingora-proxy"), &arguments), directory)
}

#[test]
fn a_rotation_under_load_loses_no_request() {
    let server = Server::builder().tls().start();
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
    let server = Server::builder().tls().start();
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
    assert_eq!(ask().0, 503);
    assert!(upstream.requests().is_empty());
}

#[test]
fn it_listens_once_the_first_credential_is_there() {
    let server = Server::builder().tls().start();
    let upstream = Stub::new(echo);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            write(&server, 0);
        });
        let (proxy, _directory) = start(&server, &upstream);
        let answer = Api::new(proxy.address(), "").send("GET", "x", "").unwrap();
        assert_eq!(answer, (200, format!("/v1/x Bearer {}", credential(0))));
        proxy.says("no credential yet");
    });
}

#[test]
fn told_to_end_it_finishes_what_it_has_begun() {
    let server = Server::builder().tls().start();
    write(&server, 0);
    let upstream = Stub::new(|request| echo(request).after(Duration::from_secs(1)));
    let (proxy, _directory) = start(&server, &upstream);
    let (status, body) = std::thread::scope(|scope| {
        let request = scope.spawn(|| Api::new(proxy.address(), "").send("GET", "x", ""));
        while upstream.requests().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        proxy.signal("TERM");
        request.join().unwrap().unwrap()
    });
    assert_eq!((status, body), (200, format!("/v1/x Bearer {}", credential(0))));
    proxy.wait();
}

#[test]
fn no_client_can_have_the_credential_taken_out() {
    let server = Server::builder().tls().start();
    write(&server, 0);
    let upstream = Stub::new(echo);
    let (proxy, _directory) = start(&server, &upstream);
    let mut connection = std::net::TcpStream::connect(proxy.host_and_port()).unwrap();
    let request = "GET /x HTTP/1.1\r\nhost: x\r\nx-mine: 1\r\nauthorization: mine\r\nconnection: authorization, x-mine, close\r\n\r\n";
    std::io::Write::write_all(&mut connection, request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(&connection).unwrap();
    assert!(answer.ends_with(&format!("/x Bearer {}", credential(0))), "{answer}");
    assert_eq!(upstream.requests()[0].header("x-mine"), None);
}
