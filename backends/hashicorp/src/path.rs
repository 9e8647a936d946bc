//! Paths as they go over the wire: segments checked, then percent-encoded exactly once.
//!
//! No URL type is trusted with this: they collapse `..`, `%2e%2e` and `\`, drop tabs, cut at `#`, and let a path
//! change the host. What is built here holds nothing that they would touch, and
//! [`Address::target`](crate::transport::Address::target) checks that they did not.

use std::fmt::Write as _;

use strongroom_core::{Error, ErrorKind, escaped};

/// How long most paths are at most.
const USUAL: usize = 96;

/// `/v1/` and encoded segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WirePath {
    encoded: String,
}

impl WirePath {
    /// A path of the server's API, such as `sys/health`, from a configuration or a login.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a segment that cannot be sent as it is.
    pub(crate) fn api(path: &str) -> Result<Self, Error> {
        Self::default().push(path).map_err(|what| {
            Error::new(ErrorKind::InvalidConfig, format!("the path `{}` {what}", escaped(path)))
        })
    }

    /// The path of a resource below `prefix`, which is an API path of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidReference`] for a resource that no server can hold.
    pub(crate) fn resource(prefix: Self, resource: &str) -> Result<Self, Error> {
        prefix.push(resource).map_err(|what| {
            Error::new(ErrorKind::InvalidReference, format!("the resource `{}` {what}", escaped(resource)))
        })
    }

    fn push(mut self, path: &str) -> Result<Self, &'static str> {
        check(path)?;
        self.encoded.reserve(path.len() + 1);
        self.encoded.push('/');
        encode_into(&mut self.encoded, path, |byte| byte == b'/');
        Ok(self)
    }

    /// As it is sent, beginning with `/v1/`.
    pub(crate) fn as_str(&self) -> &str {
        &self.encoded
    }

    /// For messages: without `/v1/`, not encoded, escaped.
    pub(crate) fn shown(&self) -> String {
        let encoded = self.encoded.strip_prefix("/v1/").unwrap_or_default();
        escaped(&decoded(encoded)).to_string()
    }
}

impl Default for WirePath {
    fn default() -> Self {
        // Long enough for most, so that it need not grow.
        let mut encoded = String::with_capacity(USUAL);
        encoded.push_str("/v1");
        Self { encoded }
    }
}

/// Why a path cannot be sent as it is, by any of its segments.
pub(crate) fn check(path: &str) -> Result<(), &'static str> {
    path.as_bytes().split(|byte| *byte == b'/').try_for_each(|segment| match segment {
        b"" => Err("has an empty segment (a slash at its start or end, or two in a row)"),
        b"." | b".." => Err("has a segment `.` or `..`"),
        _ if segment.iter().any(u8::is_ascii_control) => Err("holds a control character"),
        _ => Ok(()),
    })
}

/// The unreserved characters of RFC 3986.
const UNRESERVED: [bool; 256] = {
    let mut unreserved = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        unreserved[byte] =
            (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    unreserved
};

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode_into(&mut encoded, text, |_| false);
    encoded
}

fn encode_into(encoded: &mut String, text: &str, stays: impl Fn(u8) -> bool) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !UNRESERVED[usize::from(byte)] && !stays(byte)) {
        let (plain, special) = rest.split_at(at);
        encoded.push_str(plain);
        // Up to the end of a character, so that what is left is text again.
        let width = special.chars().next().map_or(1, char::len_utf8);
        let (special, left) = special.split_at(width);
        for byte in special.bytes() {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        rest = left;
    }
    encoded.push_str(rest);
}

/// What [`encode_into`] was given.
fn decoded(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut parts = encoded.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let (digits, plain) = part.split_at_checked(2).unwrap_or((part, ""));
        bytes.extend(u8::from_str_radix(digits, 16));
        bytes.extend_from_slice(plain.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_is_encoded_once() {
        let mount = WirePath::api("team/kv/data").unwrap();
        for (resource, encoded) in [
            ("customer/acme", "customer/acme"),
            ("a b", "a%20b"),
            ("100%", "100%25"),
            ("%2e%2e", "%252e%252e"),
            ("é", "%C3%A9"),
            ("e\u{301}", "e%CC%81"),
            ("?version=1", "%3Fversion%3D1"),
            ("#x", "%23x"),
            ("a+b;c&d=e", "a%2Bb%3Bc%26d%3De"),
            ("https:", "https%3A"),
            ("a\\b", "a%5Cb"),
            ("...", "..."),
            ("a~b_c-d.e", "a~b_c-d.e"),
        ] {
            let path = WirePath::resource(mount.clone(), resource).unwrap();
            assert_eq!(path.as_str(), format!("/v1/team/kv/data/{encoded}"));
            assert_eq!(path.shown(), format!("team/kv/data/{resource}"));
        }
    }

    #[test]
    fn what_no_server_holds_is_refused() {
        let mount = WirePath::api("secret").unwrap();
        for resource in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a\nb", "a\0", "a\u{7f}b"] {
            let error = WirePath::resource(mount.clone(), resource).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidReference, "{resource:?}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
        assert_eq!(WirePath::api("a//b").unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}
