//! Putting a vault together in code: every setting and its default.

mod assemble;
mod shown;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::{AuthMethod, Error, ErrorKind, Policy, Vault};

pub(crate) use assemble::Wrong;

use crate::kv::KvVersion;
use crate::session::Sessions;

/// Settings of a [`HashicorpVault`](crate::HashicorpVault). Each has a default but the login.
#[derive(Clone)]
pub struct HashicorpVaultBuilder {
    addresses: Vec<String>,
    mount: String,
    kv: KvVersion,
    namespace: Option<String>,
    auth_namespace: Option<String>,
    auth: Option<Arc<dyn AuthMethod>>,
    sessions: Sessions,
    ssl_verify: bool,
    ca_cert: Option<Arc<[u8]>>,
    ca_cert_file: Option<PathBuf>,
    tls_server_name: Option<String>,
    connect_timeout: Duration,
    request_timeout: Duration,
    total_timeout: Duration,
    retries: u32,
    max_in_flight: usize,
    max_response_bytes: usize,
    poll: bool,
    policy: Policy,
}

impl Default for HashicorpVaultBuilder {
    fn default() -> Self {
        Self {
            addresses: vec!["http://127.0.0.1:8200".into()],
            mount: "secret".into(),
            kv: KvVersion::V1,
            namespace: None,
            auth_namespace: None,
            auth: None,
            sessions: Sessions::new(),
            ssl_verify: true,
            ca_cert: None,
            ca_cert_file: None,
            tls_server_name: None,
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(10),
            retries: 3,
            max_in_flight: 8,
            max_response_bytes: 1024 * 1024,
            poll: true,
            policy: Policy::default(),
        }
    }
}

impl HashicorpVaultBuilder {
    /// Where the server is: `https://host[:port][/path]`, `http://...` or `unix:///path/to/socket`. Default
    /// `http://127.0.0.1:8200`.
    #[must_use]
    pub fn address(self, address: impl Into<String>) -> Self {
        self.addresses([address])
    }

    /// Where the nodes of one cluster are. One is chosen at random and kept until it cannot be reached; then it is
    /// the next one's turn.
    #[must_use]
    pub fn addresses<T: Into<String>>(mut self, addresses: impl IntoIterator<Item = T>) -> Self {
        self.addresses = addresses.into_iter().map(Into::into).collect();
        self
    }

    /// The KV mount, such as `secret` or `team/kv`. Slashes at its ends are trimmed. Default `secret`.
    #[must_use]
    pub fn mount(mut self, mount: impl Into<String>) -> Self {
        self.mount = mount.into();
        self
    }

    /// Which KV version the mount is. Default [`KvVersion::V1`].
    #[must_use]
    pub fn kv(mut self, kv: KvVersion) -> Self {
        self.kv = kv;
        self
    }

    /// The namespace of the mount.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The namespace of the login. Default that of the mount.
    #[must_use]
    pub fn auth_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.auth_namespace = Some(namespace.into());
        self
    }

    /// How to log in. There is no default.
    #[must_use]
    pub fn auth(self, method: impl AuthMethod) -> Self {
        self.shared_auth(Arc::new(method))
    }

    /// The same with a login that others hold too.
    #[must_use]
    pub fn shared_auth(mut self, method: Arc<dyn AuthMethod>) -> Self {
        self.auth = Some(method);
        self
    }

    /// Shares one token with the other vaults of `sessions` that log in alike. Default: a token of its own.
    #[must_use]
    pub fn sessions(mut self, sessions: &Sessions) -> Self {
        self.sessions = sessions.clone();
        self
    }

    /// How old a value may grow before it is refreshed in the background. Default, and zero: until refreshed by
    /// hand.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = Some(ttl).filter(|ttl| !ttl.is_zero());
        self
    }

    /// Whether to ask for the versions of a folder's secrets in one request, where the server offers that (OpenBao, KV
    /// v2, `list` on `<mount>/detailed-metadata/<folder>/`), and to read only what has changed. Default yes; where it
    /// does not, each secret is read.
    #[must_use]
    pub fn poll(mut self, poll: bool) -> Self {
        self.poll = poll;
        self
    }

    /// How long a miss is remembered. Default 5 s.
    #[must_use]
    pub fn neg_ttl(mut self, ttl: Duration) -> Self {
        self.policy.neg_ttl = ttl;
        self
    }

    /// How long past its ttl the last good value is served while the vault fails. Default 1 h.
    #[must_use]
    pub fn resurrect_ttl(mut self, ttl: Duration) -> Self {
        self.policy.resurrect_ttl = ttl;
        self
    }

    /// Whether strings that a key picks are decoded from base64. Default no.
    #[must_use]
    pub fn base64_decode(mut self, decode: bool) -> Self {
        self.policy.base64_decode = decode;
        self
    }

    /// Whether the error for a missing key may list the names of those that are there. Default no.
    #[must_use]
    pub fn reveal_keys(mut self, reveal: bool) -> Self {
        self.policy.reveal_keys = reveal;
        self
    }

    /// Trusts exactly these certificate authorities (PEM), in place of the system's.
    #[must_use]
    pub fn ca_cert(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.ca_cert = Some(pem.as_ref().into());
        self
    }

    /// Trusts exactly the certificate authorities in this file (PEM), read when the first connection is made.
    #[must_use]
    pub fn ca_cert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_cert_file = Some(path.into());
        self
    }

    /// Whether the server's certificate is verified. Default yes. Without, whoever answers gets the token.
    #[must_use]
    pub fn ssl_verify(mut self, verify: bool) -> Self {
        self.ssl_verify = verify;
        self
    }

    /// The name to ask for, and to expect in the server's certificate, in place of the address's host.
    #[must_use]
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.tls_server_name = Some(name.into());
        self
    }

    /// How long a connection may take to come about. Default 2 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one try with its body may take. Default 5 s.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long a read may take with all its tries and waits. Default 10 s.
    #[must_use]
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// How often a read that failed for a passing reason is tried again. Default 3.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How many requests may be under way at a time. Default 8.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// How large an answer may be, in bytes. Default 1 MiB.
    #[must_use]
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// The vault, for a registry. Does no I/O and needs no runtime, so it may come before a fork.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a setting that cannot be used, naming it and not its value.
    pub fn build(self) -> Result<Vault, Error> {
        self.assemble()
            .map_err(|Wrong(field, what)| Error::new(ErrorKind::InvalidConfig, format!("`{field}`: {what}")))
    }
}

#[cfg(test)]
mod tests;
