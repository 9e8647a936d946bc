//! From the trees of a document to the strings in it that hold references.

use std::collections::BTreeMap;
use std::ops::Range;

use strongroom_core::{Embedded, Error, ErrorKind, Piece, escaped, is_reference};
use zeroize::Zeroizing;

use super::begun::Begun;
use super::document::Scope;
use super::occurrence::{Occurrence, could_not};
use crate::config::Format;
use crate::config::source::{Entry, Node, Place, Scalar, Value};

/// A string of the document with references in it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The bytes of the document that it takes, quotes included.
    pub(super) span: Range<usize>,
    pub(super) parts: Vec<Part>,
}

/// A piece of a string.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(Zeroizing<String>),
    /// The value of an occurrence, by its number.
    Value(usize),
}

/// What is found in all documents of one text.
pub(super) struct Walk<'a> {
    name: &'a str,
    text: &'a str,
    format: Format,
    scope: Scope,
    /// The names and numbers that lead to the node at hand.
    path: Vec<Step<'a>>,
    /// By where they begin. A string that aliases repeat is there once, as it is in the text.
    pub(super) fields: BTreeMap<usize, Field>,
    pub(super) occurrences: Vec<Occurrence>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Walk<'a> {
    pub(super) fn new(name: &'a str, text: &'a str, format: Format, scope: Scope) -> Self {
        let (fields, occurrences) = (BTreeMap::new(), Vec::new());
        Self { name, text, format, scope, path: Vec::new(), fields, occurrences }
    }

    /// Finds the references of a node. Recursion is bounded, as every tree is.
    pub(super) fn node(&mut self, node: &'a Node) {
        match &node.value {
            Value::Null => {}
            Value::Scalar(scalar) => self.scalar(scalar, node.place),
            Value::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.node(node);
                    self.path.pop();
                }
            }
            Value::Map(entries) => {
                if let Some(first) = entries.first().filter(|first| self.is_unquoted(first, node.place)) {
                    let what = format!(
                        "the reference `{{{}...` stands without quotes, where YAML takes it for a mapping: put it \
                         between quotes",
                        escaped(&first.key)
                    );
                    self.invalid(Error::new(ErrorKind::InvalidReference, what), node.place);
                    return;
                }
                for Entry { key, value, .. } in entries {
                    self.path.push(Step::Key(key));
                    self.node(value);
                    self.path.pop();
                }
            }
        }
    }

    fn scalar(&mut self, scalar: &Scalar, place: Place) {
        if self.fields.contains_key(&scalar.span.start) {
            return;
        }
        let parts = match self.scope {
            _ if scalar.tag.is_some() => return self.tagged(scalar, place),
            Scope::Whole if is_reference(&scalar.text) => {
                let found = Occurrence::new(self.path(), scalar.text.as_str());
                vec![self.value(found, place)]
            }
            Scope::Whole => return,
            Scope::Embedded if !scalar.text.contains("{vault://") => return,
            Scope::Embedded => self.embedded(&scalar.text, place),
        };
        let span = scalar.span.clone();
        self.fields.insert(span.start, Field { span, parts });
    }

    /// A string with a foreign tag is left as it is. Where it holds a reference, that fails: the tag may read the value
    /// as something else than text, such as a template or base64.
    fn tagged(&mut self, scalar: &Scalar, place: Place) {
        let is_meant = match self.scope {
            Scope::Whole => is_reference(&scalar.text),
            Scope::Embedded => scalar.text.contains("{vault://"),
        };
        if let (true, Some(tag)) = (is_meant, &scalar.tag) {
            let what = format!(
                "it stands behind the tag `{}`, which may read the value in its own way: take the tag away",
                escaped(tag)
            );
            let error = Error::new(ErrorKind::InvalidReference, what);
            if is_reference(&scalar.text) {
                let mut found = Occurrence::new(self.path(), scalar.text.as_str());
                found.reference = Err(could_not(&found.written, error));
                self.value(found, place);
            } else {
                self.invalid(error.context("a reference in longer text"), place);
            }
        }
    }

    fn embedded(&mut self, text: &str, place: Place) -> Vec<Part> {
        let mut begun = Begun::new(text.as_bytes());
        let mut parts = Vec::new();
        for piece in Embedded::new(text) {
            let part = match piece {
                Ok(Piece::Literal(literal)) => {
                    Part::Literal(String::from_utf8_lossy(literal).into_owned().into())
                }
                Ok(Piece::Reference(reference, range)) => {
                    let mut found =
                        Occurrence::part(self.path(), text[range.clone()].to_owned(), Ok(reference));
                    found.whole = range == (0..text.len());
                    self.value(found, place)
                }
                Err(error) => {
                    let Some(written) = begun.written(&error) else { continue };
                    // Kong takes what is all of a string for a reference too, and reads it in its own way.
                    let found = if parts.is_empty() && is_all_of(text) {
                        Occurrence::new(self.path(), text)
                    } else {
                        Occurrence::invalid_part(self.path(), written, error)
                    };
                    self.value(found, place)
                }
            };
            parts.push(part);
        }
        parts
    }

    fn invalid(&mut self, error: Error, place: Place) -> Part {
        let found = Occurrence::part(self.path(), String::new(), Err(error));
        self.value(found, place)
    }

    fn value(&mut self, found: Occurrence, place: Place) -> Part {
        self.occurrences.push(found.in_source(format_args!("{}:{place}", self.name)));
        Part::Value(self.occurrences.len() - 1)
    }

    /// Whether a mapping is what YAML makes of `key: {vault://my-vault/a/b}`.
    fn is_unquoted(&self, first: &Entry, mapping: Place) -> bool {
        let inside = Place { column: mapping.column + 1, ..mapping };
        self.format == Format::Yaml
            && first.key.starts_with("vault://")
            && matches!(first.value.value, Value::Null)
            && first.place == inside
            && self.char_at(inside) == Some('v')
    }

    fn char_at(&self, place: Place) -> Option<char> {
        let body = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        let line = body.split('\n').nth(place.line as usize - 1)?;
        line.chars().nth(place.column as usize - 1)
    }

    /// `services[2].auth.password`.
    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) if is_plain(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Key(key) => path.push_str(&format!("[\"{}\"]", escaped(key))),
            }
        }
        if path.is_empty() { "the document".to_owned() } else { path }
    }
}

/// Whether a text is one reference, valid or not, with nothing behind it.
fn is_all_of(text: &str) -> bool {
    is_reference(text) && text.find('}') == Some(text.len() - 1)
}

/// Whether a key can stand in a path without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 64
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))
}
