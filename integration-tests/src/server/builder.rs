//! What a server is to be like, written out as its arguments and its configuration file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::{Server, free_ports};
use crate::{Api, binary, random};

/// How many ports a server has from its first on, which is the plain listener's; the next is for its cluster.
pub(super) const PORTS: u16 = 8;
pub(super) const TLS: u16 = 2;
pub(super) const EXTRA: u16 = 3;

pub(super) const SOCKET: &str = "socket";
pub(super) const CA: &str = "ca.pem";
pub(super) const AUDIT: &str = "audit.log";
const CERTIFICATE: &str = "server.pem";
const CLIENT_CA: &str = "client-ca.pem";
const KEY: &str = "server-key.pem";

/// What a [`Server`] is to be like. All listeners are on 127.0.0.1.
#[derive(Clone, Default)]
pub struct Builder {
    pub(super) dev_token: Option<String>,
    pub(super) raft: bool,
    pub(super) leader: Option<Leader>,
    pub(super) audit: bool,
    pub(super) tls: Option<Tls>,
    unix_socket: bool,
    client_ca: Option<String>,
    tls_options: String,
    listeners: Vec<String>,
    settings: String,
    binary: Option<PathBuf>,
}

/// What a server needs to know of the one whose cluster it joins.
#[derive(Clone)]
pub(super) struct Leader {
    pub(super) address: String,
    pub(super) token: String,
    pub(super) unseal_key: String,
}

#[derive(Clone)]
pub(super) struct Tls {
    ca: String,
    certificate: String,
    key: String,
}

impl Builder {
    /// A server in dev mode with a random root token. Nothing else of it can be chosen but the token and the binary.
    #[must_use]
    pub fn dev() -> Self {
        Self { dev_token: Some(format!("root-{:016x}", random())), ..Self::default() }
    }

    /// The root token of a dev server.
    #[must_use]
    pub fn root_token(self, token: &str) -> Self {
        Self { dev_token: Some(token.into()), ..self }
    }

    /// The binary to start, in place of the one that [`binary::find`] finds.
    #[must_use]
    pub fn binary(self, path: &Path) -> Self {
        Self { binary: Some(path.into()), ..self }
    }

    /// A TLS listener with this certificate chain and key, and the CA's certificate for [`Server::ca_file`]; all PEM.
    /// It asks for a client certificate and does not insist.
    #[must_use]
    pub fn tls_files(self, ca: &str, certificate: &str, key: &str) -> Self {
        let tls = Tls { ca: ca.into(), certificate: certificate.into(), key: key.into() };
        Self { tls: Some(tls), ..self }
    }

    /// More HCL for the TLS listener, such as `tls_require_and_verify_client_cert = true`.
    #[must_use]
    pub fn tls_option(mut self, hcl: &str) -> Self {
        let _ = writeln!(self.tls_options, "  {hcl}");
        self
    }

    /// The CA (PEM) whose client certificates the TLS listener takes for good.
    #[must_use]
    pub fn tls_client_ca(self, pem: &str) -> Self {
        Self { client_ca: Some(pem.into()), ..self }
    }

    /// A listener on a unix socket, [`Server::socket`].
    #[must_use]
    pub fn unix_socket(self) -> Self {
        Self { unix_socket: true, ..self }
    }

    /// One more TCP listener with these options in HCL, such as `tls_disable = true`; five at most.
    #[must_use]
    pub fn listener(mut self, hcl: &str) -> Self {
        self.listeners.push(hcl.into());
        self
    }

    /// More settings in HCL, at the top level of the configuration file.
    #[must_use]
    pub fn setting(mut self, hcl: &str) -> Self {
        let _ = writeln!(self.settings, "{hcl}");
        self
    }

    /// An audit device that writes every request to a file, [`Server::audit_log`].
    #[must_use]
    pub fn audit(self) -> Self {
        Self { audit: true, ..self }
    }

    /// Keeps the data on disk (a raft cluster of one), so that tokens and secrets outlive a restart.
    #[must_use]
    pub fn raft(self) -> Self {
        Self { raft: true, ..self }
    }

