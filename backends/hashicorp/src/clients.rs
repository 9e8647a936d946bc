//! The open connections of a vault: one client for each runtime, address and client certificate.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use strongroom_core::{ClientIdentity, Error};
use tokio::runtime::{Handle, Id as RuntimeId};
use tokio::time::Instant;

use crate::address::Address;
use crate::connect::Connector;
use crate::tls::Trust;

/// hyper with its pool, which is what reqwest is made of. Reads of secrets are many and all alike: what reqwest does
/// beside (its layers, redirects, a URL to be parsed again) costs as much as all the rest of a read. And nothing is
/// followed, remembered, decompressed or sent through a proxy, whatever features the embedding program has turned on.
pub(crate) type Client = legacy::Client<Connector, Full<Bytes>>;

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
    client: Arc<Client>,
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
    pub(crate) fn get(
        &self,
        address: &Address,
        identity: Option<&ClientIdentity>,
    ) -> Result<Arc<Client>, Error> {
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

    fn make(&self, address: &Address, identity: Option<&ClientIdentity>) -> Result<Arc<Client>, Error> {
        let (name, limit) = (self.server_name.as_deref(), self.connect_timeout);
        let connector = Connector::new(address, name, &self.trust, identity, limit)?;
        let client = legacy::Builder::new(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(self.idle)
            .build(connector);
        Ok(Arc::new(client))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.modified().ok()?, seen.len()))
}
