//! What a vault holds for one resource: all of its fields, from one read.

use std::fmt;
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::json::{self, Json, JsonText};
use crate::value::{Pick, Picked, Way};
use crate::{Error, ErrorKind, Secret};

/// What a vault holds for one resource, read at one moment.
///
/// A document is read and kept whole, so user name and password of one secret always belong together and one
/// upstream read serves every reference to it. Its bytes are wiped on drop.
#[derive(Clone)]
#[non_exhaustive]
pub struct Document {
    content: Content,
    version: Option<u64>,
    created: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    way: Way,
}

#[derive(Clone)]
enum Content {
    /// A checked JSON object without white space between its tokens.
    Fields(Zeroizing<String>),
    /// Bytes as they stand; they may or may not be JSON.
    Opaque(Zeroizing<Vec<u8>>),
}

impl Document {
    /// A document of fields, from the text of one JSON object. Field order and the literal text of numbers are
    /// kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the text is no JSON object, names a member twice at any depth, or
    /// nests deeper than 64 levels. The message holds no part of the text.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let checked = JsonText::parse(text)
            .map_err(|error| Error::new(ErrorKind::InvalidResponse, format!("the document is {error}")));
        Self::from_checked(checked?)
    }

    /// The same from text that has been checked, as a part of what a server has answered.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where it is no object.
    pub fn from_checked(text: JsonText<'_>) -> Result<Self, Error> {
        if !text.is_object() {
            return Err(Error::new(ErrorKind::InvalidResponse, "the document is not a JSON object"));
        }
        let fields = if text.is_compact() {
            Zeroizing::new(text.as_str().to_owned())
        } else {
            json::compact(text.as_str())
        };
        Ok(Self::with_content(Content::Fields(fields)))
    }

    /// A document of bytes as they stand, such as a file or an environment variable. Without a key a reference
    /// to it gives these bytes; a key picks a field of the JSON text they hold.
    #[must_use]
    pub fn opaque(bytes: impl Into<Vec<u8>>) -> Self {
        Self::with_content(Content::Opaque(Zeroizing::new(bytes.into())))
    }

    fn with_content(content: Content) -> Self {
        Self { content, version: None, created: None, expires_at: None, way: Way::PLAIN }
    }

    /// Has its fields read in the way that its vault sets.
    pub(crate) fn read_in(mut self, way: Way) -> Self {
        self.way = way;
        self
    }

    /// Adds the version that the vault gave it. Without one the vault keeps no versions.
    #[must_use]
    pub fn with_version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Adds the time at which the vault says this version was written.
    #[must_use]
    pub fn with_created(mut self, created: SystemTime) -> Self {
        self.created = Some(created);
        self
    }

    /// Adds the time at which the vault says this version ends. It is never served after that.
    #[must_use]
    pub fn with_expiry(mut self, expires_at: SystemTime) -> Self {
        self.expires_at = Some(expires_at);
        self
    }

    /// The version that was read; none where the vault keeps no versions.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// When this version was written, by the vault's clock.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// When this version ends, by the vault's clock.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// The value of a field: a string as it is, a number or boolean as its JSON text. In a document that a registry
    /// gave it is what a reference with this key gives, so strings are decoded where the vault sets `base64_decode`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no such field, [`ErrorKind::InvalidValue`] where it is null, an
    /// object or an array, or the document has no fields.
    pub fn get(&self, key: &str) -> Result<Secret, Error> {
        let pick = Pick { resource: "the document", key: Some(key), pointer: None, way: self.way };
        pick.from(self.body()).map(Picked::into_secret)
    }

    /// The whole document: compact JSON for fields, else the bytes as they stand.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.content {
            Content::Fields(text) => text.as_bytes(),
            Content::Opaque(bytes) => bytes,
        }
    }

    /// The same to keep, in memory of that very length.
    pub(crate) fn into_bytes(self) -> Zeroizing<Box<[u8]>> {
        let mut bytes = match self.content {
            Content::Fields(mut text) => Zeroizing::new(std::mem::take(&mut *text).into_bytes()),
            Content::Opaque(bytes) => bytes,
        };
        // Shrinking could leave an unwiped copy behind.
        let is_exact = bytes.len() == bytes.capacity();
        Zeroizing::new(if is_exact { std::mem::take(&mut *bytes).into() } else { bytes.as_slice().into() })
    }

    /// Whether the bytes are a checked JSON object.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.content, Content::Fields(_))
    }

    pub(crate) fn body(&self) -> Body<'_> {
        Body::new(self.as_bytes(), self.is_json())
    }
}

/// What is in a document, wherever it lies.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    bytes: &'a [u8],
    is_json: bool,
}

impl<'a> Body<'a> {
    pub(crate) fn new(bytes: &'a [u8], is_json: bool) -> Self {
        Self { bytes, is_json }
    }

    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The document as JSON, or what it is instead. Opaque bytes are parsed here, since most are asked for whole.
    pub(crate) fn json(self) -> Result<Json<'a>, String> {
        let text = std::str::from_utf8(self.bytes).map_err(|_| "not UTF-8 text")?;
        if self.is_json {
            return Ok(Json::checked(text));
        }
        Json::parse(text).map_err(|fault| fault.to_string())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("version", &self.version)
            .field("created", &self.created)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_compact_and_in_order() {
        let document = Document::from_json("{ \"z\": 1,\n \"a\": [ 12345678901234567890 ] }").unwrap();
        assert_eq!(document.as_bytes(), br#"{"z":1,"a":[12345678901234567890]}"#);
    }

    #[test]
    fn what_is_no_object_is_refused_without_being_quoted() {
        for text in
            ["", "canary", "[\"canary\"]", "\"canary\"", "{\"canary\":1,\"canary\":2}", "{\"canary\":1} x"]
        {
            let error = Document::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{text}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Document::opaque("canary").with_version(3));
        assert!(shown.contains('3') && !shown.contains("canary"), "{shown}");
    }
}
