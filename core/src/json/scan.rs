//! Going through text that is JSON.

use std::borrow::Cow;

use super::{JsonFault, MAX_DEPTH};

/// Goes through text that is valid JSON, value by value. Whatever else it is given, it ends.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The name of the next member of the object here, whose value comes next; none at its end.
    pub(super) fn name(&mut self) -> Option<Result<Cow<'a, str>, JsonFault>> {
        self.element()?;
        let (end, escapes) = string_at(self.text.as_bytes(), self.at);
        let name = unquoted(self.text.get(self.at..end).unwrap_or_default(), escapes);
        self.at = end;
        // Behind the colon.
        self.peek();
        self.at += 1;
        Some(name)
    }

    /// Goes to the next element of the array here, or the next name of the object; none at its end.
    pub(super) fn element(&mut self) -> Option<()> {
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
    pub(super) fn skip(&mut self) -> &'a str {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'"' => self.at = string_at(self.text.as_bytes(), self.at).0,
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

/// Where the string that begins at `at` ends, the quotes being part of it, and whether there are escapes in it.
#[inline]
pub(super) fn string_at(bytes: &[u8], at: usize) -> (usize, bool) {
    let (mut at, mut escapes) = (at + 1, false);
    while let Some((next, byte)) = quote_or_backslash(bytes, at) {
        if byte == b'"' {
            return (next + 1, escapes);
        }
        // What follows stands for nothing by itself.
        (at, escapes) = (next + 2, true);
    }
    (bytes.len(), escapes)
}

/// The next quote or backslash from `at` on. Eight bytes at a time: most strings are too short for anything that has to
/// be called.
#[inline]
fn quote_or_backslash(bytes: &[u8], mut at: usize) -> Option<(usize, u8)> {
    const EACH: u64 = u64::MAX / 255;
    let marks = |word: u64, byte: u8| {
        let zero = word ^ (EACH * u64::from(byte));
        zero.wrapping_sub(EACH) & !zero & (EACH << 7)
    };
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        // Of these marks the first is right, whatever those behind it say.
        let found = (marks(word, b'"') | marks(word, b'\\')).trailing_zeros() as usize / 8;
        if let Some(byte) = eight.get(found) {
            return Some((at + found, *byte));
        }
        at += 8;
    }
    let found = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some((at + found, bytes[at + found]))
}

/// What a string with its quotes says.
#[inline]
pub(super) fn unquoted(quoted: &str, escapes: bool) -> Result<Cow<'_, str>, JsonFault> {
    if escapes {
        return serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| JsonFault::Syntax);
    }
    Ok(Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()))
}

/// Whether a text that is no JSON nests too deep besides.
pub(super) fn is_too_deep(text: &str) -> bool {
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
