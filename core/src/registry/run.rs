//! Hosting a registry's background work.

use std::future::Future;

use super::Registry;

impl Registry {
    /// Hosts the registry's background work on the caller's runtime until `shutdown` completes, then shuts the
    /// registry down. Without it, the runtime of the first asynchronous call is the host.
    ///
    /// For programs that build their registry before they have a runtime, or have several.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        self.0.cache.host().move_here();
        shutdown.await;
        self.shutdown().await;
    }
}
