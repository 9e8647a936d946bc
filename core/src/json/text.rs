//! Checked JSON for those who build documents out of what a server has sent.

use std::borrow::Cow;
use std::fmt;

use super::JsonFault;
use super::scan::unquoted;
use super::strict::Strict;
use crate::{Error, ErrorKind};

/// Goes through JSON text once, from a backend whose documents come in an envelope: what is passed has been checked, down
/// to the last nested object. It is valid, no object in it names a member twice, and it nests no deeper than 64 levels.
///
/// ```
/// use strongroom_core::{Document, JsonReader};
///
/// let mut answer = JsonReader::new(r#"{"data": {"name": "ACME Inc."}, "warnings": null}"#);
/// let mut data = None;
/// answer.members(|name, answer| {
///     if name == "data" {
///         data = Some(answer.value()?);
///     }
///     Ok(())
/// })?;
/// answer.end()?;
/// let document = Document::from_checked(data.unwrap())?;
/// assert_eq!(document.get("name")?.as_str()?, "ACME Inc.");
/// # Ok::<_, strongroom_core::Error>(())
/// ```
pub struct JsonReader<'a>(Strict<'a>);

impl<'a> JsonReader<'a> {
    /// At the beginning of a text.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(Strict::of(text))
    }

    /// Passes the value here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where it is not as it has to be. No message holds a part of the text.
    pub fn value(&mut self) -> Result<JsonText<'a>, Error> {
        let (text, is_compact) = self.0.value().map_err(|fault| self.refuse(fault))?;
        Ok(JsonText { text, is_compact })
    }

    /// Passes the object here, and shows each member to `each`, which may pass its value: as a whole, or member by member
    /// again. False, and nothing is passed, where there is no object.
    ///
    /// # Errors
    ///
    /// Those of `each`, and [`ErrorKind::InvalidResponse`] where the text is not as it has to be.
    pub fn members(
        &mut self,
        mut each: impl FnMut(&str, &mut Self) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if !self.0.enter().map_err(|fault| self.refuse(fault))? {
            return Ok(false);
        }
        while let Some(name) = self.0.member().map_err(|fault| self.refuse(fault))? {
            let value = self.0.place();
            each(&name, self)?;
            if self.0.place() == value {
                self.value()?;
            }
        }
        Ok(true)
    }

    /// Nothing but white space may follow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where something does.
    pub fn end(self) -> Result<(), Error> {
        self.0.end().map_err(refused)
    }

    /// Who passes over an error gets no further.
    fn refuse(&mut self, fault: JsonFault) -> Error {
        self.0.give_up();
        refused(fault)
    }
}

fn refused(fault: JsonFault) -> Error {
    Error::new(ErrorKind::InvalidResponse, fault.to_string())
}

/// Text of one JSON value that has been checked as a whole, as a [`JsonReader`] does.
#[derive(Clone, Copy)]
pub struct JsonText<'a> {
    text: &'a str,
    /// Whether there is no white space between its tokens.
    pub(crate) is_compact: bool,
}

impl<'a> JsonText<'a> {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] with what is wrong with it. The message holds no part of the text.
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
    /// into memory that is not wiped, so this is for what is no secret.
    #[must_use]
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        if !self.text.starts_with('"') {
            return None;
        }
        unquoted(self.text, self.text.contains('\\')).ok()
    }
}

macro_rules! shows_nothing_of_the_text {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

shows_nothing_of_the_text!(JsonReader JsonText);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_passed_in_their_order_whole_or_one_by_one_or_not_at_all() {
        let text = " {\"a\" : {\"b\": [1, 2], \"c\":{}}, \"\\u0063\":{\"x\":1}, \"d\":[ ] ,\"e\": null} ";
        let (mut reader, mut seen) = (JsonReader::new(text), Vec::new());
        let is_object = reader.members(|name, reader| {
            match name {
                "a" => {
                    let is_object = reader.members(|name, reader| {
                        if name == "b" {
                            let value = reader.value()?;
                            seen.push((name.to_owned(), value.as_str(), value.is_compact));
                        }
                        Ok(())
                    });
                    assert!(is_object?);
                }
                "d" => assert!(!reader.members(|_, _| Ok(()))?),
                _ => {
                    let value = reader.value()?;
                    seen.push((name.to_owned(), value.as_str(), value.is_compact));
                }
            }
            Ok(())
        });
        assert!(is_object.unwrap());
        reader.end().unwrap();
        let expected = [("b", "[1, 2]", false), ("c", "{\"x\":1}", true), ("e", "null", true)];
        assert_eq!(seen, expected.map(|(name, text, is_compact)| (name.to_owned(), text, is_compact)));
        assert!(!JsonReader::new("[{}]").members(|_, _| panic!("no object")).unwrap());
    }

    #[test]
    fn objects_are_held_to_the_same_whichever_way_they_are_passed() {
        fn one_by_one(reader: &mut JsonReader<'_>) -> Result<(), Error> {
            let is_object = reader.members(|_, reader| one_by_one(reader))?;
            if is_object { Ok(()) } else { reader.value().map(drop) }
        }
        for text in [
            "{",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" 1}",
            "{\"a\":}",
            "{\"a\":1",
            "{a:1}",
            "{\"canary\":{\"canary\":1,\"canary\":2}}",
            "{\"a\":1,\"\\u0061\":{}}",
            "{}}",
            &"{\"a\":".repeat(1000),
        ] {
            let whole = JsonText::parse(text).map(drop).unwrap_err();
            let mut reader = JsonReader::new(text);
            let parts = one_by_one(&mut reader).and_then(|()| reader.end()).unwrap_err();
            assert_eq!((whole.kind(), whole.to_string()), (parts.kind(), parts.to_string()), "{text}");
            assert_eq!(whole.kind(), ErrorKind::InvalidResponse);
            assert!(!format!("{whole:?}").contains("canary"));
        }
        for text in ["{}", "{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"b\":1},\"b\":-1.5e+7}", " [1] "] {
            let mut reader = JsonReader::new(text);
            one_by_one(&mut reader).and_then(|()| reader.end()).unwrap();
            JsonText::parse(text).unwrap();
        }
    }

    #[test]
    fn who_passes_over_an_error_gets_no_further() {
        let mut reader = JsonReader::new("{\"a\":{\"b\":1,\"b\":2},\"c\":3}");
        assert!(reader.members(|_, reader| reader.value().map(drop).or(Ok(()))).is_err());
        assert!(reader.value().is_err() && reader.members(|_, _| Ok(())).is_ok_and(|is_object| !is_object));
        assert!(reader.end().is_err());
        let mut open = JsonReader::new("{\"a\":1}");
        assert!(open.members(|_, _| Err(Error::new(ErrorKind::Internal, "enough"))).is_err());
        assert!(open.end().is_err());
    }

    #[test]
    fn texts_are_decoded_and_shown_nowhere() {
        let text = |text| JsonText::parse(text).unwrap().to_text();
        assert_eq!(text(" \"a b\" ").as_deref(), Some("a b"));
        assert_eq!(text("\"\\u0061\\n\"").as_deref(), Some("a\n"));
        assert_eq!([text("\"\\ud800\""), text("1"), text("null")], [None, None, None]);
        let canary = JsonText::parse("\"canary\"").unwrap();
        assert!(!format!("{canary:?}{:?}", JsonReader::new("canary")).contains("canary"));
    }
}
