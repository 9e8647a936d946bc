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
        let _ = self.0.cache.keep_rotating();
        let mounts: Vec<_> = self.0.mounts.iter().map(|mount| mount.clone()).collect();
        for mount in mounts {
            if let Some(mounted) = mount.current() {
                let _ = self.0.cache.keep_following(&mount, &mounted);
            }
        }
        shutdown.await;
        self.shutdown().await;
    }
}
