//! The parser: from the text between `{vault://` and `}` to its parts, once from left to right.
//!
//! Kong Gateway's grammar, but for what its parser drops or decodes twice without a word: that is an error here.

use std::borrow::Cow;
use std::collections::HashSet;
use std::num::NonZeroU64;

use super::{OptionSpan, ParseErrorKind as Kind, Reference};

/// What is wrong, and at which byte of the text that was to be parsed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

fn fail<T>(kind: Kind, at: usize) -> Result<T, Fault> {
    Err(Fault { kind, at })
}

pub(super) fn parse(input: &str) -> Result<Reference, Fault> {
    let prefix_end = prefix(input)?;
    // Decoding never makes a text longer.
    let mut text = String::with_capacity(input.len());
    text.push_str(&input[..prefix_end]);
    let ends = path(input, prefix_end, &mut text)?;

    let tail = &input[ends.path..];
    let (query, digits) = match tail.split_once('#') {
        Some((query, digits)) => (query, Some(digits)),
        None => (tail, None),
    };
    let options = match query.strip_prefix('?') {
        Some(query) => options(query, ends.path + 1, &mut text)?,
        None => Vec::new(),
    };
    let version = match digits {
        Some(digits) => Some(version(digits, input.len() - digits.len())?),
        None => None,
    };
    Ok(Reference { text, prefix_end, resource_end: ends.resource, key_end: ends.key, options, version })
}

/// Where the prefix ends.
fn prefix(input: &str) -> Result<usize, Fault> {
    let bytes = input.as_bytes();
    let allowed = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let end = bytes.iter().position(|byte| !allowed(byte)).unwrap_or(bytes.len());
    match (&bytes[..end], bytes.get(end)) {
        ([b'0'..=b'9' | b'-', ..], _) => fail(Kind::Prefix, 0),
        (_, Some(byte)) if !matches!(byte, b'/' | b'?' | b'#') => fail(Kind::Prefix, end),
        ([] | [_], _) => fail(Kind::Prefix, end),
        ([.., b'-'], _) => fail(Kind::Prefix, end - 1),
        _ => Ok(end),
    }
}

/// The bytes at which a path is more than text: those that end, escape or forbid something.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        special[byte] = matches!(byte as u8, b'/' | b'?' | b'#' | b'%' | b';' | b'{' | b'}' | b'\\')
            || (byte as u8).is_ascii_control();
        byte += 1;
    }
    special
};

/// Where in the input the path ends, and where in the decoded text its parts do.
struct PathEnds {
    path: usize,
    resource: usize,
    key: Option<usize>,
}

/// Appends the segments of the path that starts at `start`, each behind a slash.
fn path(input: &str, start: usize, text: &mut String) -> Result<PathEnds, Fault> {
    let bytes = input.as_bytes();
    let (mut at, mut segment_start, mut escaped) = (start, start, false);
    let (mut segments, mut before_last) = (0, 0);
    loop {
        let plain = bytes[at..].iter().position(|byte| SPECIAL[usize::from(*byte)]);
        at = plain.map_or(bytes.len(), |plain| at + plain);
        let byte = bytes.get(at);
        match byte {
            None | Some(b'/' | b'?' | b'#') => {
                if segment_start < at {
                    before_last = text.len();
                    push_segment(input, segment_start, at, escaped, text)?;
                    segments += 1;
                }
                if byte != Some(&b'/') {
                    break;
                }
                (segment_start, escaped) = (at + 1, false);
            }
            Some(b'%') => escaped = true,
            Some(b';' | b'{' | b'}' | b'\\') => return fail(Kind::PathCharacter, at),
            Some(_) => return fail(Kind::Control, at),
        }
        at += 1;
    }
    match segments {
        0 => fail(Kind::Path, at),
        // A slash at the end says that there is no key.
        2.. if segment_start < at => Ok(PathEnds { path: at, resource: before_last, key: Some(text.len()) }),
        _ => Ok(PathEnds { path: at, resource: text.len(), key: None }),
    }
}

