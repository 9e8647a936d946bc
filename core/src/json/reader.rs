//! Taking apart what a server has sent while it is checked.

use std::fmt;

use super::strict::Strict;
use super::{JsonFault, JsonText};
use crate::{Error, ErrorKind};

/// Goes through JSON text once, for a backend whose documents come in an envelope. All that is passed is checked, down to
/// the last nested object: it is valid, no object names a member twice or by half a surrogate pair, and nothing nests
/// deeper than 64 levels.
///
/// Nothing is known of the whole before [`end`](Self::end) has found nothing wrong: judge what was taken out of it
/// afterwards. After an error it gets no further, whoever passes over that. Its errors are transient, but for the one that
/// something nests too deep: that is in what was written, and will be the next time.
///
/// ```
/// use strongroom_core::{Document, JsonReader};
///
/// let mut answer = JsonReader::new(r#"{"data": {"name": "ACME Inc."}, "warnings": null}"#);
/// let mut data = None;
/// answer.each_member(|name, answer| {
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
    /// At the beginning of a text, where its one value is due.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(Strict::of(text))
    }

    /// Passes the value that is due here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where it is not as it has to be, or was passed before. No message holds a part of the
    /// text.
    pub fn value(&mut self) -> Result<JsonText<'a>, Error> {
        let (text, is_compact) = self.0.value().map_err(|fault| self.refuse(fault))?;
        Ok(JsonText::checked(text, is_compact))
    }

    /// Passes the object that is due here, and shows each of its members to `each`, which may pass the value: whole, or
    /// member by member again. What it does not pass is passed behind it. False where another value is due, which still is.
    ///
    /// # Errors
    ///
    /// Those of `each`, and [`ErrorKind::InvalidResponse`] where the text is not as it has to be.
    pub fn each_member(
        &mut self,
        mut each: impl FnMut(&str, &mut Self) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if !self.0.enter().map_err(|fault| self.refuse(fault))? {
            return Ok(false);
        }
        while let Some(name) = self.0.member().map_err(|fault| self.refuse(fault))? {
            each(&name, self).inspect_err(|_| self.0.give_up())?;
            if self.0.is_due() {
                self.value()?;
            }
        }
        Ok(true)
    }

    /// Nothing but white space may follow the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where something does, or the value is still due.
    pub fn end(self) -> Result<(), Error> {
        self.0.end().map_err(refused)
    }

    fn refuse(&mut self, fault: JsonFault) -> Error {
        self.0.give_up();
        refused(fault)
    }
}

fn refused(fault: JsonFault) -> Error {
    let error = Error::new(ErrorKind::InvalidResponse, fault.to_string());
    if fault.passes() { error.transient() } else { error }
}

/// Shows nothing of the text.
impl fmt::Debug for JsonReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_passed_in_their_order_whole_or_one_by_one_or_not_at_all() {
        let text = " {\"a\" : {\"b\": [1, 2], \"c\":{}}, \"\\u0063\":{\"x\":1}, \"d\":[ ] ,\"e\": null} ";
        let (mut reader, mut seen) = (JsonReader::new(text), Vec::new());
        let is_object = reader.each_member(|name, reader| {
            match name {
                "a" => {
                    let is_object = reader.each_member(|name, reader| {
                        if name == "b" {
                            let value = reader.value()?;
                            seen.push((name.to_owned(), value.as_str(), value.is_compact()));
                        }
                        Ok(())
                    });
                    assert!(is_object?);
                }
                "d" => assert!(!reader.each_member(|_, _| Ok(()))?),
                _ => {
                    let value = reader.value()?;
                    seen.push((name.to_owned(), value.as_str(), value.is_compact()));
                }
            }
            Ok(())
        });
        assert!(is_object.unwrap());
        reader.end().unwrap();
        let expected = [("b", "[1, 2]", false), ("c", "{\"x\":1}", true), ("e", "null", true)];
        assert_eq!(seen, expected.map(|(name, text, is_compact)| (name.to_owned(), text, is_compact)));
        assert!(!JsonReader::new("[{}]").each_member(|_, _| panic!("no object")).unwrap());
    }

    #[test]
    fn objects_are_held_to_the_same_whichever_way_they_are_passed() {
        fn one_by_one(reader: &mut JsonReader<'_>) -> Result<(), Error> {
            let is_object = reader.each_member(|_, reader| one_by_one(reader))?;
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
        assert!(reader.each_member(|_, reader| reader.value().map(drop).or(Ok(()))).is_err());
        assert!(reader.value().is_err() && reader.each_member(|_, _| Ok(())).is_err());
        assert!(reader.end().is_err());
        // Neither where it is its own: what follows is the inner object's.
        let mut reader = JsonReader::new("{\"x\":{\"p\":1,\"data\":2},\"data\":3}");
        let enough = || Error::new(ErrorKind::Internal, "enough");
        let mut seen = Vec::new();
        let outer = reader.each_member(|name, reader| {
            seen.push(name.to_owned());
            reader.each_member(|_, reader| reader.value().and(Err(enough()))).map(drop).or(Ok(()))
        });
        assert!(outer.is_err());
        assert_eq!(seen, ["x"]);
        assert!(reader.end().is_err());
    }

    #[test]
    fn depth_alone_does_not_pass() {
        let passes = |text: &str| JsonText::parse(text).unwrap_err().is_retryable();
        assert!(passes("{") && passes("{} x") && passes("{\"a\":1,\"a\":2}"));
        assert!(!passes(&format!("{}{}", "[".repeat(65), "]".repeat(65))));
    }

    #[test]
    fn there_is_one_value_wherever_one_is_due() {
        let twice = |text| {
            let mut reader = JsonReader::new(text);
            reader.each_member(|_, reader| reader.value().and_then(|_| reader.value()).map(drop))
        };
        assert!(twice("{\"a\":1 2}").is_err() && twice("{\"a\":1}").is_err());
        let mut objects = JsonReader::new("{\"a\":{} {}}");
        let two = objects.each_member(|_, reader| {
            reader.each_member(|_, _| Ok(()))?;
            reader.each_member(|_, _| Ok(())).map(drop)
        });
        assert!(two.is_err());
        let mut values = JsonReader::new("1 2");
        assert!(values.value().is_ok() && values.value().is_err());
        assert!(JsonReader::new("").end().is_err() && JsonReader::new(" ").end().is_err());
        let mut ignored = JsonReader::new("[]");
        assert!(!ignored.each_member(|_, _| Ok(())).unwrap());
        assert!(ignored.end().is_err());
    }
}
