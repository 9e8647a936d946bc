//! Going through text that may be anything, once: what is passed is JSON, nests no deeper than it may, and no object in
//! it names a member twice.

use std::borrow::Cow;
use std::collections::HashSet;

use super::scan::{string_at, unquoted};
use super::{JsonFault, MAX_DEPTH};

/// So many members are looked through quicker than hashed.
pub(super) const FEW: usize = 16;

/// Goes through a text value by value.
pub(super) struct Strict<'a> {
    text: &'a str,
    at: usize,
    /// How much white space was passed between tokens.
    white: usize,
    /// Whether a value is to come.
    is_due: bool,
    /// The arrays and objects around the place where it is.
    open: Vec<Open<'a>>,
    /// The names that were met so far in all objects that are open.
    names: Vec<Cow<'a, str>>,
}

/// An array or object that is open.
struct Open<'a> {
    /// Where the names of an object begin among all that are open; none for an array.
    names: Option<usize>,
    /// The names of an object that has more than a few.
    #[expect(clippy::box_collection, reason = "few have it")]
    many: Option<Box<HashSet<Cow<'a, str>>>>,
}

impl<'a> Strict<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            white: 0,
            is_due: true,
            open: Vec::with_capacity(8),
            names: Vec::with_capacity(FEW),
        }
    }

    /// Whether a value is to come: at the beginning, and behind a member's name.
    pub(super) fn is_due(&self) -> bool {
        self.is_due
    }

    /// Passes a value, and says whether there is no white space between its tokens.
    pub(super) fn value(&mut self) -> Result<(&'a str, bool), JsonFault> {
        if !std::mem::take(&mut self.is_due) {
            return Err(JsonFault::Syntax);
        }
        self.peek();
        let (start, white) = (self.at, self.white);
        self.pass()?;
        Ok((self.text.get(start..self.at).unwrap_or_default(), self.white == white))
    }

    /// Goes into the object here; not where another value is due.
    pub(super) fn enter(&mut self) -> Result<bool, JsonFault> {
        if !self.is_due {
            return Err(JsonFault::Syntax);
        }
        let is_object = self.peek() == Some(b'{');
        if is_object {
            self.is_due = false;
            self.begin(Some(self.names.len()))?;
        }
        Ok(is_object)
    }

    /// The name of the next member of the object that was entered last, whose value comes next; none at its end, where it
    /// is left.
    pub(super) fn member(&mut self) -> Result<Option<Cow<'a, str>>, JsonFault> {
        // No value ends like this, so behind it nothing of the object was passed.
        let is_first = self.text.as_bytes().get(self.at.wrapping_sub(1)) == Some(&b'{');
        match self.peek() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b',') if !is_first => self.at += 1,
            Some(b'"') if is_first => {}
            _ => return Err(JsonFault::Syntax),
        }
        let name = self.name()?;
        self.note(name.clone())?;
        self.is_due = true;
        Ok(Some(name))
    }

    /// Nothing but white space may follow.
    pub(super) fn end(mut self) -> Result<(), JsonFault> {
        let is_at_end = self.peek().is_none() && self.at == self.text.len();
        if is_at_end && !self.is_due && self.open.is_empty() { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    /// Passes nothing any more, whatever is tried: no byte is there, and it is not the end either.
    pub(super) fn give_up(&mut self) {
        self.at = usize::MAX;
    }

    /// Passes a value whatever is in it, without recursion.
    fn pass(&mut self) -> Result<(), JsonFault> {
        let around = self.open.len();
        loop {
            match self.peek().ok_or(JsonFault::Syntax)? {
                b'"' => {
                    self.string()?;
                }
                b'{' => {
                    self.begin(Some(self.names.len()))?;
                    if self.peek() != Some(b'}') {
                        let name = self.name()?;
                        self.note(name)?;
                        continue;
                    }
                }
                b'[' => {
                    self.begin(None)?;
                    if self.peek() != Some(b']') {
                        continue;
                    }
                }
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => self.number()?,
            }
            // Behind a value, or at the end of what is empty.
            loop {
                if self.open.len() == around {
                    return Ok(());
                }
                let is_object = self.open.last().is_some_and(|open| open.names.is_some());
                match (self.peek(), is_object) {
                    (Some(b'}'), true) | (Some(b']'), false) => self.close(),
                    (Some(b','), _) => {
                        self.at += 1;
                        if is_object {
                            let name = self.name()?;
                            self.note(name)?;
                        }
                        break;
                    }
                    _ => return Err(JsonFault::Syntax),
                }
            }
        }
    }

    /// Passes the bracket of an array, or of an object whose names are those from here on.
    fn begin(&mut self, names: Option<usize>) -> Result<(), JsonFault> {
        if self.open.len() == MAX_DEPTH {
            return Err(JsonFault::TooDeep);
        }
        self.at += 1;
        self.open.push(Open { names, many: None });
        Ok(())
    }

    fn close(&mut self) {
        self.at += 1;
        if let Some(Open { names: Some(first), .. }) = self.open.pop() {
            self.names.truncate(first);
        }
    }

    /// Passes a member's name and its colon.
    fn name(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        if self.peek() != Some(b'"') {
            return Err(JsonFault::Syntax);
        }
        let start = self.at;
        let escapes = self.string()?;
        let name = unquoted(self.text.get(start..self.at).unwrap_or_default(), escapes)?;
        if self.peek() != Some(b':') {
            return Err(JsonFault::Syntax);
        }
        self.at += 1;
        Ok(name)
    }

    /// Notes a name of the innermost object's.
    fn note(&mut self, name: Cow<'a, str>) -> Result<(), JsonFault> {
        let Some(Open { names: Some(first), many }) = self.open.last_mut() else {
            return Err(JsonFault::Syntax);
        };
        let few = self.names.get(*first..).unwrap_or_default();
        let is_new = if few.len() < FEW {
            let is_new = !few.contains(&name);
            self.names.push(name);
            is_new
        } else {
            many.get_or_insert_with(|| Box::new(few.iter().cloned().collect())).insert(name)
        };
        if is_new { Ok(()) } else { Err(JsonFault::RepeatedMember) }
    }

    /// Passes a string, and says whether there are escapes in it.
    fn string(&mut self) -> Result<bool, JsonFault> {
        let (end, escapes) = string_at(self.text.as_bytes(), self.at).ok_or(JsonFault::Syntax)?;
        self.at = end;
        Ok(escapes)
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonFault> {
        let is_there =
            self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += word.len();
        if is_there { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        self.pass_if(|byte| byte == b'-');
        if !self.pass_if(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.pass_if(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.pass_if(|byte| matches!(byte, b'e' | b'E')) {
            self.pass_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    /// Passes one digit or more.
    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while self.pass_if(|byte| byte.is_ascii_digit()) {}
        if self.at > start { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    fn pass_if(&mut self, fits: impl FnOnce(u8) -> bool) -> bool {
        let is_there = self.text.as_bytes().get(self.at).is_some_and(|byte| fits(*byte));
        self.at += usize::from(is_there);
        is_there
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
            self.white += 1;
        }
    }
}
