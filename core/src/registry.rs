//! Prefixes and the vaults behind them.

mod many;
mod options;
mod read;
mod run;
mod status;
mod to_reference;

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;

pub use to_reference::ToReference;

pub(crate) use many::Gathered;
pub use read::Fetched;
pub(crate) use read::named;

use crate::cache::{Cache, Mount};
use crate::factory::nearest;
use crate::{CacheLimits, Error, ErrorKind, Health, Probe, Vault, escaped};

/// Prefixes that are backends' own names, kept for default vaults. Nothing else is reserved, now or later.
pub const RESERVED_PREFIXES: &[&str] =
    &["env", "hcv", "aws", "gcp", "azure", "azure-certs", "conjur", "fs", "konnect"];

/// The vaults of a program by prefix. Cheap to clone; all clones are one registry.
///
/// Building does no I/O, starts no task and needs no runtime. Vaults may be added, replaced and removed while
/// others read.
///
/// ```
/// # use strongroom_core::{MemoryVault, Registry};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let vault = MemoryVault::new();
/// vault.set("customer/acme", r#"{"name": "ACME Inc."}"#)?;
/// let registry = Registry::builder().vault("my-vault", vault).build()?;
///
/// let name = registry.get("{vault://my-vault/customer/acme/name}").await?;
/// assert_eq!(name.as_str()?, "ACME Inc.");
/// # Ok::<_, strongroom_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Registry(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    mounts: DashMap<Box<str>, Arc<Mount>>,
    pub(crate) cache: Arc<Cache>,
    unknown_prefix_note: Option<String>,
}

impl Registry {
    /// An empty registry to add vaults to.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// Asks the vault behind a prefix whether it can be reached and lets us in, as far as `probe` may go.
    ///
    /// # Errors
    ///
    /// What stands in the way, or that there is no such vault.
    pub async fn check(&self, prefix: &str, probe: Probe) -> Result<Health, Error> {
        let mount = self.mount(prefix)?;
        let vault = &mount.mounted()?.vault;
        vault.backend.check(probe).await.map_err(|error| mount.place(error, vault))
    }

    /// The vault behind a prefix.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrefix`], naming the nearest prefix there is.
    pub fn vault(&self, prefix: &str) -> Result<Vault, Error> {
        Ok(self.mount(prefix)?.mounted()?.vault.clone())
    }

    fn mount(&self, prefix: &str) -> Result<Arc<Mount>, Error> {
        // The clone lets go of the shard before anything is awaited.
        self.0.mounts.get(prefix).map(|mount| mount.clone()).ok_or_else(|| self.unknown_prefix(prefix))
    }

    /// All prefixes, sorted.
    #[must_use]
    pub fn prefixes(&self) -> Vec<String> {
        let mut prefixes: Vec<_> = self.0.mounts.iter().map(|entry| entry.key().to_string()).collect();
        prefixes.sort();
        prefixes
    }

    /// Adds a vault while others read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a prefix that is malformed, reserved or taken.
    pub fn add(&self, prefix: &str, vault: impl Into<Vault>) -> Result<(), Error> {
        check_prefix(prefix)?;
        self.insert(prefix, vault.into())
    }

    /// Puts another vault in the place of the one behind a prefix and closes the old one.
    ///
    /// Handles go on with the old values, within their limits, until the new vault has given a good document; what else
    /// it says is told to whoever [gets](Self::get) the secret. What the old vault still answers after this call began is not shown to anybody.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrefix`] where there is none to replace.
    pub async fn replace(&self, prefix: &str, vault: impl Into<Vault>) -> Result<(), Error> {
        let mount = self.mount(prefix)?;
        let old = mount.replace(vault.into()).ok_or_else(|| self.unknown_prefix(prefix))?;
        self.0.cache.renew(&mount);
        old.vault.backend.close().await;
        Ok(())
    }

    /// Removes the vault behind a prefix and closes it. Its values are dropped, and handles to them are errors.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownPrefix`] where there is none.
    pub async fn remove(&self, prefix: &str) -> Result<(), Error> {
        let (_, mount) = self.0.mounts.remove(prefix).ok_or_else(|| self.unknown_prefix(prefix))?;
        let old = mount.unmount();
        self.0.cache.drop_all(&mount);
        if let Some(old) = old {
            old.vault.backend.close().await;
        }
        Ok(())
    }

