//! Strict JSON over text: members in order, literal text kept, repeated members and great depth refused.
//!
//! `serde_json` does the parsing; its `RawValue` keeps each value as the slice of text it came from, so that a
//! number is never rounded and a string is decoded once, into memory that is wiped.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::Secret;

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
        check_depth(text)?;
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if matches!(text.as_bytes().first(), Some(b'{' | b'[')) {
            check_members(text)?;
        } else {
            let _: &RawValue = serde_json::from_str(text).map_err(|_| JsonFault::Syntax)?;
        }
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
        let Members(members) = serde_json::from_str(text).unwrap_or_default();
        members.into_iter().map(|(name, raw)| (name, Self::checked(raw.get()))).collect()
    }

    /// The member `name` of an object.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        self.members().into_iter().find_map(|(member, value)| (member == name).then_some(value))
    }

    /// The element at `index` of an array.
    fn element(&self, index: usize) -> Option<Self> {
        let Self::Array(text) = self else { return None };
        let Elements(elements) = serde_json::from_str(text).unwrap_or_default();
        elements.get(index).map(|raw| Self::checked(raw.get()))
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

/// The inside of a JSON string, not yet decoded.
#[derive(Clone, Copy)]
pub(crate) struct RawString<'a>(&'a str);

impl RawString<'_> {
    /// Decodes into memory that is wiped; none where an escape is half a surrogate pair.
    pub(crate) fn decode(&self) -> Option<Secret> {
        // Decoding never makes a text longer, so the buffer never grows and leaves no copy behind.
        let mut out = Zeroizing::new(Vec::with_capacity(self.0.len()));
        let mut rest = self.0;
        while let Some(at) = rest.find('\\') {
            out.extend_from_slice(rest.get(..at)?.as_bytes());
            let escape = *rest.as_bytes().get(at + 1)?;
            rest = rest.get(at + 2..)?;
            let simple = match escape {
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'u' => {
                    let mut buffer = [0; 4];
                    let (character, behind) = unicode_escape(rest)?;
                    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                    rest = behind;
                    continue;
                }
                other => other,
            };
            out.push(simple);
        }
        out.extend_from_slice(rest.as_bytes());
        Some(Secret(out))
    }
}

/// The character of a `\u` escape whose hexadecimal digits `rest` starts with, and what stands behind it.
fn unicode_escape(rest: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let high = unit(rest)?;
    let rest = rest.get(4..)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let rest = rest.strip_prefix("\\u")?;
    let low = unit(rest).filter(|low| (0xdc00..0xe000).contains(low))?;
    Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, rest.get(4..)?))
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

/// Refuses deep nesting before anything recurses.
fn check_depth(text: &str) -> Result<(), JsonFault> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(JsonFault::TooDeep);
        }
    }
    Ok(())
}

/// Refuses what is no object or array, and a repeated member at any depth. The depth is bounded, so is the recursion.
fn check_members(text: &str) -> Result<(), JsonFault> {
    let nested = |value: &RawValue| match value.get().as_bytes().first() {
        Some(b'{' | b'[') => check_members(value.get()),
        _ => Ok(()),
    };
    if text.starts_with('{') {
        let Members(members) = serde_json::from_str(text).map_err(|error| fault(&error))?;
        members.iter().try_for_each(|(_, member)| nested(member))
    } else {
        let Elements(elements) = serde_json::from_str(text).map_err(|error| fault(&error))?;
        elements.iter().try_for_each(|element| nested(element))
    }
}

fn fault(error: &serde_json::Error) -> JsonFault {
    // The one fault that is not the parser's own.
    if error.is_data() { JsonFault::RepeatedMember } else { JsonFault::Syntax }
}

/// So many members are looked through quicker than hashed.
const FEW: usize = 16;

