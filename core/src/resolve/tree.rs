//! A document of any origin as a tree of our own, whose texts are wiped, with its references cut out.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use zeroize::{Zeroize, Zeroizing};

use super::failure::Fault;
use super::path::{At, FieldPath};
use crate::{Embedded, Error, Piece, Reference, Secret, is_reference};

/// A value of a document.
pub(super) enum Tree {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    WideSigned(i128),
    WideUnsigned(u128),
    Float(f64),
    Text(Zeroizing<String>),
    Bytes(Zeroizing<Vec<u8>>),
    /// A text that is a reference, by its place among the references.
    Reference(usize),
    /// A text with references in it.
    Spliced(Vec<Part>),
    List(Vec<Self>),
    /// In the order of the document.
    Map(Vec<(String, Self)>),
}

/// A piece of a text with references in it.
pub(super) enum Part {
    Literal(Zeroizing<Vec<u8>>),
    Reference(usize),
}

/// A document and the distinct references in it.
pub(crate) struct Template {
    pub(super) root: Tree,
    pub(super) references: Vec<Reference>,
    /// What is wrong with those that are no valid references.
    pub(super) faults: Vec<Fault>,
}

impl Template {
    /// Finds the references; those embedded in longer texts too where that is asked for.
    pub(super) fn new(root: Tree, embedded: bool) -> Self {
        let mut template = Self { root: Tree::Null, references: Vec::new(), faults: Vec::new() };
        let mut cutter = Cutter { embedded, known: HashMap::default(), template: &mut template };
        let mut root = root;
        cutter.cut(&mut root, At::Root);
        template.root = root;
        template
    }

    /// The paths of all fields for whose references `chosen` says so, each with the first such reference.
    pub(super) fn fields(&self, chosen: impl Fn(usize) -> bool) -> Vec<(FieldPath, usize)> {
        let mut found = Vec::new();
        search(&self.root, At::Root, &chosen, &mut found);
        found
    }
}

struct Cutter<'a> {
    embedded: bool,
    /// The place of each reference by its text.
    known: HashMap<Box<str>, usize, RandomState>,
    template: &'a mut Template,
}

impl Cutter<'_> {
    fn cut(&mut self, tree: &mut Tree, at: At<'_>) {
        match tree {
            Tree::List(elements) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    self.cut(element, At::Index(&at, index));
                }
            }
            Tree::Map(entries) => {
                for (key, value) in entries {
                    self.cut(value, At::Key(&at, key));
                }
            }
            Tree::Text(text) => {
                if let Some(cut) = self.text(text, at) {
                    *tree = cut;
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: At<'_>) -> Option<Tree> {
        if self.embedded {
            return if text.contains("{vault://") { self.spliced(text, at) } else { None };
        }
        if !is_reference(text) {
            return None;
        }
        if let Some(place) = self.known.get(text) {
            return Some(Tree::Reference(*place));
        }
        match Reference::parse(text) {
            Ok(reference) => Some(Tree::Reference(self.place(text, reference))),
            Err(error) => {
                let shown = crate::escaped(text);
                self.fault(at, Error::from(error).context(format!("could not resolve {shown}")));
                None
            }
        }
    }

    fn spliced(&mut self, text: &str, at: At<'_>) -> Option<Tree> {
        let mut parts = Vec::new();
        let mut is_valid = true;
        for piece in Embedded::new(text) {
            match piece {
                Ok(Piece::Literal(bytes)) => parts.push(Part::Literal(Zeroizing::new(bytes.to_vec()))),
                Ok(Piece::Reference(reference, range)) => {
                    parts.push(Part::Reference(self.place(&text[range], reference)));
                }
                Err(error) => {
                    // The text around it may be anything, so it is not shown.
                    self.fault(at, Error::from(error).context("could not resolve a reference in the text"));
                    is_valid = false;
                }
            }
        }
        match (parts.as_slice(), is_valid) {
            (_, false) => None,
            ([Part::Reference(place)], true) => Some(Tree::Reference(*place)),
            (_, true) => Some(Tree::Spliced(parts)),
        }
    }

    fn place(&mut self, text: &str, reference: Reference) -> usize {
        if let Some(place) = self.known.get(text) {
            return *place;
        }
        let references = &mut self.template.references;
        references.push(reference);
        let place = references.len() - 1;
        self.known.insert(text.into(), place);
        place
    }

    fn fault(&mut self, at: At<'_>, error: Error) {
        self.template.faults.push(Fault { path: at.to_path(), error });
    }
}

fn search(tree: &Tree, at: At<'_>, chosen: &impl Fn(usize) -> bool, found: &mut Vec<(FieldPath, usize)>) {
    match tree {
        Tree::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                search(element, At::Index(&at, index), chosen, found);
            }
        }
        Tree::Map(entries) => {
            for (key, value) in entries {
                search(value, At::Key(&at, key), chosen, found);
            }
        }
        Tree::Reference(place) if chosen(*place) => found.push((at.to_path(), *place)),
        Tree::Spliced(parts) => {
            let places = parts.iter().filter_map(|part| match part {
                Part::Reference(place) => Some(*place),
                Part::Literal(_) => None,
            });
            found.extend(places.filter(|place| chosen(*place)).map(|place| (at.to_path(), place)));
        }
        _ => {}
    }
}

impl Tree {
    /// What it is, in the words of messages, and never what it holds.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Signed(_) | Self::Unsigned(_) | Self::WideSigned(_) | Self::WideUnsigned(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) | Self::Reference(_) | Self::Spliced(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Numbers and booleans may be credentials too.
impl Drop for Tree {
    fn drop(&mut self) {
        match self {
            Self::Bool(value) => value.zeroize(),
            Self::Signed(value) => value.zeroize(),
            Self::Unsigned(value) => value.zeroize(),
            Self::WideSigned(value) => value.zeroize(),
            Self::WideUnsigned(value) => value.zeroize(),
            Self::Float(value) => value.zeroize(),
            _ => {}
        }
    }
}

/// What a text with references in it means once they are resolved.
pub(super) fn splice(parts: &[Part], values: &[Secret]) -> Zeroizing<Vec<u8>> {
    let pieces = || {
        parts.iter().map(|part| match part {
            Part::Literal(bytes) => bytes.as_slice(),
            Part::Reference(place) => values.get(*place).map_or(&[][..], Secret::as_bytes),
        })
    };
    // Made at its full length, so that no copy stays behind when it grows.
    let mut spliced = Zeroizing::new(Vec::with_capacity(pieces().map(<[u8]>::len).sum()));
    pieces().for_each(|piece| spliced.extend_from_slice(piece));
    spliced
}
