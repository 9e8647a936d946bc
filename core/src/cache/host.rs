//! The runtime on which background work runs: the one that hosts the registry, or the first that asked.

use std::future::Future;
use std::sync::Mutex;

use tokio::runtime::{Handle, Id};

use crate::sync::lock;
use crate::{Error, ErrorKind};

/// Where tasks of a registry run.
#[derive(Debug, Default)]
pub(crate) struct Host(Mutex<Option<Handle>>);

impl Host {
    /// Runs a task on the host, which is the caller's runtime if there is none yet.
    ///
    /// # Errors
    ///
    /// There is none, and the caller is in no runtime.
    pub(crate) fn spawn<T>(&self, task: impl FnOnce(Id) -> T) -> Result<(), Error>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let handle = {
            let mut host = lock(&self.0);
            match &*host {
                Some(handle) => handle.clone(),
                None => {
                    let handle = Handle::try_current().map_err(|_| no_runtime())?;
                    host.insert(handle).clone()
                }
            }
        };
        handle.spawn(task(handle.id()));
        Ok(())
    }

    /// Makes the caller's runtime the host, if it is in one.
    pub(crate) fn move_here(&self) -> Option<Id> {
        let handle = Handle::try_current().ok()?;
        let id = handle.id();
        *lock(&self.0) = Some(handle);
        Some(id)
    }

    pub(crate) fn id(&self) -> Option<Id> {
        lock(&self.0).as_ref().map(Handle::id)
    }

    /// Forgets a host that has ended.
    pub(crate) fn forget(&self, id: Id) {
        let mut host = lock(&self.0);
        if host.as_ref().map(Handle::id) == Some(id) {
            *host = None;
        }
    }
}

fn no_runtime() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "there is no tokio runtime to read on: call from within one, or let one host `Registry::run`",
    )
    .transient()
}
