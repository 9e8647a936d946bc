//! Configuration files as trees that keep the text of every scalar.
//!
//! YAML, TOML and JSON become the same [`Node`]s. A scalar is neither a number nor a date here: it is the text that
//! stands in the file, so that a token `0123` stays `0123`, and whoever reads a field decides what its text means.
//! Anchors, aliases and merge keys are resolved, repeated keys are refused. What a field is called, reading files
//! from disk and looking up placeholders are done elsewhere.

mod anchors;
mod error;
mod json;
mod lines;
mod mask;
#[cfg(test)]
mod tests;
mod toml;
mod yaml;

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use error::Fault;
pub(crate) use error::SourceError;
use lines::Lines;
use mask::Mask;

use super::placeholder;

/// How many bytes of a file are read at most. Who reads the file checks it before holding all of it in memory.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// How deep lists and mappings nest at most.
pub(crate) const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Where it is written; an alias stands where its anchor does.
    pub(crate) place: Place,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    /// Entries in the order of the file, merged ones last. No key is there twice.
    Map(Vec<Entry>),
}

/// The text of one value. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Scalar {
    /// The text: unescaped where it was quoted, else as it is written.
    pub(crate) text: Zeroizing<String>,
    /// Whether the file says that it is text: by quotes, as a YAML block, by a tag.
    pub(crate) quoted: bool,
    /// The bytes of the file that it takes: with its quotes, or with the header of its YAML block and without the
    /// line break behind it.
    pub(crate) span: Range<usize>,
    /// The YAML tag that is not YAML's own, where those are kept: what it makes of the text is its reader's to say.
    pub(crate) tag: Option<Box<str>>,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scalar(<redacted>, quoted: {}, {:?})", self.quoted, self.span)
    }
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// A line and a column in characters, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A language that configuration is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, with anchors, aliases and merge keys.
    Yaml,
    /// TOML 1.
    Toml,
    /// JSON, without comments.
    Json,
}

impl Format {
    /// The format that the extension of a file names.
    #[must_use]
    pub fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What becomes of YAML tags that are not YAML's own, such as `!Ref`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tags {
    /// They are errors: who reads the file does not know what they make of a value.
    Refused,
    /// They are passed over: somebody else reads the file, and knows.
    Kept,
}

/// Reads a whole file: each document of YAML, the one of TOML or JSON, none where a file of YAML or TOML is blank.
///
/// decK replaces its placeholders before it reads YAML, so they may stand where the format has no room for them:
/// `{ host: ${{ env "DECK_HOST" }} }`, `"${{ env "DECK_HOST" }}"`. A file that does not parse is therefore tried
/// once more with its placeholders masked; either way a scalar comes back with the placeholder in its text.
pub(crate) fn parse(text: &str, format: Format, tags: Tags) -> Result<Vec<Node>, SourceError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    let mut source = Source { original: body, skipped, lines: Lines::new(body), mask: None, tags };
    if text.len() > MAX_BYTES {
        return Err(source.error(0, Fault::Refused("a configuration file has 16 MiB at most")));
    }
    if body.trim().is_empty() {
        return match format {
            Format::Json => Err(source.error(0, Fault::Refused("an empty file, which is no JSON document"))),
            Format::Yaml | Format::Toml => Ok(Vec::new()),
        };
    }
    let first = source.read(format);
    if first.is_ok() {
        return first;
    }
    source.mask = Mask::new(body);
    let second = if source.mask.is_some() { source.read(format) } else { first };
    second.map_err(|error| {
        // What is missing behind a placeholder may be missed in the next line only.
        let mut lines = body.lines().skip((error.place.line as usize).saturating_sub(2)).take(2);
        error.near_placeholder(lines.any(|line| line.contains(placeholder::OPEN)))
    })
}

/// One file while it is read. Offsets are bytes behind the byte order mark.
struct Source<'a> {
    original: &'a str,
    /// Bytes of the byte order mark.
    skipped: usize,
    lines: Lines<'a>,
    mask: Option<Mask>,
    tags: Tags,
}

impl Source<'_> {
    fn read(&self, format: Format) -> Result<Vec<Node>, SourceError> {
        match format {
            Format::Yaml => yaml::read(self),
            Format::Toml => toml::read(self).map(|node| vec![node]),
            Format::Json => json::read(self).map(|node| vec![node]),
        }
    }

    /// What the parser of the format gets: the file, its placeholders masked on the second try. Every other byte
    /// stands where it stands in the file.
    fn text(&self) -> &str {
        self.mask.as_ref().map_or(self.original, Mask::text)
    }

    fn place(&self, byte: usize) -> Place {
        self.lines.place(byte)
    }

    fn error(&self, byte: usize, fault: Fault) -> SourceError {
        SourceError::new(self.place(byte), fault)
    }

    fn syntax(&self, byte: usize, what: &'static str) -> SourceError {
        self.error(byte, Fault::Syntax(what))
    }

    fn refused(&self, byte: usize, why: &'static str) -> SourceError {
        self.error(byte, Fault::Refused(why))
    }

    /// Refuses what nests too deep; `depth` counts the lists and mappings around and with the one at `byte`.
    fn check_depth(&self, depth: usize, byte: usize) -> Result<(), SourceError> {
        if depth > MAX_DEPTH {
            return Err(self.refused(byte, "lists and mappings nest more than 64 levels deep"));
        }
        Ok(())
    }

    /// Puts back what was masked in the text of a scalar, whose content stands at `content`.
    fn restored(&self, text: String, content: &Range<usize>) -> Zeroizing<String> {
        let text = Zeroizing::new(text);
        match &self.mask {
            Some(mask) => mask.restore(self.original, text, content),
            None => text,
        }
    }

    fn scalar(&self, text: Zeroizing<String>, quoted: bool, bytes: Range<usize>) -> Node {
        let span = bytes.start + self.skipped..bytes.end + self.skipped;
        let scalar = Scalar { text, quoted, span, tag: None };
        Node { place: self.place(bytes.start), value: Value::Scalar(scalar) }
    }
}

/// The keys of one mapping so far.
#[derive(Default)]
struct Keys(HashMap<String, Place>);

impl Keys {
    fn add(&mut self, key: &str, place: Place) -> Result<(), SourceError> {
        match self.0.insert(key.to_owned(), place) {
            Some(first) => Err(SourceError::new(place, Fault::repeated(key, Some(first)))),
            None => Ok(()),
        }
    }
}
