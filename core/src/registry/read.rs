//! Reading through the registry: one value, now, from memory where it is known.

use std::time::SystemTime;

use super::options::plan;
use super::{Registry, ToReference};
use crate::cache::{Pinned, PinnedCell, Want};
use crate::{Document, Error, ErrorKind, Live, LiveDocument, Reference, Secret, SecretRef, Vault, escaped};

/// A value together with what the vault said about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The value that the reference means.
    pub value: Secret,
    /// The version that was read; none where the vault keeps no versions.
    pub version: Option<u64>,
    /// When it was read, to 50 ms.
    pub fetched_at: SystemTime,
}

impl Fetched {
    pub(crate) fn new(value: Secret, version: Option<u64>, fetched_at: SystemTime) -> Self {
        Self { value, version, fetched_at }
    }
}

/// A reference with its place in the cache.
pub(super) struct Found {
    pub(super) slot: Pinned,
    pub(super) cell: PinnedCell,
}

impl Registry {
    /// The value that a reference means: from memory while it is fresh, or else read from the vault.
    ///
    /// All who want the same secret at the same time share one read, whichever of its keys they want and however
    /// it ends. Dropping the future cancels nobody else's.
    ///
    /// # Errors
    ///
    /// Why there is no value: the first line names the reference, its source the vault and the reason. There
    /// is no fallback to an empty value.
    pub async fn get(&self, reference: impl ToReference) -> Result<Secret, Error> {
        let cache = &self.0.cache;
        let fresh = reference.with_text(|text| {
            let block = cache.peek(text)?;
            block.is_fresh(cache.now()).then(|| {
                cache.count_hit(true);
                Secret::new(block.bytes())
            })
        });
        match fresh {
            Some(value) => Ok(value),
            None => Ok(self.fetch(reference).await?.value),
        }
    }

    /// The value that a reference means, as [`get`](Self::get), with its version and time.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn fetch(&self, reference: impl ToReference) -> Result<Fetched, Error> {
        self.obtain(&reference, Want::Known).await
    }

    /// Reads the value that a reference means from the vault, whatever is known of it. Every other reader of the
    /// same secret sees what that brings. A vault that fails leaves them what they have.
    ///
    /// # Errors
    ///
    /// Why the read failed, also where the value that was read before is still served.
    pub async fn refresh(&self, reference: impl ToReference) -> Result<Fetched, Error> {
        self.obtain(&reference, Want::Anew).await
    }

    /// The value that a reference means if it is known and may be served: no I/O, no lock, no await, no
    /// allocation. None says nothing about the vault; [`get`](Self::get) asks it.
    ///
    /// A reference's text is the quickest to look up.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let vault = MemoryVault::new();
    /// # vault.set("customer/acme", r#"{"name": "ACME Inc."}"#)?;
    /// # let registry = Registry::builder().vault("my-vault", vault).build()?;
    /// let reference = "{vault://my-vault/customer/acme/name}";
    /// assert!(registry.try_get(reference).is_none());
    ///
    /// registry.get(reference).await?;
    /// let name = registry.try_get(reference).expect("it was just read");
    /// assert_eq!(name.as_str()?, "ACME Inc.");
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    #[inline]
    pub fn try_get(&self, reference: impl ToReference) -> Option<SecretRef<'_>> {
        let cache = &self.0.cache;
        let block = reference.with_text(|text| cache.peek(text))?;
        #[cfg(feature = "metrics")]
        cache.count_hit(block.is_fresh(cache.now()));
        Some(SecretRef::guard(block))
    }

    /// A handle that follows the value that a reference means. It is there when this returns.
    ///
    /// While a handle lives, its secret stays in memory. On a vault without `ttl` the value changes by
    /// [`refresh`](Self::refresh) alone, which is logged once.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn watch(&self, reference: impl ToReference) -> Result<Live, Error> {
        let reference = reference.to_reference()?;
        let found = self.found(&reference, Want::Known).await?.0;
        let mount = &found.slot.mount;
        let stays = |vault: &Vault| {
            found.cell.ask.ttl(vault.policy()).is_none() && vault.backend().changes().is_none()
        };
        if mount.mounted().is_ok_and(|mounted| stays(&mounted.vault)) {
            mount.say_that_it_stays();
        }
        Ok(Live::new(self.0.cache.clone(), found.slot, found.cell, reference.into_owned()))
    }

    /// All fields of a secret, from one read. The reference names no key: it ends in `/`.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`ErrorKind::InvalidReference`] for a reference to one field.
    pub async fn document(&self, reference: impl ToReference) -> Result<Document, Error> {
        Ok(self.watch_document(reference).await?.current()?.to_document())
    }

    /// A handle that follows all fields of a secret, which always belong together. The reference names no key: it
    /// ends in `/`.
    ///
    /// # Errors
    ///
    /// As [`document`](Self::document).
    pub async fn watch_document(&self, reference: impl ToReference) -> Result<LiveDocument, Error> {
        let reference = reference.to_reference()?;
        if let Some(key) = reference.key() {
            let message = format!(
                "the key `{}` names one field; a reference to a document has no key and ends in `/`",
                escaped(key)
            );
            return Err(named(&reference, Error::new(ErrorKind::InvalidReference, message)));
        }
        Ok(LiveDocument::new(self.watch(&*reference).await?))
    }

    async fn obtain(&self, reference: &impl ToReference, want: Want) -> Result<Fetched, Error> {
        let parsed = reference.to_reference()?;
        let (found, fetched) = self.found(&parsed, want).await?;
        reference.with_text(|text| self.0.cache.remember(text, &found.cell));
        Ok(fetched)
    }

    async fn found(&self, reference: &Reference, want: Want) -> Result<(Found, Fetched), Error> {
        let result = async {
            let found = self.find(reference)?;
            let fetched = self.0.cache.obtain(&found.slot, &found.cell, want).await?;
            Ok((found, fetched))
        };
        result.await.map_err(|error| named(reference, error))
    }

    /// Where a reference is in the cache, whether or not it has a value there.
    pub(super) fn find(&self, reference: &Reference) -> Result<Found, Error> {
        let mount = self.mount(reference.prefix())?;
        mount.look(|mounted| {
            let (request, wish) =
                plan(reference, &mounted.vault).map_err(|error| mount.place(error, &mounted.vault))?;
            let (slot, cell) = self.0.cache.find(&mount, mounted, request, wish);
            Ok(Found { slot, cell })
        })?
    }
}

/// Puts the reference above what went wrong with it.
pub(crate) fn named(reference: &Reference, error: Error) -> Error {
    error.context(format!("could not resolve {}", escaped(&reference.to_string())))
}
