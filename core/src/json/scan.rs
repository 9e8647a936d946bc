//! Going through text that is JSON.

use std::borrow::Cow;
use std::collections::HashSet;

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

    /// Refuses great depth and a repeated member in the value here, at any depth. The depth is bounded, so is the
    /// recursion.
    pub(super) fn check(&mut self) -> Result<(), JsonFault> {
        self.check_within(0, &mut Vec::new())
    }

    /// `names` holds those of the objects around, and is left as it was.
    fn check_within(&mut self, depth: usize, names: &mut Vec<Cow<'a, str>>) -> Result<(), JsonFault> {
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
                self.check_within(depth + 1, names)?;
            }
            return Ok(());
        }
        let (first, mut many) = (names.len(), HashSet::new());
        while let Some(name) = self.name() {
            let (name, few) = (name?, names.get(first..).unwrap_or_default());
            if few.len() < FEW {
                if few.contains(&name) {
                    return Err(JsonFault::RepeatedMember);
                }
                names.push(name);
            } else {
                if many.is_empty() {
                    many.extend(few.iter().cloned());
                }
                if !many.insert(name) {
                    return Err(JsonFault::RepeatedMember);
                }
            }
            self.check_within(depth + 1, names)?;
        }
        names.truncate(first);
        Ok(())
    }

    /// The name of the next member of the object here, whose value comes next; none at its end.
    pub(super) fn name(&mut self) -> Option<Result<Cow<'a, str>, JsonFault>> {
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
pub(super) const FEW: usize = 16;

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
