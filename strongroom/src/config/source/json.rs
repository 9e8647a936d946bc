//! JSON: from the raw values of `serde_json` to nodes.
//!
//! A raw value is a slice of the file, so its address says where it stands. `serde_json` checks the grammar of the
//! whole file first; repeated keys and depth are minded here.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::in_own_words;
use super::{Entry, Keys, Node, Source, SourceError, Value};

/// Reads the one value of a file.
pub(super) fn read(source: &Source<'_>) -> Result<Node, SourceError> {
    let root: &RawValue = serde_json::from_str(source.text()).map_err(|error| explain(source, &error))?;
    node(source, root, 0)
}

fn node(source: &Source<'_>, raw: &RawValue, depth: usize) -> Result<Node, SourceError> {
    let bytes = bytes(source, raw);
    let start = bytes.start;
    let value = match raw.get().as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b'"') => {
            let text = source.restored(text(source, raw)?, &bytes);
            return Ok(source.scalar(text, true, bytes));
        }
        Some(b'[') => {
            source.check_depth(depth + 1, start)?;
            let elements: Vec<&RawValue> = parse(source, raw)?;
            let nodes = elements.into_iter().map(|element| node(source, element, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            source.check_depth(depth + 1, start)?;
            let Members(members) = parse(source, raw)?;
            let mut keys = Keys::default();
            let mut entries = Vec::with_capacity(members.len());
            for (name, value) in members {
                let bytes = self::bytes(source, name);
                let place = source.place(bytes.start);
                let key = source.restored(text(source, name)?, &bytes).to_string();
                keys.add(&key, place)?;
                let value = node(source, value, depth + 1)?;
                entries.push(Entry { key, place, value });
            }
            Value::Map(entries)
        }
        _ => return Ok(source.scalar(raw.get().to_owned().into(), false, bytes)),
    };
    let place = source.place(start);
    Ok(Node { value, place })
}

fn bytes(source: &Source<'_>, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr() - source.text().as_ptr().addr();
    start..start + raw.get().len()
}

/// The text of a string.
fn text(source: &Source<'_>, raw: &RawValue) -> Result<String, SourceError> {
    let half = "an escape between quotes that is half of a surrogate pair";
    serde_json::from_str(raw.get()).map_err(|_| source.syntax(bytes(source, raw).start, half))
}

/// The parts of a list or mapping.
fn parse<'a, T: Deserialize<'a>>(source: &Source<'_>, raw: &'a RawValue) -> Result<T, SourceError> {
    serde_json::from_str(raw.get()).map_err(|_| source.syntax(bytes(source, raw).start, "not valid JSON"))
}

const SENTENCES: [(&str, &str); 9] = [
    ("EOF", "the JSON ends too early: a closing bracket or quote is missing"),
    ("trailing comma", "a comma with nothing behind it"),
    ("expected value", "a value is missing, or is not one of JSON"),
    ("trailing characters", "there is more behind the end of the JSON"),
    (
        "key must be a string",
        "a key between double quotes is missing (and no comma stands behind the last one)",
    ),
    ("control character", "a line break or another control character between quotes (it takes an escape)"),
    ("invalid escape", "an unknown escape between quotes"),
    ("expected `,`", "a comma or a closing bracket is missing"),
    ("expected `:`", "a key without a `:` behind it"),
];

/// What the parser complains of, in our words.
fn explain(source: &Source<'_>, error: &serde_json::Error) -> SourceError {
    let at = source.lines.byte(error.line(), error.column());
    let what = in_own_words(&error.to_string(), &SENTENCES).unwrap_or("not valid JSON");
    source.syntax(at, what)
}

/// The members of an object.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