/// The members of one object; deserializing fails where a name is repeated.
#[derive(Default)]
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, _)> = Vec::new();
                let mut seen = HashSet::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    let repeated = if members.len() < FEW {
                        members.iter().any(|(other, _)| *other == name)
                    } else {
                        if seen.is_empty() {
                            seen.extend(members.iter().map(|(other, _)| other.clone()));
                        }
                        !seen.insert(name.clone())
                    };
                    if repeated {
                        return Err(serde::de::Error::custom("repeated member"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A member name, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Default)]
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        match Json::parse(text).ok()? {
            Json::String(raw) => Some(String::from_utf8(raw.decode()?.as_bytes().to_vec()).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn strings_are_decoded_like_serde_json_does() {
        for text in [r#""""#, r#""a\"b\\c\/d\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00é😀""#, r#""\u0000""#] {
            assert_eq!(decoded(text).unwrap(), serde_json::from_str::<String>(text).unwrap(), "{text}");
        }
        for text in [r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00""#] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn repeated_members_are_refused_at_any_depth_and_in_any_spelling() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
            assert_eq!(Json::parse(text).err(), Some(JsonFault::RepeatedMember), "{text}");
        }
        assert!(Json::parse(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#).is_ok());
        // Also where there are many, and where the repeated one is among the first or the last of them.
        let many = |last: usize| {
            let members: Vec<_> = (0..3 * FEW).chain([last]).map(|name| format!(r#""{name}":0"#)).collect();
            Json::parse(&format!("{{{}}}", members.join(","))).err()
        };
        assert_eq!(many(3 * FEW), None);
        for last in [0, FEW - 1, FEW, FEW + 1, 3 * FEW - 1] {
            assert_eq!(many(last), Some(JsonFault::RepeatedMember), "{last}");
        }
    }

    #[test]
    fn what_is_cut_off_or_has_text_behind_it_is_no_json() {
        for text in [
            "",
            " ",
            "{",
            "{\"a\":1",
            "{\"a\":[1,2",
            "{}{}",
            "{} x",
            "[1]]",
            "1 2",
            "\u{a0}{}",
            "{\"\\ud800\":1}",
            "{1:2}",
        ] {
            assert_eq!(Json::parse(text).err(), Some(JsonFault::Syntax), "{text}");
        }
        assert!(matches!(Json::parse(" \t\r\n{ }\n"), Ok(Json::Object("{ }"))));
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Json::parse(&nested(MAX_DEPTH + 1)).err(), Some(JsonFault::TooDeep));
        assert_eq!(Json::parse(&"[".repeat(1_000_000)).err(), Some(JsonFault::TooDeep));
        assert!(Json::parse(&format!("\"{}\"", "[".repeat(100))).is_ok(), "brackets in a string do not nest");
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let json = Json::parse(r#"{"":0,"a/b":1,"m~n":2,"l":[10,{"k":"v"}],"01":3}"#).unwrap();
        let number = |pointer| match json.pointer(pointer) {
            Some(Json::Number(text)) => Some(text),
            _ => None,
        };
        assert_eq!(number("/"), Some("0"));
        assert_eq!(number("/a~1b"), Some("1"));
        assert_eq!(number("/m~0n"), Some("2"));
        assert_eq!(number("/l/0"), Some("10"));
        assert_eq!(number("/01"), Some("3"));
        assert!(matches!(json.pointer("/l/1/k"), Some(Json::String(_))));
        for missing in ["l", "/l/00", "/l/2", "/l/-", "/l/+1", "/l/0/0", "/x"] {
            assert!(json.pointer(missing).is_none(), "{missing}");
        }
    }

    #[test]
    fn compact_keeps_strings_and_numbers_as_they_stand() {
        let text = "{ \"a b\" : \"x \\\" y\" ,\n\t\"n\" : [ 1.50 , 12345678901234567890 ] }";
        assert_eq!(*compact(text), r#"{"a b":"x \" y","n":[1.50,12345678901234567890]}"#);
    }
}
