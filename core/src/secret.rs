//! Owned secret bytes: wiped when dropped, never shown.

mod deserialize;

use std::fmt;

use zeroize::Zeroizing;

use crate::Error;
pub(crate) use deserialize::NAME;

/// A secret value: bytes that are wiped from memory on drop and never shown by `Debug`.
///
/// There is no `Display`, `Serialize` or `Deref` to text on purpose: whoever needs the value says so with
/// [`as_bytes`](Self::as_bytes) or [`as_str`](Self::as_str). A clone is a second copy with a life of its own.
///
/// ```
/// let secret = strongroom_core::Secret::from("hunter2");
/// assert_eq!(secret.as_str().unwrap(), "hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(<redacted>)");
/// ```
///
/// It deserializes, so that it can be a field of a program's configuration, and never serializes:
///
/// ```compile_fail
/// fn serialized(_: &impl serde::Serialize) {}
/// serialized(&strongroom_core::Secret::from("hunter2"));
/// ```
#[derive(Clone, Default)]
pub struct Secret(pub(crate) Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over without copying them.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes as the vault holds them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value as text.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`](crate::ErrorKind::InvalidValue) where the bytes are not UTF-8.
    pub fn as_str(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.0).map_err(|_| Error::not_text())
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the value is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<redacted>)")
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?} {:#?}", Secret::from("canary"), Some(Secret::from("canary")));
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        let secret = Secret::new([0xff, 0xfe]);
        assert_eq!(secret.as_str().unwrap_err().kind(), ErrorKind::InvalidValue);
        assert_eq!(secret.as_bytes(), [0xff, 0xfe]);
    }
}
