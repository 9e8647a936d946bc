//! From a document to the one value that a reference means: key, then pointer, then base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::document::Body;
use crate::json::Json;
use crate::{Error, ErrorKind, Secret, escaped};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(false);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What to take out of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick<'a> {
    pub(crate) resource: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) pointer: Option<&'a str>,
    pub(crate) way: Way,
}

/// A value as it was found.
pub(crate) enum Picked<'d> {
    /// It stands in the document as it is.
    There(&'d [u8]),
    /// It had to be decoded.
    Made(Secret),
}

impl Picked<'_> {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::There(bytes) => bytes,
            Self::Made(secret) => secret.as_bytes(),
        }
    }

    /// The value on its own.
    pub(crate) fn into_secret(self) -> Secret {
        match self {
            Self::There(bytes) => Secret::new(bytes),
            Self::Made(secret) => secret,
        }
    }
}

/// How the fields of a document are read, as its vault and its reference say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) base64: Base64,
    /// Whether an error may list the names of the fields that are there.
    pub(crate) reveal_keys: bool,
}

impl Way {
    /// As they stand.
    pub(crate) const PLAIN: Self = Self { base64: Base64::No, reveal_keys: false };
}

/// Who asked for base64 decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base64 {
    No,
    /// The vault: strings that a key picks are decoded, all else stays as it is.
    ForStrings,
    /// The reference itself: what cannot be decoded is an error.
    Asked,
}