    /// Removes and closes every vault, all at the same time: tokens that were obtained by a login are given back. One that
    /// panics at that keeps no other from it.
    pub async fn shutdown(&self) {
        // Somebody else may have removed one meanwhile, which is as good.
        let removals =
            self.prefixes().into_iter().map(|prefix| async move { drop(self.remove(&prefix).await) });
        let mut removals: Vec<_> = removals.map(Box::pin).collect();
        std::future::poll_fn(|cx| {
            removals.retain_mut(|removal| {
                let step = catch_unwind(AssertUnwindSafe(|| removal.as_mut().poll(cx).is_pending()));
                step.unwrap_or_else(|_| {
                    tracing::error!("a backend panicked when it was closed; this is a defect in it");
                    false
                })
            });
            if removals.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn insert(&self, prefix: &str, vault: Vault) -> Result<(), Error> {
        match self.0.mounts.entry(prefix.into()) {
            MapEntry::Vacant(entry) => {
                entry.insert(Arc::new(Mount::new(prefix, vault)));
                Ok(())
            }
            MapEntry::Occupied(_) => Err(invalid_prefix(prefix, "is taken by another vault")),
        }
    }

    fn unknown_prefix(&self, prefix: &str) -> Error {
        let known = self.prefixes();
        let message = match known.as_slice() {
            [] => format!("no vault has the prefix `{}`: none is configured", escaped(prefix)),
            known => {
                // A guess may name a vault that cannot work, whose own error then says why. The list is what works.
                let guess = nearest(prefix, known.iter().map(String::as_str));
                let guess = guess.map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default();
                format!(
                    "no vault has the prefix `{}`{guess} (configured: {})",
                    escaped(prefix),
                    self.usable(known).join(", ")
                )
            }
        };
        let error = Error::new(ErrorKind::UnknownPrefix, message);
        match &self.0.unknown_prefix_note {
            Some(note) => error.note(note),
            None => error,
        }
    }

    /// Those of `prefixes` that somebody configured, or that work as they are.
    fn usable<'a>(&self, prefixes: &'a [String]) -> Vec<&'a str> {
        let is_unavailable = |prefix: &str| {
            let mount = self.mount(prefix).ok();
            mount.and_then(|mount| mount.mounted().ok()).is_some_and(|mounted| mounted.vault.is_unavailable)
        };
        let usable = |prefix: &&str| !RESERVED_PREFIXES.contains(prefix) || !is_unavailable(prefix);
        prefixes.iter().map(String::as_str).filter(usable).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("prefixes", &self.prefixes()).finish()
    }
}

/// Collects the vaults of a [`Registry`].
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    vaults: Vec<(String, Vault)>,
    defaults: Vec<(String, Vault)>,
    limits: CacheLimits,
    unknown_prefix_note: Option<String>,
}

impl RegistryBuilder {
    /// Adds a vault under a prefix of the user's choice.
    #[must_use]
    pub fn vault(mut self, prefix: impl Into<String>, vault: impl Into<Vault>) -> Self {
        self.vaults.push((prefix.into(), vault.into()));
        self
    }

    /// Adds the default vault of a backend, under one of the [`RESERVED_PREFIXES`].
    #[must_use]
    pub fn default_vault(mut self, prefix: impl Into<String>, vault: impl Into<Vault>) -> Self {
        self.defaults.push((prefix.into(), vault.into()));
        self
    }

    /// Bounds what is held of secrets that no handle holds.
    #[must_use]
    pub fn cache_limits(mut self, limits: CacheLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a remark that the error for an unknown prefix ends with, such as where vaults could have been
    /// declared.
    #[must_use]
    pub fn unknown_prefix_note(mut self, note: impl Into<String>) -> Self {
        self.unknown_prefix_note = Some(note.into());
        self
    }

    /// The registry. Does no I/O and needs no runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a prefix that is malformed, reserved or given twice.
    pub fn build(self) -> Result<Registry, Error> {
        self.build_with(Cache::new)
    }

    pub(crate) fn build_with(self, cache: impl FnOnce(CacheLimits) -> Arc<Cache>) -> Result<Registry, Error> {
        let registry = Registry(Arc::new(Inner {
            mounts: DashMap::new(),
            cache: cache(self.limits),
            unknown_prefix_note: self.unknown_prefix_note,
        }));
        for (prefix, vault) in self.vaults {
            registry.add(&prefix, vault)?;
        }
        for (prefix, vault) in self.defaults {
            if !RESERVED_PREFIXES.contains(&prefix.as_str()) {
                return Err(invalid_prefix(&prefix, "is no backend's own name, so it has no default vault"));
            }
            registry.insert(&prefix, vault)?;
        }
        Ok(registry)
    }
}

/// Whether a vault may have this prefix: a lower-case letter, then letters, digits or `-`, ending in a letter
/// or digit, two characters at least, and not one of the [`RESERVED_PREFIXES`].
///
/// # Errors
///
/// [`ErrorKind::InvalidConfig`], saying what is wrong with it.
pub fn check_prefix(prefix: &str) -> Result<(), Error> {
    if RESERVED_PREFIXES.contains(&prefix) {
        return Err(invalid_prefix(prefix, "is reserved for the backend of that name; choose another"));
    }
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    match prefix.as_bytes() {
        [first, middle @ .., last]
            if first.is_ascii_lowercase() && middle.iter().all(inner) && inner(last) && *last != b'-' =>
        {
            Ok(())
        }
        _ => Err(invalid_prefix(
            prefix,
            "is not valid: a lower-case letter, then letters, digits or `-`, ending in a letter or digit, at least two characters",
        )),
    }
}

fn invalid_prefix(prefix: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("the prefix `{}` {what}", escaped(prefix)))
}

#[cfg(test)]
mod tests;
