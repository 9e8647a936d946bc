//! Why a file is refused, without a word of what the file holds but its keys.

use std::fmt;

use strongroom_core::escaped;

use super::Place;

/// How many characters of a key are shown.
const KEY_LIMIT: usize = 64;

/// Why a file cannot be read, and where. Written behind the file's name and a colon: `kong.yaml:3:5: ...`.
///
/// The messages of the parsers may quote the file, so that none is passed on: what is said here is fixed text, and
/// at most a key.
#[derive(Clone, Debug)]
pub(crate) struct SourceError {
    pub(crate) place: Place,
    fault: Fault,
    placeholder: bool,
}

/// What is wrong with a file.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It is not in its format.
    Syntax(&'static str),
    /// It is, and still not accepted.
    Refused(&'static str),
    /// One mapping names a key twice.
    Repeated { key: String, first: Option<Place> },
}

impl Fault {
    pub(super) fn repeated(key: &str, first: Option<Place>) -> Self {
        let mut shown: String = key.chars().take(KEY_LIMIT).collect();
        if shown.len() < key.len() {
            shown.push('…');
        }
        Self::Repeated { key: escaped(&shown).to_string(), first }
    }
}

/// The first of our own sentences whose key is in what a parser said. What it said is not passed on.
pub(super) fn in_own_words(said: &str, sentences: &[(&str, &'static str)]) -> Option<&'static str> {
    sentences.iter().find(|(words, _)| said.contains(words)).map(|(_, sentence)| *sentence)
}

impl SourceError {
    pub(super) fn new(place: Place, fault: Fault) -> Self {
        Self { place, fault, placeholder: false }
    }

    /// Notes whether a placeholder is close by, which then may be what is wrong.
    pub(super) fn near_placeholder(mut self, placeholder: bool) -> Self {
        self.placeholder = placeholder && matches!(self.fault, Fault::Syntax(_));
        self
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match &self.fault {
            Fault::Syntax(what) | Fault::Refused(what) => f.write_str(what)?,
            Fault::Repeated { key, first: Some(first) } => {
                write!(f, "the key `{key}` stands here twice, for the first time at {first}")?;
            }
            Fault::Repeated { key, first: None } => write!(f, "the key `{key}` stands here twice")?,
        }
        if self.placeholder {
            f.write_str(
                " (a placeholder `${{ ... }}` stands for a value or a part of one, in TOML and JSON inside quotes)",
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for SourceError {}
