//! Going through text that is JSON.

use std::borrow::Cow;

use super::JsonFault;

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
        let (end, escapes) = self.string();
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
                b'"' => self.at = self.string().0,
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

    /// Where the string here ends, and whether there are escapes in it.
    fn string(&self) -> (usize, bool) {
        string_at(self.text.as_bytes(), self.at).unwrap_or((self.text.len(), false))
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

/// Where the string that begins at `at` ends, the quotes being part of it, and whether there are escapes in it; none where
/// it is no string of JSON.
#[inline]
pub(super) fn string_at(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let (mut at, mut escapes) = (at + 1, false);
    loop {
        let (next, byte) = special(bytes, at)?;
        match byte {
            b'"' => return Some((next + 1, escapes)),
            b'\\' => (at, escapes) = (behind_escape(bytes, next)?, true),
            _ => return None,
        }
    }
}

fn behind_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 6),
        _ => None,
    }
}

/// The next byte from `at` on that does not stand for itself in a string. Eight at a time: most strings are too short for
/// anything that has to be called.
#[inline]
fn special(bytes: &[u8], mut at: usize) -> Option<(usize, u8)> {
    const EACH: u64 = u64::MAX / 255;
    // Of these marks the first is right, whatever those behind it say.
    let below = |word: u64, bound: u8| word.wrapping_sub(EACH * u64::from(bound)) & !word & (EACH << 7);
    let same = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let marks = same(word, b'"') | same(word, b'\\') | below(word, b' ');
        if let Some(byte) = eight.get(marks.trailing_zeros() as usize / 8) {
            return Some((at + marks.trailing_zeros() as usize / 8, *byte));
        }
        at += 8;
    }
    let found = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
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
