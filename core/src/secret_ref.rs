//! Short borrows of values that the registry holds.

use std::fmt;
use std::marker::PhantomData;

use strongroom_hazard::Guard;

use crate::cache::Block;
use crate::{Document, Error, Live, Secret};

/// A value where it lies in the registry's memory: no copy was made of it.
///
/// It is for a moment's use, so it can neither be sent to another thread nor held across an await in a task that
/// may move; [`to_secret`](Self::to_secret) copies. While it lives the value is not wiped, even if it is replaced.
///
/// ```compile_fail
/// fn sent<T: Send>(_: T) {}
/// # fn of(registry: strongroom_core::Registry) {
/// sent(registry.try_get("{vault://my-vault/customer/acme/name}"));
/// # }
/// ```
///
/// ```compile_fail
/// # fn of(live: strongroom_core::Live) {
/// tokio::spawn(async move {
///     let value = live.current();
///     tokio::task::yield_now().await;
///     drop(value);
/// });
/// # }
/// ```
///
/// ```
/// # fn of(live: strongroom_core::Live) {
/// tokio::spawn(async move {
///     let value = live.current().map(|value| value.to_secret());
///     tokio::task::yield_now().await;
///     drop(value);
/// });
/// # }
/// ```
pub struct SecretRef<'a> {
    held: Held<'a>,
    /// Bound to its thread.
    _here: PhantomData<*const ()>,
}

enum Held<'a> {
    Guard(Guard<Block>),
    Borrowed(&'a Block),
}

impl<'a> SecretRef<'a> {
    #[inline]
    pub(crate) fn guard(block: Guard<Block>) -> Self {
        Self { held: Held::Guard(block), _here: PhantomData }
    }

    #[inline]
    pub(crate) fn borrowed(block: &'a Block) -> Self {
        Self { held: Held::Borrowed(block), _here: PhantomData }
    }

    #[inline]
    fn block(&self) -> &Block {
        match &self.held {
            Held::Guard(block) => block,
            Held::Borrowed(block) => block,
        }
    }

    /// The bytes as the vault holds them.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.block().bytes()
    }

    /// The value as text.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`](crate::ErrorKind::InvalidValue) where the bytes are not UTF-8.
    pub fn as_str(&self) -> Result<&str, Error> {
        std::str::from_utf8(self.as_bytes()).map_err(|_| Error::not_text())
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the value is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The version that this value has in the vault; none where the vault keeps no versions.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.block().version()
    }

    /// A copy to keep.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.as_bytes())
    }
}

impl fmt::Debug for SecretRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretRef(<redacted>)")
    }
}

/// All fields of a secret at one moment, where they lie in the registry's memory. Lives as short as a
/// [`SecretRef`].
pub struct DocumentRef<'a> {
    whole: SecretRef<'a>,
    live: &'a Live,
}

impl<'a> DocumentRef<'a> {
    pub(crate) fn new(whole: SecretRef<'a>, live: &'a Live) -> Self {
        Self { whole, live }
    }

    /// The value of a field: what a reference with this key gives, so strings are decoded where the vault sets
    /// `base64_decode`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no such field, [`InvalidValue`](crate::ErrorKind::InvalidValue) where it is null, an
    /// object or an array.
    pub fn get(&self, key: &str) -> Result<Secret, Error> {
        self.to_document().get(key)
    }

    /// The whole document as the vault gave it: compact JSON, or bytes as they stand.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.whole.as_bytes()
    }

    /// The version; none where the vault keeps no versions.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.whole.version()
    }

    /// A copy to keep.
    #[must_use]
    pub fn to_document(&self) -> Document {
        let document = Document::opaque(self.as_bytes()).read_in(self.live.way());
        match self.version() {
            Some(version) => document.with_version(version),
            None => document,
        }
    }
}

impl fmt::Debug for DocumentRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentRef(<redacted>)")
    }
}
