//! A server in a process of its own that knows what to say without thinking: any secret of the mount `secret` is there
//! and has the same value.
//!
//! Below `secret/data/herd/` it takes 10 ms for an answer and counts the requests for each path, which `/counts` tells;
//! `.../missing/...` is not there and `.../failing/...` is an error of the server's.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::child::Again;
use crate::reader::{Reqwest, Target, VALUE};

/// What a counted request takes.
pub(crate) const DELAY: Duration = Duration::from_millis(10);

const COUNTED: &str = "/v1/secret/data/herd/";

/// The server, as seen from here.
pub(crate) struct Stub {
    address: String,
    _process: Again,
}

impl Stub {
    pub(crate) fn start() -> Self {
        let mut process = Again::start(&["stub"]);
        Self { address: process.line(), _process: process }
    }

    pub(crate) fn target(&self) -> Target {
        Target { address: self.address.clone(), token: "stub-token".into() }
    }

    /// How many requests there were for each path below the mount that is counted.
    pub(crate) async fn counts(&self) -> HashMap<String, usize> {
        let text = Reqwest::new(&self.target()).text("/counts").await.unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// Serves until the input ends.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        let (counts, answers) = (Counts::default(), Arc::new(Answers::new()));
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(converse(connection, counts.clone(), answers.clone()));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Requests come without bodies, and seldom in more than one piece.
async fn converse(mut connection: TcpStream, counts: Counts, answers: Arc<Answers>) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; 16 * 1024], 0);
    loop {
        let count = connection.read(&mut buffer[filled..]).await?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let end = buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let Some(end) = end else { continue };
        let target = buffer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let target = String::from_utf8_lossy(target);
        // vaultrs ends every target with a query, though it is empty.
        let target = target.split('?').next().unwrap_or_default().to_owned();
        if target == "/counts" {
            let text = serde_json::to_string(&*counts.lock().unwrap()).unwrap();
            connection.write_all(&response("200 OK", &text)).await?;
        } else {
            if let Some(path) = target.strip_prefix(COUNTED) {
                *counts.lock().unwrap().entry(path.to_owned()).or_default() += 1;
                tokio::time::sleep(DELAY).await;
            }
            connection.write_all(answers.to(&target)).await?;
        }
        buffer.copy_within(end + 4..filled, 0);
        filled -= end + 4;
    }
}

/// What is said, ready to be sent.
struct Answers {
    secret: Vec<u8>,
    mount: Vec<u8>,
    token: Vec<u8>,
    missing: Vec<u8>,
    failing: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let envelope = |data: serde_json::Value| {
            json!({
                "request_id": "00000000-0000-0000-0000-000000000000", "lease_id": "", "renewable": false,
                "lease_duration": 0, "data": data, "wrap_info": null, "warnings": null, "auth": null
            })
            .to_string()
        };
        let secret = json!({
            "data": {"name": VALUE},
            "metadata": {
                "created_time": "2026-01-01T00:00:00.000000000Z", "custom_metadata": null, "deletion_time": "",
                "destroyed": false, "version": 1
            }
        });
        let token = json!({
            "ttl": 0, "expire_time": null, "explicit_max_ttl": 0, "num_uses": 0, "period": 0, "renewable": false,
            "policies": ["reader"], "type": "service"
        });
        Self {
            secret: response("200 OK", &envelope(secret)),
            mount: response("200 OK", &envelope(json!({"type": "kv", "options": {"version": "2"}}))),
            token: response("200 OK", &envelope(token)),
            missing: response("404 Not Found", r#"{"errors":[]}"#),
            failing: response("500 Internal Server Error", r#"{"errors":["internal error"]}"#),
        }
    }

    fn to(&self, target: &str) -> &[u8] {
        match target.strip_prefix("/v1/").unwrap_or_default() {
            "auth/token/lookup-self" => &self.token,
            path if path.starts_with("sys/internal/ui/mounts/") => &self.mount,
            path if path.contains("/missing/") => &self.missing,
            path if path.contains("/failing/") => &self.failing,
            path if path.starts_with("secret/data/") => &self.secret,
            _ => &self.missing,
        }
    }
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n\
         Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
