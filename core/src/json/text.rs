//! The text of a value that is known to be JSON.

use std::borrow::Cow;
use std::fmt;

use super::JsonReader;
use super::scan::unquoted;
use crate::Error;

/// The text of one JSON value, checked as a whole by a [`JsonReader`].
#[derive(Clone, Copy)]
pub struct JsonText<'a> {
    text: &'a str,
    is_compact: bool,
}

impl<'a> JsonText<'a> {
    /// What was checked.
    pub(super) fn checked(text: &'a str, is_compact: bool) -> Self {
        Self { text, is_compact }
    }

    /// Checks a text that is one value.
    ///
    /// # Errors
    ///
    /// As [`JsonReader::value`] and [`JsonReader::end`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let mut reader = JsonReader::new(text);
        let value = reader.value()?;
        reader.end().map(|()| value)
    }

    /// The text, without white space around it.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether there is no white space between its tokens.
    pub(crate) fn is_compact(self) -> bool {
        self.is_compact
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.text.starts_with('{')
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.text.starts_with('n')
    }

    /// What a string says; none for anything else, or where it holds half a surrogate pair. What has escapes is decoded
    /// into memory that is not wiped: this is for what is no secret.
    #[must_use]
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        if !self.text.starts_with('"') {
            return None;
        }
        unquoted(self.text, self.text.contains('\\')).ok()
    }
}

/// Shows nothing of the text.
impl fmt::Debug for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonText").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_and_shown_nowhere() {
        let text = |text| JsonText::parse(text).unwrap().to_text();
        assert_eq!(text(" \"a b\" ").as_deref(), Some("a b"));
        assert_eq!(text("\"\\u0061\\n\"").as_deref(), Some("a\n"));
        assert_eq!([text("\"\\ud800\""), text("1"), text("null")], [None, None, None]);
        let canary = JsonText::parse("\"canary\"").unwrap();
        assert!(!format!("{canary:?}").contains("canary"));
    }
}
