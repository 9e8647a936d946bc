//! Handles that follow a value.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Block, Cache, Pinned, PinnedCell, Want};
use crate::registry::named;
use crate::value::Way;
use crate::{DocumentRef, Error, Reference, SecretRef};

/// A handle that follows the value that a reference means, through rotations of the secret and replacements of its
/// vault.
///
/// Threads may share one; each clone has its own idea of which value it has [seen](Self::changed). While a handle
/// lives, its secret stays in memory and its registry goes on working.
///
/// ```
/// # use strongroom_core::{MemoryVault, Registry};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let vault = MemoryVault::new();
/// # vault.set("customer/acme", r#"{"name": "ACME Inc."}"#)?;
/// # let registry = Registry::builder().vault("my-vault", vault).build()?;
/// let live = registry.watch("{vault://my-vault/customer/acme/name}").await?;
/// assert_eq!(live.current()?.as_str()?, "ACME Inc.");
/// # Ok::<_, strongroom_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Live {
    cache: Arc<Cache>,
    slot: Pinned,
    cell: PinnedCell,
    reference: Arc<Reference>,
    /// Which of the cell's values was seen last.
    seen: u32,
}

impl Live {
    pub(crate) fn new(cache: Arc<Cache>, slot: Pinned, cell: PinnedCell, reference: Reference) -> Self {
        let seen = cell.load().serial();
        Self { cache, slot, cell, reference: Arc::new(reference), seen }
    }

    #[cfg(test)]
    pub(crate) fn slot(&self) -> &Pinned {
        &self.slot
    }

    /// The present value: no lock, no await, no allocation.
    ///
    /// # Errors
    ///
    /// Why there is no value that may be served: it is past `ttl` and `resurrect_ttl` or the vault's own expiry, it
    /// was deleted or denied, or the vault was removed. There is no fallback to an empty value.
    #[inline]
    pub fn current(&self) -> Result<SecretRef<'_>, Error> {
        let block = self.cell.load();
        if block.is_live(self.cache.now()) { Ok(SecretRef::guard(block)) } else { Err(self.explain()) }
    }

    /// A reader of the same value for one thread, several times quicker than [`current`](Self::current).
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { block: self.cell.load_full(), cache: self.cache.clone(), live: Box::new(self.clone()) }
    }

    /// Completes when the value is another one than when the handle was made, or than when this completed last. A
    /// value that was taken away counts as another one.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) once the vault was removed; and where the runtime that rotates secrets
    /// has ended and this is called from none.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            let news = self.slot.flights.seen();
            let mounted = self.slot.mount.mounted().map_err(|error| named(&self.reference, error))?;
            let serial = self.cell.load().serial();
            if serial != self.seen {
                self.seen = serial;
                return Ok(());
            }
            let kept = self.cache.keep_rotating();
            let kept = kept.and_then(|()| self.cache.keep_following(&self.slot.mount, &mounted));
            kept.map_err(|error| named(&self.reference, error))?;
            self.slot.flights.news(news).await;
        }
    }

    /// Reads the secret from the vault, whatever is known of it.
    ///
    /// # Errors
    ///
    /// Why the read failed, also where the value that was read before is still served.
    pub async fn refresh(&self) -> Result<(), Error> {
        let refreshed = self.cache.obtain(&self.slot, &self.cell, Want::Anew).await;
        refreshed.map(drop).map_err(|error| named(&self.reference, error))
    }

    /// How long ago the value was read, to 50 ms. The read began then: whatever was written later may be missing.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.cell.load().age(self.cache.now())
    }

    /// Whether the value is older than its `ttl` because the vault did not give a newer one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !self.cell.load().is_fresh(self.cache.now())
    }

    /// The version that the value has in the vault; none where the vault keeps no versions.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.cell.load().version()
    }

    /// What it follows.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// How the fields of the document are read; as they stand once there is no vault any more to say otherwise.
    pub(crate) fn way(&self) -> Way {
        self.slot.mount.current().map_or(Way::PLAIN, |mounted| self.cell.ask.way(&mounted.vault.policy))
    }

    #[cold]
    fn explain(&self) -> Error {
        named(&self.reference, self.slot.explain(&self.cell, self.cache.now()))
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// A reader of a live value for one thread. It remembers where the value lies, so that reading it costs little more
/// than reading a variable.
///
/// A reader that is not used keeps the value that it read last from being wiped.
#[derive(Clone)]
pub struct Reader {
    block: Arc<Block>,
    cache: Arc<Cache>,
    /// Boxed, so that what every read needs lies close together.
    live: Box<Live>,
}

impl Reader {
    /// The present value, as by [`Live::current`].
    ///
    /// # Errors
    ///
    /// As [`Live::current`].
    #[inline]
    pub fn current(&mut self) -> Result<SecretRef<'_>, Error> {
        // A block that is replaced says so itself: one place in memory to look at.
        if !self.block.is_current(self.cache.now()) {
            self.look_again()?;
        }
        Ok(SecretRef::borrowed(&self.block))
    }

    #[cold]
    #[inline(never)]
    fn look_again(&mut self) -> Result<(), Error> {
        self.block = self.live.cell.load_full();
        if self.block.is_live(self.cache.now()) { Ok(()) } else { Err(self.live.explain()) }
    }

    /// The handle that it was made from.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("reference", &self.live.reference).finish_non_exhaustive()
    }
}

/// A handle that follows all fields of a secret. They always belong together: user name and password, certificate
/// and key.
#[derive(Clone, Debug)]
pub struct LiveDocument(Live);

impl LiveDocument {
    pub(crate) fn new(live: Live) -> Self {
        Self(live)
    }

    /// All fields as they are at present.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let vault = MemoryVault::new();
    /// # vault.set("db/creds", r#"{"user": "app", "password": "hunter2"}"#)?;
    /// # let registry = Registry::builder().vault("my-vault", vault).build()?;
    /// let login = registry.watch_document("{vault://my-vault/db/creds/}").await?;
    /// let (user, password) = {
    ///     let now = login.current()?;
    ///     (now.get("user")?, now.get("password")?)
    /// };
    /// # assert_eq!((user.as_str()?, password.as_str()?), ("app", "hunter2"));
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Live::current`].
    pub fn current(&self) -> Result<DocumentRef<'_>, Error> {
        self.0.current().map(|whole| DocumentRef::new(whole, &self.0))
    }

    /// Completes when a field is another one than when the handle was made, or than when this completed last.
    ///
    /// # Errors
    ///
    /// As [`Live::changed`].
    pub async fn changed(&mut self) -> Result<(), Error> {
        self.0.changed().await
    }

    /// The same handle as one to the whole document's text, with its age and version.
    #[must_use]
    pub fn as_live(&self) -> &Live {
        &self.0
    }
}
