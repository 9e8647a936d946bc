//! A real server of its own for a test: started on a free loopback port in some 150 ms, gone with the value.
//!
//! Every server has KV v2 at `secret/` and a plain HTTP listener for the test's own [`Api`], so that administration
//! works whatever the listener under test is made to do.

mod builder;
mod certify;
mod cluster;
mod directory;
mod process;

pub use builder::Builder;
pub use cluster::Cluster;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Api, random};
use directory::Directory;
pub(crate) use process::Process;

/// How long a server may take to serve.
const START: Duration = Duration::from_secs(30);

const DEV_KEY: &str = "Unseal Key: ";

/// A running OpenBao (or Vault) with its root token.
///
/// It ends with this value, and also where the test is killed.
pub struct Server {
    // Declared, and so dropped, before its directory.
    process: Option<Process>,
    directory: Option<Directory>,
    binary: PathBuf,
    setup: Builder,
    port: u16,
    api: Api,
    /// Empty for a dev server, which prints its own.
    unseal_key: String,
}

impl Server {
    /// A server in dev mode with a random root token: plain HTTP, everything in memory.
    ///
    /// # Panics
    /// No server can be had, or it does not start; the message says why.
    #[must_use]
    pub fn dev() -> Self {
        Builder::dev().start()
    }

