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

/// More runtimes, addresses and client certificates at a time than any program has: some have a runtime for each core.
const MAX_POOLS: usize = 1024;

/// However busy, a connection is given up after this, so that a name that moves is followed. A pool that nobody wanted
/// for as long is dropped, with the key that it may hold.
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

/// A pool, when it was made and wanted last, and what was seen of the CA file when it was made.
struct Made {
    key: Key,
    pool: Arc<Pool>,
    at: Instant,
    wanted: Instant,
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
        let found = made.iter_mut().find(|Made { key: (owner, to, with), .. }| {
            *owner == runtime && to == address && with.as_ref() == identity
        });
        let (now, stamp) = (Instant::now(), self.stamp());
        if let Some(before) = found {
            before.wanted = now;
            if now < before.at + AGE && before.stamp == stamp {
                return Ok(before.pool.clone());
            }
            // A CA file that is being replaced may be half written: what serves goes on, and is looked at again.
            (before.at, before.stamp) = (now, stamp);
            match self.make(address, identity) {
                Ok(pool) => before.pool = pool,
                Err(error) => tracing::warn!(%error, "the connections are not renewed"),
            }
            let pool = before.pool.clone();
            drop_unwanted(&mut made, now);
            return Ok(pool);
        }
        let pool = self.make(address, identity)?;
        drop_unwanted(&mut made, now);
        let key = (runtime, address.clone(), identity.cloned());
        made.push(Made { key, pool: pool.clone(), at: now, wanted: now, stamp });
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

/// Drops what nobody has wanted for long, and where there is no room for another, what was wanted least lately.
fn drop_unwanted(made: &mut Vec<Made>, now: Instant) {
    made.retain(|made| now < made.wanted + AGE);
    if made.len() >= MAX_POOLS {
        let oldest = (0..made.len()).min_by_key(|at| made[*at].wanted);
        oldest.map(|at| made.swap_remove(at));
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.modified().ok()?, seen.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools() -> Pools {
        Pools::new(Trust::Nobody, None, Duration::from_secs(1), 1)
    }

    fn address(port: usize) -> Address {
        Address::parse(&format!("http://127.0.0.1:{port}")).unwrap()
    }

    fn count(pools: &Pools) -> usize {
        pools.made.lock().unwrap().len()
    }

    #[test]
    fn each_runtime_keeps_its_pool_however_many_there_are() {
        let (pools, address) = (pools(), address(1));
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let runtimes: Vec<_> = std::iter::repeat_with(runtime).take(40).collect();
        let each =
            || runtimes.iter().map(|runtime| runtime.block_on(async { pools.get(&address, None).unwrap() }));
        let first: Vec<_> = each().collect();
        assert!(each().zip(&first).all(|(again, first)| Arc::ptr_eq(&again, first)));
        assert_eq!(count(&pools), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_made_anew_in_time_and_dropped_once_nobody_wants_it() {
        let pools = pools();
        let (busy, quiet) = (address(1), address(2));
        let (first, _) = (pools.get(&busy, None).unwrap(), pools.get(&quiet, None).unwrap());
        tokio::time::advance(AGE / 2).await;
        assert!(Arc::ptr_eq(&first, &pools.get(&busy, None).unwrap()));
        assert_eq!(count(&pools), 2);
        tokio::time::advance(AGE / 2).await;
        assert!(!Arc::ptr_eq(&first, &pools.get(&busy, None).unwrap()));
        assert_eq!(count(&pools), 1, "the quiet one is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_are_too_many_the_one_goes_that_was_wanted_least_lately() {
        let pools = pools();
        let first = pools.get(&address(1), None).unwrap();
        for port in 2..=MAX_POOLS {
            tokio::time::advance(Duration::from_millis(1)).await;
            pools.get(&address(port), None).unwrap();
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(Arc::ptr_eq(&first, &pools.get(&address(1), None).unwrap()));
        pools.get(&address(MAX_POOLS + 1), None).unwrap();
        assert_eq!(count(&pools), MAX_POOLS);
        assert!(Arc::ptr_eq(&first, &pools.get(&address(1), None).unwrap()));
    }
}
