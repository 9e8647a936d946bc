//! The server as a process, with certificates from a real vault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and tells what it measured"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;
use strongroom_integration_tests::{Ca, Pair, Program, Server, Stalls};

/// How soon a rotation is served: the reference's `ttl`, and a second.
const AT_MOST: Duration = Duration::from_secs(2);

fn write(server: &Server, certificate: &Pair, key: &Pair) {
    let data = json!({"certificate": certificate.certificate, "private_key": key.key});
    server.api().write_kv2("secret", "tls/localhost", &data);
}

fn start(server: &Server) -> (Program, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("kong.yaml");
    std::fs::write(&config, server.kong_yaml()).unwrap();
    let reference = "{vault://hashicorp-vault/tls/localhost/?ttl=1}";
    let arguments = [reference, config.to_str().unwrap(), "127.0.0.1:0"];
    (Program::start(env!("CARGO_BIN_EXE_tls-server"), &arguments), directory)
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn trusting(ca: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(der(ca)).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A resumed session shows no certificate.
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// The body of an answer, and the certificate that the server showed. The handshake fails where the server's signature
/// is not by the key that belongs to it.
fn ask(address: &str, client: &Arc<ClientConfig>) -> Result<(String, CertificateDer<'static>), String> {
    let tls = ClientConnection::new(client.clone(), "localhost".try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
    let mut stream = StreamOwned::new(tls, socket);
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    Ok((body.to_owned(), stream.conn.peer_certificates().ok_or("no certificate")?[0].clone()))
}

#[test]
fn no_handshake_fails_while_the_certificate_is_rotated() {
    let (server, ca) = (Server::dev(), Ca::new());
    let pairs: Vec<Pair> = (0..4).map(|_| ca.server_cert(&["localhost"])).collect();
    write(&server, &pairs[0], &pairs[0]);
    let (program, _directory) = start(&server);
    let (client, ending) = (trusting(ca.pem()), AtomicBool::new(false));
    let shake = || {
        let mut seen = Vec::new();
        while !ending.load(Ordering::Relaxed) {
            let at = Instant::now();
            seen.push((at, ask(program.host_and_port(), &client)));
        }
        seen
    };
    let (started, stalls) = (Instant::now(), Stalls::watch());
    let (written, seen) = thread::scope(|scope| {
        let workers = [(); 4].map(|()| scope.spawn(shake));
        let mut written = Vec::new();
        for pair in &pairs[1..] {
            thread::sleep(AT_MOST / 4);
            write(&server, pair, pair);
            written.push(Instant::now());
            thread::sleep(AT_MOST);
        }
        ending.store(true, Ordering::Relaxed);
        (written, workers.map(|worker| worker.join().unwrap()).concat())
    });
    let late = stalls.end();
    println!("{:.0} handshakes/s", seen.len() as f64 / started.elapsed().as_secs_f64());
    let certificates: Vec<_> = pairs.iter().map(|pair| der(&pair.certificate)).collect();
    for (at, answer) in &seen {
        let (_, certificate) = answer.as_ref().unwrap_or_else(|error| panic!("a handshake failed: {error}"));
        let number = certificates.iter().position(|one| one == certificate).expect("one of ours");
        let is_due = |written: &&Instant| **written + AT_MOST + late(**written, *at) <= *at;
        let newest = written.iter().filter(is_due).count();
        assert!(number >= newest, "the certificate {number} was served, {newest} was due");
    }
    assert!(seen.iter().any(|(_, answer)| answer.as_ref().unwrap().1 == certificates[3]));
}

#[test]
fn a_pair_that_does_not_match_is_refused() {
    let (server, ca) = (Server::dev(), Ca::new());
    let [good, other] = [(); 2].map(|()| ca.server_cert(&["localhost"]));
    write(&server, &good, &good);
    let (program, _directory) = start(&server);
    let client = trusting(ca.pem());
    let ask = || ask(program.host_and_port(), &client).unwrap();
    assert_eq!(ask().0, "hello from behind the vault's present certificate\n");
    write(&server, &other, &good);
    let deadline = Instant::now() + Duration::from_secs(30);
    let body = loop {
        let (body, certificate) = ask();
        assert_eq!(certificate, der(&good.certificate));
        if body.contains("older") {
            break body;
        }
        assert!(Instant::now() < deadline, "{body}");
        thread::sleep(Duration::from_millis(50));
    };
    assert!(body.contains("could not use the certificate and key in {vault://"), "{body}");
    write(&server, &other, &other);
    while ask().1 != der(&other.certificate) {
        assert!(Instant::now() < deadline, "{}", program.log());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_certificate_of_the_quickstart_is_served() {
    let server = Server::dev();
    server.certify_localhost().unwrap();
    let secret = server.api().get("secret/data/tls/localhost").1["data"]["data"].clone();
    let (program, _directory) = start(&server);
    let client = trusting(secret["issuing_ca"].as_str().unwrap());
    let (_, certificate) = ask(program.host_and_port(), &client).unwrap();
    assert_eq!(certificate, der(secret["certificate"].as_str().unwrap()));
}
