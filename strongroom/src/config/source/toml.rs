//! TOML: from the spanned table of the `toml` crate to nodes.
//!
//! The parser checks the grammar, which in TOML says that no key repeats. Its numbers and dates are left aside for
//! the text that stands in the file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};
use toml_parser::Source as Lexed;
use toml_parser::lexer::TokenKind;

use super::error::in_own_words;
use super::{Entry, Fault, MAX_DEPTH, Node, Source, SourceError, Value};

/// Reads the table that a file is.
pub(super) fn read(source: &Source<'_>) -> Result<Node, SourceError> {
    check_depth(source)?;
    let (table, errors) = DeTable::parse_recoverable(source.text());
    if let Some(error) = errors.first() {
        return Err(explain(source, error, table.get_ref()));
    }
    Ok(Node { value: map(source, table.get_ref(), 1)?, place: source.place(0) })
}

fn map(source: &Source<'_>, table: &DeTable<'_>, depth: usize) -> Result<Value, SourceError> {
    let mut ordered: Vec<_> = table.iter().collect();
    ordered.sort_by_key(|(key, _)| key.span().start);
    let entries = ordered.into_iter().map(|(key, value)| {
        Ok(Entry {
            key: source.restored(key.get_ref().to_string(), &key.span()).to_string(),
            place: source.place(key.span().start),
            value: node(source, value, depth)?,
        })
    });
    Ok(Value::Map(entries.collect::<Result<_, _>>()?))
}

fn node(source: &Source<'_>, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, SourceError> {
    let bytes = value.span();
    let start = bytes.start;
    let value = match value.get_ref() {
        DeValue::String(text) => {
            let text = source.restored(text.to_string(), &bytes);
            return Ok(source.scalar(text, true, bytes));
        }
        DeValue::Array(values) => {
            source.check_depth(depth + 1, start)?;
            let nodes = values.iter().map(|value| node(source, value, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            source.check_depth(depth + 1, start)?;
            map(source, table, depth + 1)?
        }
        _ => {
            let written = source.text().get(bytes.clone()).unwrap_or_default();
            return Ok(source.scalar(written.to_owned().into(), false, bytes));
        }
    };
    let place = source.place(start);
    Ok(Node { value, place })
}

/// Refuses what nests so deep that the parser would overflow the stack. It bounds brackets and dotted keys alone,
/// and both together make thousands of levels.
fn check_depth(source: &Source<'_>) -> Result<(), SourceError> {
    let (mut open, mut levels, mut dots) = (Vec::new(), 0, 0);
    for token in Lexed::new(source.text()).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                levels += dots + 1;
                open.push(std::mem::take(&mut dots) + 1);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                levels -= open.pop().unwrap_or(0);
                dots = 0;
            }
            TokenKind::Comma => dots = 0,
            TokenKind::Newline if open.is_empty() => dots = 0,
            _ => {}
        }
        // Well above the limit itself: a bracket that is not closed makes the count too high.
        if levels + dots > 8 * MAX_DEPTH {
            return source.check_depth(MAX_DEPTH + 1, token.span().start());
        }
    }
    Ok(())
}

const SENTENCES: [(&str, &str); 13] = [
    ("string values must be quoted", "a text has to stand between quotes in TOML"),
    ("cannot extend value", "a key that leads into a value which is no table"),
    ("leading zero", "a number cannot start with a zero in TOML (between quotes it keeps the zero)"),
    ("unclosed", "a closing bracket is missing"),
    ("invalid basic string", "a closing quote is missing"),
    ("invalid literal string", "a closing quote is missing"),
    ("key with no value", "a key without a value"),
    ("missing value", "a key without a value"),
    ("missing comma", "a comma is missing"),
    ("escape", "an unknown escape between double quotes (between single quotes a backslash is itself)"),
    ("invalid date", "not a date or time as TOML has them (text stands between quotes)"),
    ("invalid time", "not a date or time as TOML has them (text stands between quotes)"),
    ("unexpected key or value", "there is more on the line than one key and its value"),
];

/// What the parser complains of, in our words.
fn explain(source: &Source<'_>, error: &Error, table: &DeTable<'_>) -> SourceError {
    let span = error.span().unwrap_or(0..0);
    let said = error.message();
    if said.contains("recursion") {
        return source.refused(span.start, "arrays and tables nest more than 64 levels deep");
    }
    if said.contains("duplicate key") {
        let written = source.text().get(span.clone()).unwrap_or_default();
        let first = first_place(source, table, &span, written);
        let key = source.restored(written.trim_matches(['"', '\'']).to_owned(), &span);
        return source.error(span.start, Fault::repeated(&key, first));
    }
    source.syntax(span.start, in_own_words(said, &SENTENCES).unwrap_or("not valid TOML"))
}

/// Where the key at `span` stood before in the same table, if that is the table of the nearest header or braces.
fn first_place(
    source: &Source<'_>,
    table: &DeTable<'_>,
    span: &Range<usize>,
    written: &str,
) -> Option<super::Place> {
    let owner = owner(source, table, span.start).map_or(table, |(_, owner)| owner);
    let mut keys = owner.keys().map(Spanned::span);
    let first = keys.find(|key| key.start < span.start && source.text().get(key.clone()) == Some(written))?;
    Some(source.place(first.start))
}

/// The last table that begins before `at` by a header, or that holds `at` between its braces.
fn owner<'t, 'i>(source: &Source<'_>, table: &'t DeTable<'i>, at: usize) -> Option<(usize, &'t DeTable<'i>)> {
    let mut values: Vec<&'t Spanned<DeValue<'i>>> = table.values().collect();
    let mut found: Option<(usize, &'t DeTable<'i>)> = None;
    while let Some(value) = values.pop() {
        let span = value.span();
        match value.get_ref() {
            DeValue::Array(array) => values.extend(array.iter()),
            DeValue::Table(table) => {
                values.extend(table.values());
                let owns = match source.text().as_bytes().get(span.start) {
                    Some(b'[') => span.start < at,
                    Some(b'{') => span.contains(&at),
                    _ => false,
                };
                if owns && found.is_none_or(|(start, _)| start < span.start) {
                    found = Some((span.start, table));
                }
            }
            _ => {}
        }
    }
    found
}