impl Pick<'_> {
    /// The value in `document`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where key or pointer lead nowhere, [`ErrorKind::InvalidValue`] where they lead
    /// to something that is no value. No message holds a value.
    pub(crate) fn from<'d>(&self, document: Body<'d>) -> Result<Picked<'d>, Error> {
        if self.key.is_none() && self.pointer.is_none() {
            if self.way.base64 == Base64::Asked {
                return Err(self.invalid("`base64_decode` decodes a field: name a key"));
            }
            return Ok(Picked::There(document.as_bytes()));
        }
        let whole = document.json().map_err(|what| self.has_no_fields(&what))?;
        let field = match self.key {
            Some(key) => whole.get(key).ok_or_else(|| self.no_such_key(key, whole))?,
            None => whole,
        };
        let field = match self.pointer {
            Some(pointer) => field.pointer(pointer).ok_or_else(|| self.leads_nowhere(pointer))?,
            None => field,
        };
        self.scalar(field)
    }

    fn scalar<'d>(&self, field: Json<'d>) -> Result<Picked<'d>, Error> {
        let literal = match field {
            Json::String(raw) => {
                let half = || self.invalid("not Unicode text (half a surrogate pair)");
                let text = match raw.plain() {
                    Some(plain) => Picked::There(plain.as_bytes()),
                    None => Picked::Made(raw.decode().ok_or_else(half)?),
                };
                return match self.way.base64 {
                    Base64::No => Ok(text),
                    _ => self.decode(text.as_bytes()).map(Picked::Made),
                };
            }
            Json::Number(literal) => literal,
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            Json::Null => return Err(self.invalid("null value")),
            Json::Object(_) => return Err(self.not_a_scalar("an object")),
            Json::Array(_) => return Err(self.not_a_scalar("an array")),
        };
        match self.way.base64 {
            Base64::Asked => {
                Err(self.invalid("`base64_decode` decodes strings, this is a number or boolean"))
            }
            _ => Ok(Picked::There(literal.as_bytes())),
        }
    }

    fn decode(&self, text: &[u8]) -> Result<Secret, Error> {
        let engine = if text.iter().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        // The decoder's own message would quote a byte of the secret.
        let length = engine.decode_slice(text, &mut bytes).map_err(|_| {
            self.invalid("not base64 (standard or URL alphabet), which `base64_decode` asks for")
        })?;
        bytes.truncate(length);
        Ok(Secret(bytes))
    }

    fn no_such_key(&self, key: &str, whole: Json<'_>) -> Error {
        if !matches!(whole, Json::Object(_)) {
            let message = format!(
                "`{}` is not a JSON object, so it has no key `{}`",
                escaped(self.resource),
                escaped(key)
            );
            return Error::new(ErrorKind::InvalidValue, message);
        }
        let error = Error::new(
            ErrorKind::NotFound,
            format!("no such key `{}` in `{}`", escaped(key), escaped(self.resource)),
        );
        if !self.way.reveal_keys {
            return error;
        }
        let names: Vec<_> = whole.members().iter().map(|(name, _)| format!("`{}`", escaped(name))).collect();
        match names.as_slice() {
            [] => error.note("it has no keys"),
            names => error.note(format!("it has {}", names.join(", "))),
        }
    }

    fn has_no_fields(&self, what: &str) -> Error {
        let message = format!("`{}` has no fields: its value is {what}", escaped(self.resource));
        Error::new(ErrorKind::InvalidValue, message)
    }

    fn leads_nowhere(&self, pointer: &str) -> Error {
        let message = format!("pointer `{}` leads nowhere in {}", escaped(pointer), self.place());
        Error::new(ErrorKind::NotFound, message)
    }

    fn not_a_scalar(&self, what: &str) -> Error {
        self.invalid(&format!("not a scalar but {what}; `?pointer=/...` picks a value inside it"))
    }

    fn invalid(&self, what: &str) -> Error {
        Error::new(ErrorKind::InvalidValue, format!("{}: {what}", self.place()))
    }

    fn place(&self) -> String {
        match self.key {
            Some(key) => format!("key `{}` in `{}`", escaped(key), escaped(self.resource)),
            None => format!("`{}`", escaped(self.resource)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    const WHOLE: &str = r#"{"s":"x","e":"","n":12345678901234567890,"f":1.50,"t":true,"z":null,
        "o":{"k":"v","l":[1,"two"]},"a":[1],"a.b":"dots","b":"aGVsbG8=","u":"_-8","bad":"canary!","big":"aGVsbG9-"}"#;

    fn pick<'a>(key: Option<&'a str>, pointer: Option<&'a str>) -> Pick<'a> {
        Pick { resource: "r", key, pointer, way: Way::PLAIN }
    }

    fn text(pick: Pick<'_>) -> Result<String, String> {
        let document = Document::from_json(WHOLE).unwrap();
        pick.from(document.body())
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_row_of_the_table_of_values() {
        let key = |key| text(pick(Some(key), None));
        assert_eq!(key("s").unwrap(), "x");
        assert_eq!(key("e").unwrap(), "");
        assert_eq!(key("n").unwrap(), "12345678901234567890");
        assert_eq!(key("f").unwrap(), "1.50");
        assert_eq!(key("t").unwrap(), "true");
        assert_eq!(key("a.b").unwrap(), "dots");
        assert_eq!(key("z").unwrap_err(), "key `z` in `r`: null value");
        assert!(key("o").unwrap_err().contains("not a scalar but an object"));
        assert!(key("a").unwrap_err().contains("not a scalar but an array"));
        assert_eq!(key("nmae").unwrap_err(), "no such key `nmae` in `r`");
    }

    #[test]
    fn pointers_start_at_the_field_or_at_the_document() {
        assert_eq!(text(pick(Some("o"), Some("/l/1"))).unwrap(), "two");
        assert_eq!(text(pick(None, Some("/o/k"))).unwrap(), "v");
        assert_eq!(text(pick(Some("s"), Some(""))).unwrap(), "x");
        assert!(text(pick(Some("o"), Some("/x"))).unwrap_err().contains("leads nowhere"));
        assert!(text(pick(None, Some(""))).unwrap_err().contains("not a scalar"));
    }

    #[test]
    fn base64_is_for_strings_with_a_key() {
        let decode = |key, base64| text(Pick { way: Way { base64, ..Way::PLAIN }, ..pick(key, None) });
        for base64 in [Base64::ForStrings, Base64::Asked] {
            assert_eq!(decode(Some("b"), base64).unwrap(), "hello");
            assert!(decode(Some("bad"), base64).unwrap_err().contains("not base64"));
            assert!(!decode(Some("bad"), base64).unwrap_err().contains("canary"));
        }
        assert_eq!(decode(Some("big"), Base64::ForStrings).unwrap(), "hello~");
        assert_eq!(decode(Some("t"), Base64::ForStrings).unwrap(), "true");
        assert!(decode(Some("t"), Base64::Asked).is_err());
        assert!(decode(None, Base64::ForStrings).unwrap().starts_with("{\"s\""));
        assert!(decode(None, Base64::Asked).unwrap_err().contains("name a key"));
    }

    #[test]
    fn names_of_fields_are_shown_only_where_the_vault_says_so() {
        let error =
            text(Pick { way: Way { reveal_keys: true, ..Way::PLAIN }, ..pick(Some("q"), None) }).unwrap_err();
        assert!(error.starts_with("no such key `q` in `r`; it has `s`, `e`, `n`"), "{error}");
        let nothing = Document::from_json("{}").unwrap();
        let empty = Pick { way: Way { reveal_keys: true, ..Way::PLAIN }, ..pick(Some("q"), None) }
            .from(nothing.body());
        assert_eq!(empty.err().unwrap().to_string(), "no such key `q` in `r`; it has no keys");
    }

    #[test]
    fn opaque_bytes_have_fields_where_they_are_json() {
        let whole = Document::opaque(b"\xff\x00 \n".to_vec());
        assert_eq!(pick(None, None).from(whole.body()).unwrap().as_bytes(), b"\xff\x00 \n");
        assert!(pick(Some("k"), None).from(whole.body()).err().unwrap().to_string().contains("not UTF-8"));
        let json = Document::opaque(r#"{"k": "v"}"#);
        assert_eq!(pick(Some("k"), None).from(json.body()).unwrap().as_bytes(), b"v");
        let number = pick(Some("k"), None).from(Document::opaque("5").body()).err().unwrap();
        assert_eq!(number.to_string(), "`r` is not a JSON object, so it has no key `k`");
        assert!(
            pick(Some("k"), None)
                .from(Document::opaque("canary").body())
                .err()
                .unwrap()
                .to_string()
                .contains("not valid JSON")
        );
    }
}
