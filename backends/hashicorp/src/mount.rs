//! What can be a KV mount at all, and which KV version it is, as far as the server tells.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::Instant;

use crate::kv::Engine;

/// How long what was seen is believed before a failed read makes somebody look again.
const BELIEVED: Duration = Duration::from_secs(60);

/// The mounts that every server has for itself.
const OF_THE_SERVER: [&str; 4] = ["auth", "sys", "identity", "cubbyhole"];

/// Why a mount cannot be one of KV. A read below the server's own mounts can answer with Strongroom's own token.
pub(crate) fn check(mount: &str) -> Result<(), &'static str> {
    let first = mount.split('/').next().unwrap_or_default();
    if OF_THE_SERVER.contains(&first) {
        return Err("expected a KV mount: `auth`, `sys`, `identity` and `cubbyhole` are the server's own");
    }
    Ok(())
}

/// What was last seen of the mount.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    last: Mutex<Option<Seen>>,
    /// Held by whoever looks.
    pub(crate) turn: Turn<()>,
}

/// An engine, or that none could be seen, and when.
type Seen = (Option<Engine>, Instant);

impl Sight {
    /// The engine, however long ago it was seen.
    pub(crate) fn engine(&self) -> Option<Engine> {
        self.lock().and_then(|(engine, _)| engine)
    }

    /// What was seen lately: the engine, or that it could not be seen.
    pub(crate) fn lately(&self) -> Option<Option<Engine>> {
        self.lock().filter(|(_, at)| at.elapsed() < BELIEVED).map(|(engine, _)| engine)
    }

    pub(crate) fn saw(&self, engine: Option<Engine>) {
        *self.lock() = Some((engine, Instant::now()));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seen>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
