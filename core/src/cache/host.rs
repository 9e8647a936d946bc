//! The runtime on which background work runs: the one that hosts the registry, or the first that asked.
//!
//! What somebody waits for runs on the host only where that was chosen, and else on the reader's own runtime: the
//! first that asked may be one that nobody drives any more.

use std::sync::Mutex;

use tokio::runtime::{Handle, Id};

use crate::sync::lock;
use crate::{Error, ErrorKind};

/// Where tasks of a registry run.
#[derive(Debug, Default)]
pub(crate) struct Host(Mutex<Place>);

#[derive(Debug, Default)]
struct Place {
    handle: Option<Handle>,
    /// Whether somebody hosts the registry there on purpose.
    chosen: bool,
}

impl Host {
    /// The host, which is the caller's runtime if there is none yet.
    ///
    /// # Errors
    ///
    /// There is none, and the caller is in no runtime.
    pub(crate) fn home(&self) -> Result<Handle, Error> {
        let mut host = lock(&self.0);
        match &host.handle {
            Some(handle) => Ok(handle.clone()),
            None => Ok(host.handle.insert(Handle::try_current().map_err(|_| no_runtime())?).clone()),
        }
    }

    /// The runtime for what the caller waits for.
    ///
    /// # Errors
    ///
    /// There is no host, and the caller is in no runtime.
    pub(crate) fn nearest(&self) -> Result<Handle, Error> {
        self.nearest_and_whether_here().map(|(runtime, _)| runtime)
    }

    /// The same, and whether it is the caller's own.
    pub(crate) fn nearest_and_whether_here(&self) -> Result<(Handle, bool), Error> {
        let here = Handle::try_current().ok();
        let mut host = lock(&self.0);
        let Place { handle, chosen } = &mut *host;
        match (handle, here) {
            (Some(handle), Some(here)) => {
                let is_here = !*chosen || handle.id() == here.id();
                Ok((if is_here { here } else { handle.clone() }, is_here))
            }
            (Some(handle), None) => Ok((handle.clone(), false)),
            (none, Some(here)) => Ok((none.insert(here).clone(), true)),
            (None, None) => Err(no_runtime()),
        }
    }

    /// Makes the caller's runtime the host, if it is in one.
    pub(crate) fn move_here(&self) -> Option<Id> {
        let handle = Handle::try_current().ok()?;
        let id = handle.id();
        *lock(&self.0) = Place { handle: Some(handle), chosen: true };
        Some(id)
    }

    pub(crate) fn id(&self) -> Option<Id> {
        lock(&self.0).handle.as_ref().map(Handle::id)
    }

    /// Leaves a host, and says which runtime it was and whether it was chosen.
    pub(super) fn leave(&self, id: Id) -> Option<(Handle, bool)> {
        let mut host = lock(&self.0);
        let Place { handle, chosen } = &mut *host;
        let left = handle.take_if(|handle| handle.id() == id)?;
        Some((left, std::mem::take(chosen)))
    }

    /// Makes a runtime that was left the host again, unless another has taken its place. Says whether it is.
    pub(super) fn resume(&self, handle: Handle, chosen: bool) -> bool {
        let mut host = lock(&self.0);
        let is_free = host.handle.is_none() || (chosen && !host.chosen);
        if is_free {
            *host = Place { handle: Some(handle), chosen };
        }
        is_free
    }
}

fn no_runtime() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "there is no tokio runtime to read on: call from within one, or let one host `Registry::run`",
    )
    .transient()
}