/// Appends `input[start..end]`, which stands behind a slash, and that slash.
fn push_segment(
    input: &str,
    start: usize,
    end: usize,
    escaped: bool,
    text: &mut String,
) -> Result<(), Fault> {
    // What starts with a letter or digit is neither blank nor a dot segment, as long as it hides nothing.
    if !escaped && input.as_bytes()[start].is_ascii_alphanumeric() {
        text.push_str(&input[start - 1..end]);
        return Ok(());
    }
    let raw = &input[start..end];
    let segment = decode(raw, start, Part::Path)?;
    check_segment(&segment, raw, start)?;
    text.push('/');
    text.push_str(&segment);
    Ok(())
}

fn check_segment(segment: &str, raw: &str, at: usize) -> Result<(), Fault> {
    // An encoded slash can hide a dot segment from whoever splits only the raw path.
    let mut start = 0;
    for piece in segment.split('/') {
        if matches!(piece, "." | "..") {
            return fail(Kind::DotSegment, at + source_offset(raw, start));
        }
        start += piece.len() + 1;
    }
    if segment.chars().all(|c| c == '/' || c.is_whitespace()) {
        return fail(Kind::BlankSegment, at);
    }
    Ok(())
}

/// Appends the options, names and values decoded.
fn options(query: &str, start: usize, text: &mut String) -> Result<Vec<OptionSpan>, Fault> {
    let mut options = Vec::new();
    for (at, pair) in pairs(query, start) {
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        if name.is_empty() {
            return fail(Kind::OptionName, at);
        }
        let start = text.len();
        text.push_str(&decode(name, at, Part::Options)?);
        let name_end = text.len();
        match value {
            Some(value) => text.push_str(&decode(value, at + name.len() + 1, Part::Options)?),
            None => text.push_str("true"),
        }
        options.push(OptionSpan { start, name_end, end: text.len() });
    }
    options.sort_unstable_by(|a, b| a.name(text).cmp(b.name(text)));
    if options.windows(2).any(|two| two[0].name(text) == two[1].name(text)) {
        return fail(Kind::RepeatedOption, repeated_option(query, start));
    }
    Ok(options)
}

/// The pairs of a query and where they start, without the empty ones.
fn pairs(query: &str, mut at: usize) -> impl Iterator<Item = (usize, &str)> {
    query
        .split('&')
        .map(move |pair| {
            let start = at;
            at += pair.len() + 1;
            (start, pair)
        })
        .filter(|(_, pair)| !pair.is_empty())
}

#[cold]
fn repeated_option(query: &str, start: usize) -> usize {
    let mut seen = HashSet::new();
    let mut names = pairs(query, start).filter_map(|(at, pair)| {
        let name = pair.split('=').next().unwrap_or(pair);
        Some((at, decode(name, at, Part::Options).ok()?))
    });
    names.find_map(|(at, name)| (!seen.insert(name)).then_some(at)).unwrap_or(start)
}

fn version(digits: &str, start: usize) -> Result<NonZeroU64, Fault> {
    if let Some(at) = digits.bytes().position(|byte| !byte.is_ascii_digit()) {
        return fail(Kind::Version, start + at);
    }
    digits.parse().map_err(|_| Fault { kind: Kind::Version, at: start })
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    Options,
}

/// Percent-decodes `raw`, which stands at `at`, exactly once.
fn decode(raw: &str, at: usize, part: Part) -> Result<Cow<'_, str>, Fault> {
    let plus = part == Part::Options;
    if !raw.bytes().any(|byte| byte == b'%' || byte == b'+' && plus || byte.is_ascii_control()) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        let at = at + offset;
        let byte = match byte {
            b'+' if plus => b' ',
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return fail(Kind::Escape, at),
            },
            _ => byte,
        };
        if byte.is_ascii_control() {
            return fail(Kind::Control, at);
        }
        if byte == b'\\' && part == Part::Path {
            return fail(Kind::PathCharacter, at);
        }
        decoded.push(byte);
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Fault { kind: Kind::Utf8, at: at + source_offset(raw, valid) }
    })
}

fn hex(byte: Option<(usize, u8)>) -> Option<u8> {
    char::from(byte?.1).to_digit(16)?.try_into().ok()
}

/// Where in `raw` the decoded byte number `decoded` comes from.
fn source_offset(raw: &str, decoded: usize) -> usize {
    (0..decoded).fold(0, |at, _| at + if raw.as_bytes()[at] == b'%' { 3 } else { 1 })
}
