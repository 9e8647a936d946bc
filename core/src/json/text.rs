//! Checked JSON for those who build documents out of what a server has sent.

use std::borrow::Cow;
use std::fmt;

use super::scan::Scan;
use super::{Json, WHITE};
use crate::{Error, ErrorKind};

/// Text of one JSON value that has been checked as a whole: it is valid, no object in it names a member twice, and it
/// nests no deeper than 64 levels.
///
/// A backend whose documents come in an envelope checks the envelope once and makes a
/// [`Document`](crate::Document) of a part of it.
///
/// ```
/// use strongroom_core::{Document, JsonText};
///
/// let answer = JsonText::parse(r#"{"data": {"name": "ACME Inc."}, "warnings": null}"#)?;
/// let data = answer.members().find(|(name, _)| name == "data").map(|(_, data)| data);
/// let document = Document::from_checked(data.unwrap())?;
/// assert_eq!(document.get("name")?.as_str()?, "ACME Inc.");
/// # Ok::<_, strongroom_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct JsonText<'a>(&'a str);

impl<'a> JsonText<'a> {
    /// Checks a text, down to the last nested object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] with what is wrong with it. The message holds no part of the text.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let checked = Json::parse(text);
        checked
            .map_err(|fault| Error::new(ErrorKind::InvalidResponse, format!("the document is {fault}")))?;
        Ok(Self(text.trim_matches(WHITE)))
    }

    /// The text, without white space around it.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.0.starts_with('n')
    }

    /// The members of an object in their order, found as they are asked for; none for anything else.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, Self)> {
        let mut scan = Scan::of(if self.is_object() { self.0 } else { "" });
        std::iter::from_fn(move || {
            let name = scan.name()?.ok()?;
            Some((name, Self(scan.skip())))
        })
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
    fn what_is_in_an_object_is_checked_too() {
        let text = JsonText::parse(" {\"a\": {\"b\": [1, 2]}, \"\\u0063\": null} ").unwrap();
        let members: Vec<_> = text.members().collect();
        let shown: Vec<_> = members.iter().map(|(name, value)| (&**name, value.as_str())).collect();
        assert_eq!(shown, [("a", "{\"b\": [1, 2]}"), ("c", "null")]);
        assert!(members[0].1.is_object() && !members[0].1.is_null() && members[1].1.is_null());
        assert_eq!(members[1].1.members().count() + JsonText::parse("[{}]").unwrap().members().count(), 0);
        let error = JsonText::parse("{\"canary\": {\"canary\": 1, \"canary\": 2}}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(!format!("{error:?}{text:?}").contains("canary"), "{error:?}");
    }
}
