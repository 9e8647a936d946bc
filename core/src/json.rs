//! Strict JSON over text: members in order, literal text kept, repeated members and great depth refused.
//!
//! A text is checked once, as a whole. What it holds is then found by a scan that trusts this, each value as the slice of
//! text it came from, so that a number is never rounded and a string is decoded once, into memory that is wiped.

mod reader;
mod scan;
mod strict;
mod string;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

pub use reader::JsonReader;
use scan::Scan;
use strict::Strict;
pub(crate) use string::RawString;
pub use text::JsonText;

/// How deep arrays and objects may nest.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a text is not JSON as we want it. Holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// Not JSON at all, cut off, or with text behind it.
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An object names a member twice.
    RepeatedMember,
}

impl JsonFault {
    /// Whether the text may be as it has to be the next time: somebody on the way may have cut it or put it together. How
    /// deep it nests is what its writer meant.
    pub(crate) fn passes(self) -> bool {
        self != Self::TooDeep
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("not valid JSON"),
            Self::TooDeep => write!(f, "JSON nested deeper than {MAX_DEPTH} levels"),
            Self::RepeatedMember => f.write_str("a JSON object that names a member twice"),
        }
    }
}

impl std::error::Error for JsonFault {}

/// One JSON value, borrowed from checked text.
#[derive(Clone, Copy)]
pub(crate) enum Json<'a> {
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The literal text.
    Number(&'a str),
    /// The text between the quotes, escapes and all.
    String(RawString<'a>),
    Array(&'a str),
    Object(&'a str),
}

impl<'a> Json<'a> {
    /// Checks the whole text, down to the last nested object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, JsonFault> {
        let mut strict = Strict::of(text);
        let (text, _) = strict.value()?;
        strict.end()?;
        Ok(Self::checked(text))
    }

    /// What `text` is, which was checked before and has no white space around it.
    pub(crate) fn checked(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(RawString(&text[1..text.len() - 1])),
            Some(b'[') => Self::Array(text),
            Some(b'{') => Self::Object(text),
            _ => Self::Number(text),
        }
    }

    /// The members of an object in their order; none for anything else.
    pub(crate) fn members(&self) -> Vec<(Cow<'a, str>, Self)> {
        let Self::Object(text) = self else {
            return Vec::new();
        };
        let (mut scan, mut members) = (Scan::of(text), Vec::new());
        while let Some(Ok(name)) = scan.name() {
            members.push((name, Self::checked(scan.skip())));
        }
        members
    }

    /// The member `name` of an object.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let Self::Object(text) = self else { return None };
        let mut scan = Scan::of(text);
        while let Some(Ok(member)) = scan.name() {
            let value = scan.skip();
            if member == name {
                return Some(Self::checked(value));
            }
        }
        None
    }

    /// The element at `index` of an array.
    fn element(&self, index: usize) -> Option<Self> {
        let Self::Array(text) = self else { return None };
        let mut scan = Scan::of(text);
        for _ in 0..index {
            scan.element()?;
            scan.skip();
        }
        scan.element()?;
        Some(Self::checked(scan.skip()))
    }

    /// What an RFC 6901 pointer points at. The empty pointer is the value itself.
    pub(crate) fn pointer(self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |at, token| match at {
            Json::Object(_) => at.get(&token.replace("~1", "/").replace("~0", "~")),
            Json::Array(_) => at.element(array_index(token)?),
            _ => None,
        })
    }
}

/// An index of RFC 6901: digits without a leading zero.
fn array_index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (token == "0" || !token.starts_with('0'))).then(|| token.parse().ok())?
}

/// `text`, which is valid JSON, without the white space between its tokens.
pub(crate) fn compact(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut start = 0;
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => {
                out.push_str(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push_str(&text[start..]);
    out
}
