//! What becomes of secrets as it happens, and how the vaults are.

use std::sync::Arc;

use super::Registry;
use crate::{RotationEvents, Status, VaultStatus};

impl Registry {
    /// What becomes of the secrets in memory from now on: changes, ends, failures, recoveries. Never a value.
    #[must_use]
    pub fn events(&self) -> RotationEvents {
        self.0.cache.events()
    }

    /// How the vaults are, as far as is known without asking them. For a health endpoint; it goes through everything
    /// that is in memory, so it is not for each request.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry};
    /// let registry = Registry::builder().vault("my-vault", MemoryVault::new()).build()?;
    /// let status = registry.status();
    /// assert_eq!((status.vaults[0].prefix.as_str(), status.is_failing()), ("my-vault", false));
    /// # Ok::<_, strongroom_core::Error>(())
    /// ```
    #[must_use]
    pub fn status(&self) -> Status {
        let surveys = self.0.cache.survey();
        let now = self.0.cache.now();
        let mut vaults: Vec<_> = self
            .0
            .mounts
            .iter()
            .filter_map(|entry| {
                let mount = entry.value();
                let description = mount.current()?.vault.backend.describe();
                let survey = surveys.iter().find(|survey| Arc::ptr_eq(&survey.mount, mount));
                let beats = mount.pulse.beats();
                let failed = beats.failure.as_ref();
                Some(VaultStatus {
                    prefix: mount.prefix().to_owned(),
                    backend: description.kind.to_owned(),
                    address: description.address,
                    failing: beats.is_failing(),
                    entries: survey.map_or(0, |survey| survey.entries),
                    stale: survey.map_or(0, |survey| survey.stale),
                    oldest_age_seconds: survey.and_then(|survey| survey.oldest).map(|age| age.as_secs_f64()),
                    answered_seconds_ago: beats.answered.map(|at| now.since(at).as_secs_f64()),
                    failed_seconds_ago: failed.map(|(_, at)| now.since(*at).as_secs_f64()),
                    last_error: failed.map(|(error, _)| error.to_string()),
                    token_left_seconds: description.token_left.map(|left| left.as_secs()),
                })
            })
            .collect();
        vaults.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        Status { vaults }
    }
}
