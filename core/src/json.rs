//! Strict JSON over text: members in order, literal text kept, repeated members and great depth refused.
//!
//! `serde_json` says whether a text is JSON. What it holds is then found by going through it once, each value as the slice
//! of text it came from, so that a number is never rounded and a string is decoded once, into memory that is wiped.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::IgnoredAny;
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
        // Decodes nothing and does not recurse.
        let valid: Result<IgnoredAny, _> = serde_json::from_str(text);
        valid.map_err(|_| if is_too_deep(text) { JsonFault::TooDeep } else { JsonFault::Syntax })?;
        let text = text.trim_matches(WHITE);
        Scan::of(text).check(0)?;
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

/// Whether a text that is no JSON nests too deep besides.
fn is_too_deep(text: &str) -> bool {
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
            return true;
        }
    }
    false
}

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Goes through text that is valid JSON, value by value. Whatever else it is given, it ends.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Refuses great depth and a repeated member in the value here, at any depth. The depth is bounded, so is the
    /// recursion.
    fn check(&mut self, depth: usize) -> Result<(), JsonFault> {
        let opens = self.peek();
        if !matches!(opens, Some(b'{' | b'[')) {
            self.skip();
            return Ok(());
        }
        if depth == MAX_DEPTH {
            return Err(JsonFault::TooDeep);
        }
        if opens == Some(b'[') {
            while self.element().is_some() {
                self.check(depth + 1)?;
            }
            return Ok(());
        }
        let mut names = Names::default();
        while let Some(name) = self.name() {
            names.add(name?)?;
            self.check(depth + 1)?;
        }
        Ok(())
    }

    /// The name of the next member of the object here, whose value comes next; none at its end.
    fn name(&mut self) -> Option<Result<Cow<'a, str>, JsonFault>> {
        self.element()?;
        let quoted = self.skip();
        // Behind the colon.
        self.peek();
        self.at += 1;
        let bare = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if !bare.contains('\\') {
            return Some(Ok(Cow::Borrowed(bare)));
        }
        Some(serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| JsonFault::Syntax))
    }

    /// Goes to the next element of the array here, or the next name of the object; none at its end.
    fn element(&mut self) -> Option<()> {
        let byte = self.peek()?;
        if matches!(byte, b'{' | b'[' | b',') {
            self.at += 1;
        }
        if matches!(self.peek()?, b'}' | b']') {
            self.at += 1;
            return None;
        }
        Some(())
    }

    /// Goes behind the value here.
    fn skip(&mut self) -> &'a str {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                break;
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes behind the string here.
    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }
}

/// So many members are looked through quicker than hashed.
const FEW: usize = 16;

/// The names of one object.
#[derive(Default)]
struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    fn add(&mut self, name: Cow<'a, str>) -> Result<(), JsonFault> {
        let is_new = if self.few.len() < FEW {
            let is_new = !self.few.contains(&name);
            self.few.push(name);
            is_new
        } else {
            if self.many.is_empty() {
                self.many.extend(self.few.iter().cloned());
            }
            self.many.insert(name)
        };
        if is_new { Ok(()) } else { Err(JsonFault::RepeatedMember) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

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

    /// Any JSON without a repeated member, as `serde_json` has it.
    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..5).prop_map(Value::from_iter),
            ]
        })
    }

    fn rebuilt(json: Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => bool.into(),
            Json::Number(text) => serde_json::from_str(text).unwrap(),
            Json::String(raw) => String::from_utf8(raw.decode().unwrap().as_bytes().to_vec()).unwrap().into(),
            Json::Array(_) => (0..).map_while(|at| json.element(at)).map(rebuilt).collect::<Vec<_>>().into(),
            Json::Object(_) => {
                json.members().into_iter().map(|(name, value)| (name.into_owned(), rebuilt(value))).collect()
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_is_there(value in anything(), pretty in proptest::bool::ANY) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            prop_assert_eq!(rebuilt(Json::parse(&text.unwrap()).unwrap()), value);
        }

        #[test]
        fn any_text_is_judged_as_serde_json_does(text in "[\\[\\]{},:\"\\\\ a1\n-]{0,24}") {
            let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            let judged = Json::parse(&text);
            prop_assert!(judged.is_ok() == valid || judged.err() == Some(JsonFault::RepeatedMember));
        }
    }
}
