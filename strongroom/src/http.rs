//! Secrets as the values of HTTP headers.
//!
//! ```
//! use strongroom::http::{HeaderFormat, ToHeaderValue};
//! use strongroom::Secret;
//!
//! let token = Secret::from("hunter2");
//! let header = token.to_header_value_as(&HeaderFormat::new("Bearer {}")?)?;
//! assert_eq!(header, "Bearer hunter2");
//! assert!(header.is_sensitive() && format!("{header:?}") == "Sensitive");
//! # Ok::<_, strongroom::Error>(())
//! ```
//!
//! The bytes of such a header value are wiped when its last clone is dropped. What an HTTP library copies into the
//! buffers of its connections is not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Secret, SecretRef};

/// How a value stands in a header: text around one `{}`, such as `Bearer {}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFormat {
    before: Box<str>,
    after: Box<str>,
}

impl HeaderFormat {
    /// A format from its text, in which `{}` stands for the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where there is not exactly one `{}`, or the text holds what no header may hold.
    pub fn new(text: &str) -> Result<Self, Error> {
        let invalid =
            |what: &str| Err(Error::new(ErrorKind::InvalidConfig, format!("the format of a header {what}")));
        let Some((before, after)) = text.split_once("{}") else {
            return invalid("has no `{}` where the value goes");
        };
        if after.contains("{}") {
            return invalid("has more than one `{}`, and there is one value");
        }
        if HeaderValue::from_str(before).is_err() || HeaderValue::from_str(after).is_err() {
            return invalid("holds a character that no header may hold: it takes visible ASCII and spaces");
        }
        Ok(Self { before: before.into(), after: after.into() })
    }

    /// `Bearer {}`, as the header `authorization` has it for tokens.
    #[must_use]
    pub fn bearer() -> Self {
        Self { before: "Bearer ".into(), after: "".into() }
    }
}

/// What can be the value of a header: a [`Secret`] or a [`SecretRef`].
pub trait ToHeaderValue: sealed::Sealed {
    /// The value as it is, marked sensitive: `Debug` does not show it, and HTTP/2 does not index it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidValue`] where the value would not arrive as it is: it holds a control character, such as a
    /// line break at its end, or it begins or ends with white space.
    fn to_header_value(&self) -> Result<HeaderValue, Error> {
        self.to_header_value_as(&HeaderFormat::default())
    }

    /// The value within other text, marked sensitive.
    ///
    /// # Errors
    ///
    /// As [`to_header_value`](Self::to_header_value).
    fn to_header_value_as(&self, format: &HeaderFormat) -> Result<HeaderValue, Error>;
}

impl ToHeaderValue for Secret {
    fn to_header_value_as(&self, format: &HeaderFormat) -> Result<HeaderValue, Error> {
        build(self.as_bytes(), format)
    }
}

impl ToHeaderValue for SecretRef<'_> {
    fn to_header_value_as(&self, format: &HeaderFormat) -> Result<HeaderValue, Error> {
        build(self.as_bytes(), format)
    }
}

/// The value of the header `authorization` for a user name and a password (RFC 7617), marked sensitive. Read both from
/// one [`Document`](crate::Document), so that they belong together.
///
/// # Errors
///
/// [`ErrorKind::InvalidValue`] where the name holds a colon, which would end it, or either holds a control character.
pub fn basic(user: &Secret, password: &Secret) -> Result<HeaderValue, Error> {
    if user.as_bytes().contains(&b':') {
        return Err(invalid("holds a colon, which a user name may not"));
    }
    if let Some(value) =
        [user, password].into_iter().find(|value| value.as_bytes().iter().any(u8::is_ascii_control))
    {
        return Err(invalid(fault(value.as_bytes())));
    }
    let pair = Zeroizing::new([user.as_bytes(), b":", password.as_bytes()].concat());
    let encoded = Secret::from(BASE64_STANDARD.encode(&*pair));
    encoded.to_header_value_as(&HeaderFormat { before: "Basic ".into(), after: "".into() })
}

mod sealed {
    /// What can be a header is decided here.
    #[expect(unnameable_types, reason = "that is what seals it")]
    pub trait Sealed {}
    impl Sealed for crate::Secret {}
    impl Sealed for crate::SecretRef<'_> {}
}

fn build(value: &[u8], format: &HeaderFormat) -> Result<HeaderValue, Error> {
    let (before, after) = (format.before.as_bytes(), format.after.as_bytes());
    let mut bytes = Zeroizing::new(Vec::with_capacity(before.len() + value.len() + after.len()));
    for part in [before, value, after] {
        bytes.extend_from_slice(part);
    }
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_blank(bytes.first()) || is_blank(bytes.last()) {
        return Err(invalid("begins or ends with white space, which HTTP does not deliver"));
    }
    let mut header =
        HeaderValue::from_maybe_shared(Bytes::from_owner(bytes)).map_err(|_| invalid(fault(value)))?;
    header.set_sensitive(true);
    Ok(header)
}

fn fault(value: &[u8]) -> &'static str {
    if matches!(value.last(), Some(b'\n' | b'\r')) {
        "ends with a line break; store it without one"
    } else {
        "holds a control character"
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("the value cannot be sent in a header: it {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_sent_as_it_is_and_not_shown() {
        for value in ["canary", "", "a b", "p\u{e4}ss", "a=b; c=\"d\""] {
            let header = Secret::from(value).to_header_value().unwrap();
            assert_eq!(header.as_bytes(), value.as_bytes());
            assert!(header.is_sensitive());
            assert_eq!(format!("{header:?}"), "Sensitive");
        }
    }

    #[test]
    fn a_format_has_one_place_for_the_value() {
        let header = |format: &str| {
            let format = HeaderFormat::new(format)?;
            Secret::from("x{}y").to_header_value_as(&format)
        };
        assert_eq!(header("Bearer {}").unwrap(), "Bearer x{}y");
        assert_eq!(header("token=\"{}\"; v=1").unwrap(), "token=\"x{}y\"; v=1");
        assert_eq!(HeaderFormat::new("Bearer {}").unwrap(), HeaderFormat::bearer());
        for format in ["", "Bearer", "{} {}", "a\n{}", "{}\u{7f}"] {
            assert_eq!(header(format).unwrap_err().kind(), ErrorKind::InvalidConfig, "{format:?}");
        }
    }

    #[test]
    fn what_would_not_arrive_as_it_is_is_refused_without_being_shown() {
        for (value, words) in [
            ("canary\n", "line break"),
            ("canary\r\n", "line break"),
            ("ca\r\nnary", "control character"),
            ("ca\0nary", "control character"),
            ("canary ", "white space"),
            ("\tcanary", "white space"),
        ] {
            let error = Secret::from(value).to_header_value().unwrap_err();
            let said = format!("{error:?}");
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            assert!(said.contains(words) && !said.contains("nary"), "{value:?}: {said}");
        }
        let empty = Secret::default().to_header_value_as(&HeaderFormat::bearer());
        assert_eq!(empty.unwrap_err().kind(), ErrorKind::InvalidValue, "no credential is no `Bearer `");
    }

    #[test]
    fn a_user_name_and_a_password() {
        let basic = |user: &str, password: &str| basic(&user.into(), &password.into());
        // The example of RFC 7617.
        let header = basic("Aladdin", "open sesame").unwrap();
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
        assert_eq!(basic("", "a:b: ").unwrap(), "Basic OmE6Yjog");
        for (user, password) in [("can:ary", "x"), ("canary\n", "x"), ("x", "canary\0")] {
            let error = basic(user, password).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
