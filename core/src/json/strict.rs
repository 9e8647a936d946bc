//! What JSON may not be here though it is valid: nested too deep, or an object that names a member twice.

use std::borrow::Cow;
use std::collections::HashSet;

use super::scan::{string_at, unquoted};
use super::{JsonFault, MAX_DEPTH};

/// So many members are looked through quicker than hashed.
pub(super) const FEW: usize = 16;

/// An array or object that is open.
struct Open<'a> {
    /// Where the names of an object begin among all that are open; none for an array.
    names: Option<usize>,
    /// The names of an object that has more than a few.
    many: Option<HashSet<Cow<'a, str>>>,
}

/// Refuses great depth and repeated members in text that is valid JSON, going through it once.
pub(super) fn check(text: &str) -> Result<(), JsonFault> {
    let bytes = text.as_bytes();
    let (mut open, mut names): (Vec<Open<'_>>, Vec<Cow<'_, str>>) =
        (Vec::with_capacity(8), Vec::with_capacity(FEW));
    let (mut at, mut is_name) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let (end, escapes) = string_at(bytes, at);
                if let (true, Some(object)) = (is_name, open.last_mut()) {
                    let name = unquoted(text.get(at..end).unwrap_or_default(), escapes)?;
                    object.enter(name, &mut names)?;
                    is_name = false;
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                if open.len() == MAX_DEPTH {
                    return Err(JsonFault::TooDeep);
                }
                is_name = *byte == b'{';
                open.push(Open { names: is_name.then_some(names.len()), many: None });
            }
            b'}' | b']' => {
                is_name = false;
                if let Some(Open { names: Some(first), .. }) = open.pop() {
                    names.truncate(first);
                }
            }
            b',' => is_name = open.last().is_some_and(|open| open.names.is_some()),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

impl<'a> Open<'a> {
    /// Notes a name of this object's. `names` are those of all objects that are open, this one's last.
    fn enter(&mut self, name: Cow<'a, str>, names: &mut Vec<Cow<'a, str>>) -> Result<(), JsonFault> {
        let few = self.names.and_then(|first| names.get(first..)).unwrap_or_default();
        let is_new = if few.len() < FEW {
            let is_new = !few.contains(&name);
            names.push(name);
            is_new
        } else {
            self.many.get_or_insert_with(|| few.iter().cloned().collect()).insert(name)
        };
        if is_new { Ok(()) } else { Err(JsonFault::RepeatedMember) }
    }
}