    /// Joins the raft cluster of a server that was built with [`Builder::raft`]: the same data, root token and key.
    /// It serves at once and votes some ten seconds later, `sys/storage/raft/configuration` tells when; until then
    /// nobody takes over from that server.
    #[must_use]
    pub fn join(self, server: &Server) -> Self {
        let leader = Leader {
            address: server.plain_address(),
            token: server.token().into(),
            unseal_key: server.unseal_key.clone(),
        };
        Self { raft: true, leader: Some(leader), ..self }
    }

    /// Starts the server.
    ///
    /// # Panics
    /// As [`Builder::try_start`] fails.
    #[must_use]
    pub fn start(self) -> Server {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the server and waits until it serves.
    ///
    /// # Errors
    /// No server can be had, or it does not start; the message says why and has the end of the server's own log.
    pub fn try_start(self) -> Result<Server, String> {
        let binary = self.binary.clone().map_or_else(binary::find, Ok)?;
        let mut tries = 3;
        loop {
            let port = free_ports();
            let mut server = Server {
                process: None,
                directory: if self.dev_token.is_some() { None } else { Some(Directory::new()?) },
                binary: binary.clone(),
                setup: self.clone(),
                port,
                api: Api::new(
                    &format!("http://127.0.0.1:{port}"),
                    self.dev_token.as_deref().unwrap_or_default(),
                ),
                unseal_key: String::new(),
            };
            tries -= 1;
            match server.launch() {
                Ok(()) => return Ok(server),
                // Another process took one of the ports meanwhile.
                Err(error) if tries > 0 && error.contains("address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The arguments of the server, whose configuration is written into its directory.
    pub(super) fn arguments(&self, port: u16, directory: Option<&Path>) -> Result<Vec<String>, String> {
        let mut arguments = vec!["server".to_owned()];
        if let Some(token) = &self.dev_token {
            arguments.extend([
                "-dev".into(),
                "-dev-no-store-token".into(),
                format!("-dev-root-token-id={token}"),
            ]);
            arguments.push(format!("-dev-listen-address=127.0.0.1:{port}"));
        }
        if let Some(directory) = directory {
            let write = |name: &str, text: &str| {
                let path = directory.join(name);
                fs::write(&path, text).map_err(|error| format!("could not write {}: {error}", path.display()))
            };
            if let Some(tls) = &self.tls {
                write(CA, &tls.ca)?;
                write(CERTIFICATE, &tls.certificate)?;
                write(KEY, &tls.key)?;
            }
            if let Some(pem) = &self.client_ca {
                write(CLIENT_CA, pem)?;
            }
            write("server.hcl", &self.configuration(port, directory))?;
            arguments.push(format!("-config={}", directory.join("server.hcl").display()));
        }
        Ok(arguments)
    }

    fn configuration(&self, port: u16, directory: &Path) -> String {
        let path = |name: &str| directory.join(name).display().to_string().replace('\\', "/");
        let tcp = |port: u16, options: &str| {
            format!("listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  {options}\n}}\n")
        };
        let mut text = format!("api_addr = \"http://127.0.0.1:{port}\"\n{}", self.settings);
        // Each of the two lines is one that only one of OpenBao and Vault needs, and the other does not mind.
        text += "unsafe_allow_api_audit_creation = true\ndisable_mlock = true\n";
        text += &if self.raft {
            let _ = fs::create_dir(directory.join("data"));
            let data = path("data");
            let storage = format!("path = \"{data}\"\n  node_id = \"{port}\"\n  performance_multiplier = 1");
            format!(
                "storage \"raft\" {{\n  {storage}\n}}\ncluster_addr = \"http://127.0.0.1:{}\"\n",
                port + 1
            )
        } else {
            "storage \"inmem\" {}\n".to_owned()
        };
        text += &tcp(port, "tls_disable = true");
        if self.tls.is_some() {
            let mut files = format!(
                "tls_cert_file = \"{}\"
  tls_key_file = \"{}\"",
                path(CERTIFICATE),
                path(KEY)
            );
            if self.client_ca.is_some() {
                let _ = write!(
                    files,
                    "
  tls_client_ca_file = \"{}\"",
                    path(CLIENT_CA)
                );
            }
            text += &tcp(port + TLS, &format!("{files}\n{}", self.tls_options));
        }
        if self.unix_socket {
            let _ = writeln!(text, "listener \"unix\" {{\n  address = \"{}\"\n}}", path(SOCKET));
        }
        for (port, options) in (port + EXTRA..).zip(&self.listeners) {
            text += &tcp(port, options);
        }
        text
    }
}
