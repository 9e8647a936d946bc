//! What becomes of TLS in the middle of a connection that stands.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use strongroom_integration_tests::Ca;
use strongroom_integration_tests::pki::LOOPBACK;

use super::*;

/// What a server does once it has read a request.
#[derive(Clone, Copy, Debug)]
enum Breach {
    /// Says that a record was spoilt on its way.
    Alert,
    /// Says something that is no TLS.
    Garbage,
    /// The same in the middle of its answer.
    GarbageInTheBody,
}

/// A TLS server that answers all requests but the first.
struct Tls {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tls {
    fn new(ca: &Ca, first: Option<Breach>) -> Self {
        let pair = ca.server_cert(&LOOPBACK);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heads, count) = (asked.clone(), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (config, heads, count) = (config.clone(), heads.clone(), count.clone());
                let breach = move || first.filter(|_| count.fetch_add(1, Ordering::SeqCst) == 0);
                std::thread::spawn(move || converse(config, socket.unwrap(), &heads, breach));
            }
        });
        Self { port, asked }
    }

    fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn count(&self, request: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.starts_with(request)).count()
    }
}

/// Answers what comes over one connection, until it is to be broken.
fn converse(
    config: Arc<ServerConfig>,
    mut socket: TcpStream,
    heads: &Mutex<Vec<String>>,
    breach: impl Fn() -> Option<Breach>,
) {
    let mut tls = ServerConnection::new(config).unwrap();
    let mut head = [0; 8192];
    loop {
        let count = match Stream::new(&mut tls, &mut socket).read(&mut head) {
            Ok(count) if count > 0 => count,
            _ => return,
        };
        let text = String::from_utf8_lossy(&head[..count]).into_owned();
        // A body may come by itself.
        let Some(line) = text.lines().next().filter(|line| line.ends_with("HTTP/1.1")) else { continue };
        heads.lock().unwrap().push(line.to_owned());
        let body = if line.starts_with("POST") {
            json!({"auth": {"client_token": "t", "lease_duration": 3600, "renewable": true}}).to_string()
        } else {
            String::from_utf8(good().body).unwrap()
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let garbage = b"HTTP/1.0 503 Service Unavailable\r\n\r\n";
        let mut say = |tls: &mut _, text: &[u8]| Stream::new(tls, &mut socket).write_all(text);
        let Some(breach) = breach() else {
            let _ = say(&mut tls, answer.as_bytes());
            continue;
        };
        match breach {
            Breach::Alert => {
                // What it takes for a spoilt record makes it say so.
                let mut spoilt: &[u8] = b"\x17\x03\x03\x00\x2000000000000000000000000000000000";
                tls.read_tls(&mut spoilt).unwrap();
                tls.process_new_packets().unwrap_err();
                let _ = tls.write_tls(&mut socket);
            }
            Breach::Garbage => drop(socket.write_all(garbage)),
            Breach::GarbageInTheBody => {
                let _ = say(&mut tls, &answer.as_bytes()[..answer.len() - 10]);
                let _ = socket.write_all(garbage);
            }
        }
        // What the client sends meanwhile would have the system reset the connection before all of this is read.
        let _ = socket.read(&mut head);
        return;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_tried_again_after_whatever_tls_says_of_a_connection_that_stood() {
    let ca = Ca::new();
    for breach in [Breach::Alert, Breach::Garbage, Breach::GarbageInTheBody] {
        let server = Tls::new(&ca, Some(breach));
        let registry = registry(vault(&server.address(), CANARY).retries(1).ca_cert(ca.pem()));
        let value = read(&registry, "x/n").await;
        assert!(value.is_ok(), "{breach:?}: {value:?}");
        assert_eq!(server.count("GET"), 2, "{breach:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_has_arrived_is_sent_to_no_other_node_whatever_tls_says_then() {
    const LOGIN: &str = "POST /v1/auth/approle/login";
    let ca = Ca::new();
    for breach in [Breach::Alert, Breach::Garbage] {
        let (bad, well) = (Tls::new(&ca, Some(breach)), Tls::new(&ca, None));
        // Which of them is first is up to chance.
        let mut tries = 0;
        while bad.count(LOGIN) == 0 {
            tries += 1;
            assert!(tries < 64, "the first of two is never chosen");
            let before = well.count(LOGIN);
            let addresses = [bad.address(), well.address()];
            let vault = HashicorpVault::builder().addresses(addresses).kv(KvVersion::V2).retries(0);
            let vault = vault.auth(AppRoleAuth::new("id", CANARY)).ca_cert(ca.pem());
            let first = read(&registry(vault), "x/n").await;
            if bad.count(LOGIN) == 1 {
                let said = format!("{:?}", first.unwrap_err());
                assert!(!said.contains(CANARY), "{said}");
                assert_eq!(well.count(LOGIN), before, "{breach:?}: sent to the other one: {said}");
            }
        }
    }
}
