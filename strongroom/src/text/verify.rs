//! Whether a document whose references were replaced is still the same document.
//!
//! It is read again and compared node by node. An alias can make a key of a string that was replaced, which nobody
//! who looks at that string alone can see.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::config::source::{Node, Place, Value};

/// The texts of replaced strings, by where those began in the original.
pub(super) type Replaced = BTreeMap<usize, Zeroizing<String>>;

/// Where `after` is not `before` with these strings replaced; none where it is.
pub(super) fn difference(before: &Node, after: &Node, replaced: &Replaced) -> Option<Place> {
    let same = match (&before.value, &after.value) {
        (Value::Null, Value::Null) => true,
        (Value::Scalar(old), Value::Scalar(new)) => match replaced.get(&old.span.start) {
            Some(text) => new.quoted && new.text == *text,
            None => (new.quoted, &new.text, &new.tag) == (old.quoted, &old.text, &old.tag),
        },
        (Value::List(old), Value::List(new)) if old.len() == new.len() => {
            return old.iter().zip(new).find_map(|(old, new)| difference(old, new, replaced));
        }
        (Value::Map(old), Value::Map(new)) if old.len() == new.len() => {
            return old.iter().zip(new).find_map(|(old, new)| {
                if old.key == new.key {
                    difference(&old.value, &new.value, replaced)
                } else {
                    Some(old.place)
                }
            });
        }
        _ => false,
    };
    (!same).then_some(before.place)
}
