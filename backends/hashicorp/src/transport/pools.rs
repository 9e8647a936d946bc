//! The open connections of a vault: one pool for each runtime, address and client certificate.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use strongroom_core::{ClientIdentity, Error};
use tokio::runtime::{Handle, Id as RuntimeId};
use tokio::time::Instant;

use super::address::Address;
use super::connect::Connector;
use super::pool::Pool;
use super::tls::Trust;

/// More runtimes, addresses and client certificates at a time than any program has.
const MAX_POOLS: usize = 16;

/// However busy, a connection is given up after this, so that a name that moves is followed.
const AGE: Duration = Duration::from_secs(300);

/// Connections belong to the runtime that drives them, and to the client certificate they were opened with.
type Key = (RuntimeId, Address, Option<ClientIdentity>);

/// The pools that were made so far, and how to make another.
pub(crate) struct Pools {
    pub(crate) trust: Trust,
    /// The name to expect in the server's certificate in place of the host.
    pub(crate) server_name: Option<String>,
    connect_timeout: Duration,
    /// How many connections may lie idle.
    idle: usize,
    made: Mutex<Vec<Made>>,
}

/// A pool, when it was made, and what was seen of the CA file then.
struct Made {
    key: Key,
    pool: Arc<Pool>,
    at: Instant,
    stamp: Option<Stamp>,
}

/// A file's modification time and length, which change when it is replaced.
type Stamp = (SystemTime, u64);

impl Pools {
    pub(crate) fn new(
        trust: Trust,
        server_name: Option<String>,
        connect_timeout: Duration,
        idle: usize,
    ) -> Self {
        Self { trust, server_name, connect_timeout, idle, made: Mutex::default() }
    }

    /// The pool for `address` on this runtime, made at its first use there.
    pub(crate) fn get(
        &self,
        address: &Address,
        identity: Option<&ClientIdentity>,
    ) -> Result<Arc<Pool>, Error> {
        let runtime = Handle::current().id();
        // A panic elsewhere cannot leave half a pool behind.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let found = made.iter().position(|Made { key: (owner, to, with), .. }| {
            *owner == runtime && to == address && with.as_ref() == identity
        });
        let stamp = self.stamp();
        if let Some(found) = found {
            let before = &mut made[found];
            if before.at.elapsed() < AGE && before.stamp == stamp {
                return Ok(before.pool.clone());
            }
            // A CA file that is being replaced may be half written: what serves goes on, and is looked at again.
            (before.at, before.stamp) = (Instant::now(), stamp);
            match self.make(address, identity) {
                Ok(pool) => before.pool = pool,
                Err(error) => tracing::warn!(%error, "the connections are not renewed"),
            }
            return Ok(before.pool.clone());
        }
        let pool = self.make(address, identity)?;
        if made.len() >= MAX_POOLS {
            made.remove(0);
        }
        let key = (runtime, address.clone(), identity.cloned());
        made.push(Made { key, pool: pool.clone(), at: Instant::now(), stamp });
        Ok(pool)
    }

    /// What the CA file looks like from outside; none where there is none.
    fn stamp(&self) -> Option<Stamp> {
        let Trust::OnlyFile(path) = &self.trust else { return None };
        stamp(path)
    }

    fn make(&self, address: &Address, identity: Option<&ClientIdentity>) -> Result<Arc<Pool>, Error> {
        let (name, limit) = (self.server_name.as_deref(), self.connect_timeout);
        let connector = Connector::new(address, name, &self.trust, identity, limit)?;
        Ok(Arc::new(Pool::new(connector, self.idle)))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.modified().ok()?, seen.len()))
}
