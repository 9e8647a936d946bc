//! The open connections of a vault: one client for each runtime, address and client certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::Client;
use strongroom_core::{ClientIdentity, Error, ErrorKind};
use tokio::runtime::{Handle, Id as RuntimeId};
use tokio::time::Instant;

use crate::address::Address;
use crate::tls::{self, Trust};

/// Below the idle timeout of load balancers, and short enough to follow a name that moves.
const IDLE: Duration = Duration::from_secs(60);

/// More runtimes, addresses and client certificates at a time than any program has.
const MAX_CLIENTS: usize = 16;

/// However busy, a connection is given up after this, so that a name that moves is followed.
const AGE: Duration = Duration::from_secs(300);

/// Connections belong to the runtime that drives them, and to the client certificate they were opened with.
type Key = (RuntimeId, Address, Option<ClientIdentity>);

/// The clients that were made so far, and how to make another.
pub(crate) struct Clients {
    pub(crate) trust: Trust,
    /// The name to expect in the server's certificate in place of the host.
    pub(crate) server_name: Option<String>,
    connect_timeout: Duration,
    /// How many connections may lie idle.
    idle: usize,
    made: Mutex<Vec<Made>>,
}

/// A client, when it was made, and what was seen of the CA file then.
struct Made {
    key: Key,
    client: Client,
    at: Instant,
    stamp: Option<Stamp>,
}

/// A file's modification time and length, which change when it is replaced.
type Stamp = (SystemTime, u64);

impl Clients {
    pub(crate) fn new(
        trust: Trust,
        server_name: Option<String>,
        connect_timeout: Duration,
        idle: usize,
    ) -> Self {
        Self { trust, server_name, connect_timeout, idle, made: Mutex::default() }
    }

    /// The client for `address` on this runtime, made at its first use there.
    pub(crate) fn get(&self, address: &Address, identity: Option<&ClientIdentity>) -> Result<Client, Error> {
        let runtime = Handle::current().id();
        // A panic elsewhere cannot leave half a client behind.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let found = made.iter().position(|Made { key: (owner, to, with), .. }| {
            *owner == runtime && to == address && with.as_ref() == identity
        });
        let stamp = self.stamp();
        if let Some(found) = found {
            let before = &mut made[found];
            if before.at.elapsed() < AGE && before.stamp == stamp {
                return Ok(before.client.clone());
            }
            // A CA file that is being replaced may be half written: what serves goes on, and is looked at again.
            (before.at, before.stamp) = (Instant::now(), stamp);
            match self.make(address, identity) {
                Ok(client) => before.client = client,
                Err(error) => tracing::warn!(%error, "the connections are not renewed"),
            }
            return Ok(before.client.clone());
        }
        let client = self.make(address, identity)?;
        if made.len() >= MAX_CLIENTS {
            made.remove(0);
        }
        let key = (runtime, address.clone(), identity.cloned());
        made.push(Made { key, client: client.clone(), at: Instant::now(), stamp });
        Ok(client)
    }

    /// What the CA file looks like from outside; none where there is none.
    fn stamp(&self) -> Option<Stamp> {
        let Trust::OnlyFile(path) = &self.trust else { return None };
        stamp(path)
    }

    fn make(&self, address: &Address, identity: Option<&ClientIdentity>) -> Result<Client, Error> {
        let trust = if address.is_encrypted() { &self.trust } else { &Trust::Nobody };
        let mut builder = client_builder(trust, identity, self.connect_timeout)?
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(self.idle);
        if let (Some(_), Address::Tcp { host, port, .. }) = (&self.server_name, address) {
            builder = builder.dns_resolver(RealHost(host.trim_matches(['[', ']']).into(), *port));
        }
        #[cfg(unix)]
        if let Some(path) = address.socket() {
            builder = builder.unix_socket(path);
        }
        build(builder)
    }
}

/// What every client of this crate has in common: nothing is followed, remembered, decompressed, repeated or sent
/// through a proxy, whatever features the embedding program has turned on.
pub(crate) fn client_builder(
    trust: &Trust,
    identity: Option<&ClientIdentity>,
    connect_timeout: Duration,
) -> Result<reqwest::ClientBuilder, Error> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls::client_config(trust, identity)?)
        .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .connect_timeout(connect_timeout))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.modified().ok()?, seen.len()))
}

pub(crate) fn build(builder: reqwest::ClientBuilder) -> Result<Client, Error> {
    builder.build().map_err(|_| Error::new(ErrorKind::Internal, "the HTTP client could not be built"))
}

/// Answers every name with the addresses of the real host, so that the name in the URL is for TLS alone.
struct RealHost(Arc<str>, u16);

impl reqwest::dns::Resolve for RealHost {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (host, port) = (self.0.clone(), self.1);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*host, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