    /// The dev server that all tests of this process share, each with mounts or paths of its own. It is never stopped
    /// while the process lives.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::dev)
    }

    /// A server with a configuration of its own, initialised and unsealed: TLS, unix sockets, audit, raft.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where clients go: `https://127.0.0.1:<port>` with TLS, else `http://`.
    #[must_use]
    pub fn address(&self) -> String {
        if self.setup.tls.is_some() {
            format!("https://127.0.0.1:{}", self.port())
        } else {
            self.plain_address()
        }
    }

    /// The port of [`Server::address`].
    #[must_use]
    pub fn port(&self) -> u16 {
        if self.setup.tls.is_some() { self.port + builder::TLS } else { self.port }
    }

    /// The plain HTTP listener, which every server has.
    #[must_use]
    pub fn plain_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of the listener added with [`Builder::listener`], by the order of the calls.
    #[must_use]
    pub fn listener_port(&self, index: usize) -> u16 {
        self.port + builder::EXTRA + u16::try_from(index).expect("a few listeners")
    }

    /// The root token.
    #[must_use]
    pub fn token(&self) -> &str {
        self.api.token()
    }

    /// An administrator's client.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Declares its KV mount as Kong's decK writes it, under the prefix `hashicorp-vault`. Through the plain listener,
    /// with the root token.
    #[must_use]
    pub fn kong_yaml(&self) -> String {
        format!(
            "_format_version: \"3.0\"\n\
             vaults:\n\
             \x20 - name: hcv\n\
             \x20   prefix: hashicorp-vault\n\
             \x20   description: Storing secrets in HashiCorp Vault\n\
             \x20   config:\n\
             \x20     host: 127.0.0.1\n\
             \x20     token: {}\n\
             \x20     kv: v2\n\
             \x20     mount: secret\n\
             \x20     port: {}\n\
             \x20     protocol: http\n",
            self.token(),
            self.port
        )
    }

    /// The server's own directory, removed with it.
    ///
    /// # Panics
    /// A dev server has none.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.as_ref().expect("a dev server has no directory; use Server::builder()").path()
    }

    /// The socket of [`Builder::unix_socket`].
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory().join(builder::SOCKET)
    }

    /// The file with the CA certificate of [`Builder::tls`].
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory().join(builder::CA)
    }

    /// The file of [`Builder::audit`].
    #[must_use]
    pub fn audit_file(&self) -> PathBuf {
        self.directory().join(builder::AUDIT)
    }

    /// The lines of the audit log of [`Builder::audit`], one a request and one a response, in order.
    #[must_use]
    pub fn audit_log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.audit_file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last lines that the server printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Kills the server, as a crash would. Connections to its ports are refused from now on.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts a stopped server again on the same ports. Only with [`Builder::raft`] does it remember anything; a dev
    /// server keeps its root token all the same, and any other gets a new one.
    ///
    /// # Panics
    /// It runs, or does not start again.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs");
        self.launch().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until the server ends by itself.
    pub fn wait(&self) {
        if let Some(process) = &self.process {
            process.wait();
        }
    }

    /// Stops the server in its tracks: connections are accepted and nothing is answered.
    ///
    /// # Panics
    /// It does not run.
    pub fn pause(&self) {
        self.running().signal("STOP");
        // The signal is sent and not yet taken; threads that run may still answer.
        while self.answers_within(Duration::from_millis(50)) {}
    }

    /// Ends a [`Server::pause`].
    ///
    /// # Panics
    /// It does not run.
    pub fn resume(&self) {
        self.running().signal("CONT");
    }

    /// Has the server read its certificates again, which it does within moments.
    ///
    /// # Panics
    /// It does not run.
    pub fn reload(&self) {
        self.running().signal("HUP");
    }

    /// Gives the TLS listener other files, as [`Builder::tls_files`]; new connections get them within moments.
    ///
    /// # Panics
    /// The server does not run, or was built without TLS.
    pub fn replace_tls_files(&mut self, ca: &str, certificate: &str, key: &str) {
        assert!(self.setup.tls.is_some(), "the server has no TLS listener");
        self.setup = self.setup.clone().tls_files(ca, certificate, key);
        self.setup.arguments(self.port, Some(self.directory())).unwrap_or_else(|error| panic!("{error}"));
        self.reload();
    }

    /// Seals the server: it answers 503 to all but a few requests.
    pub fn seal(&self) {
        self.api.must("PUT", "sys/seal", &json!({}));
    }

    /// Unseals the server and waits until it serves.
    ///
    /// # Panics
    /// It does not unseal.
    pub fn unseal(&self) {
        let mut key = self.unseal_key.clone();
        if key.is_empty() {
            // A dev server prints it a while after it began to serve.
            let line = self.running().wait_for_line(DEV_KEY, START).unwrap_or_else(|error| panic!("{error}"));
            key = line.replace(DEV_KEY, "");
        }
        self.api.must("PUT", "sys/unseal", &json!({ "key": key }));
        self.wait_until_ready(START).unwrap_or_else(|error| panic!("{error}"));
    }

    fn answers_within(&self, at_most: Duration) -> bool {
        let ask = || {
            let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
            connection.set_read_timeout(Some(at_most))?;
            connection.write_all(b"GET /v1/sys/health HTTP/1.0\r\n\r\n")?;
            connection.read(&mut [0])
        };
        ask().is_ok()
    }

    fn running(&self) -> &Process {
        self.process.as_ref().expect("the server is stopped")
    }

    fn wait_until_ready(&self, at_most: Duration) -> Result<(), String> {
        if self.setup.raft {
            // A standby that is about to lead answers reads, and then for a moment nothing.
            let address = self.plain_address();
            self.api.wait_until("sys/leader", at_most, |answer| {
                let leader = answer["leader_address"].as_str().unwrap_or_default();
                answer["is_self"] == true || (!leader.is_empty() && leader != address)
            })?;
        }
        // KV v2 refuses requests while it is set up, so this and not `sys/health` says that tests may begin.
        self.api.wait_for("secret/config", at_most)
    }

    /// Starts the process and brings it to where it serves; an error has the server's own last words.
    fn launch(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START;
        let directory = self.directory.as_ref().map(Directory::path);
        let arguments = self.setup.arguments(self.port, directory)?;
        self.process = Some(Process::spawn(&self.binary, &arguments, directory)?);
        self.prepare(deadline).map_err(|error| {
            let log = self.log();
            self.process = None;
            format!("{} does not serve: {error}; the last that it printed:\n{log}", self.binary.display())
        })
    }

    fn prepare(&mut self, deadline: Instant) -> Result<(), String> {
        let left = || deadline.saturating_duration_since(Instant::now());
        // Only our own process can print this, while any server could answer on the port.
        self.running().wait_for_line("server started!", left())?;
        if self.setup.dev_token.is_some() {
            return self.wait_until_ready(left());
        }
        let new = self.unseal_key.is_empty() || !self.setup.raft;
        match self.setup.leader.clone() {
            Some(leader) if new => {
                let address = json!({ "leader_api_addr": leader.address });
                self.api.try_must("PUT", "sys/storage/raft/join", &address)?;
                self.unseal_key = leader.unseal_key;
                self.api = self.api.with_token(&leader.token);
                self.api.try_must("PUT", "sys/unseal", &json!({ "key": self.unseal_key }))?;
            }
            None if new => self.initialise(left())?,
            _ => drop(self.api.try_must("PUT", "sys/unseal", &json!({ "key": self.unseal_key }))?),
        }
        self.wait_until_ready(left())
    }

    fn initialise(&mut self, at_most: Duration) -> Result<(), String> {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let answer = self.api.try_must("PUT", "sys/init", &shares)?;
        let text =
            |value: &Value| value.as_str().map(str::to_owned).ok_or("no keys in the answer of sys/init");
        self.unseal_key = text(&answer["keys_base64"][0])?;
        self.api = self.api.with_token(&text(&answer["root_token"])?);
        self.api.try_must("PUT", "sys/unseal", &json!({ "key": self.unseal_key }))?;
        self.api.wait_for("sys/health", at_most)?;
        self.api.try_must(
            "POST",
            "sys/mounts/secret",
            &json!({"type": "kv", "options": {"version": "2"}}),
        )?;
        if self.setup.audit {
            let file =
                json!({"type": "file", "options": {"file_path": self.directory().join(builder::AUDIT)}});
            self.api.try_must("PUT", "sys/audit/file", &file)?;
        }
        Ok(())
    }
}

/// The lowest of a block of ports that nothing listens on. They lie below those that systems give to outgoing
/// connections, so that a stopped server finds its own free when it starts again.
///
/// No block is given out twice by one process: that of a stopped server stays its own.
fn free_ports() -> u16 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(random()));
    loop {
        let block = NEXT.fetch_add(1, Ordering::Relaxed) % 2_000;
        let first = 10_000 + u16::try_from(block).expect("it fits") * builder::PORTS;
        if (first..first + builder::PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
}
