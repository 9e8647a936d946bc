//! References: the text `{vault://prefix/path?options#version}` and what it means.
//!
//! This is the grammar alone. Which prefixes and option names exist is the registry's and the vault's to say.

mod display;
mod embedded;
mod error;
mod parse;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::str::FromStr;

pub use embedded::{Embedded, Piece};
pub use error::{ParseError, ParseErrorKind};

const OPEN: &str = "{vault://";
const CLOSE: &str = "}";

/// Whether `text` has the shape of a reference: `{vault://` in front, `}` at the end.
///
/// Such a text may still be invalid; one without the shape is never a reference.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    inner(text).is_some()
}

fn inner(text: &str) -> Option<&str> {
    text.strip_prefix(OPEN)?.strip_suffix(CLOSE)
}

/// A parsed reference to a secret.
///
/// All parts are decoded. Two references are equal if all their parts are, however they were written; the order
/// of options does not matter. `Display` writes a canonical form that parses to an equal reference. A reference
/// is no secret, so `Debug` shows the same text.
///
/// ```
/// use strongroom_core::Reference;
///
/// let reference: Reference = "{vault://my-vault/customer/acme/name?ttl=60#2}".parse()?;
/// assert_eq!(reference.prefix(), "my-vault");
/// assert_eq!(reference.resource(), "customer/acme");
/// assert_eq!(reference.key(), Some("name"));
/// assert_eq!(reference.option("ttl"), Some("60"));
/// assert_eq!(reference.version().map(u64::from), Some(2));
/// # Ok::<(), strongroom_core::ParseError>(())
/// ```
// One text with offsets into it, so that parsing is one allocation. Owned and not an `Arc`: a clone is rare and
// costs one short copy, where a shared count would be one more cache line for threads to fight over.
#[derive(Clone)]
pub struct Reference {
    /// `prefix/resource/key`, then the names and values of the options one behind the other.
    text: String,
    prefix_end: usize,
    resource_end: usize,
    key_end: Option<usize>,
    /// Sorted by name, which makes equality and hashing independent of the order they were written in.
    options: Vec<OptionSpan>,
    version: Option<NonZeroU64>,
}

/// Where an option stands in the text of its reference.
#[derive(Clone, Copy)]
struct OptionSpan {
    start: usize,
    name_end: usize,
    end: usize,
}

impl OptionSpan {
    fn name(self, text: &str) -> &str {
        &text[self.start..self.name_end]
    }

    fn pair(self, text: &str) -> (&str, &str) {
        (self.name(text), &text[self.name_end..self.end])
    }
}

impl Reference {
    /// Parses a whole reference, `{vault://` and `}` included.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] that says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match inner(text) {
            Some(inner) => Self::parse_inner(inner, OPEN.len()),
            None => Err(ParseError::not_a_reference(text)),
        }
    }

    /// Parses a reference or its short form, the text between `{vault://` and `}`, as a person types it.
    ///
    /// ```
    /// # use strongroom_core::Reference;
    /// assert_eq!(Reference::from_short("env/HOME")?, Reference::parse("{vault://env/HOME}")?);
    /// # Ok::<(), strongroom_core::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`ParseError`] whose offset counts in `text` as it was given.
    pub fn from_short(text: &str) -> Result<Self, ParseError> {
        match inner(text) {
            Some(inner) => Self::parse_inner(inner, OPEN.len()),
            None => Self::parse_inner(text, 0),
        }
    }

    fn parse_inner(inner: &str, before: usize) -> Result<Self, ParseError> {
        parse::parse(inner).map_err(|fault| ParseError::new(fault, inner, before))
    }

    /// The prefix, which names the vault.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.text[..self.prefix_end]
    }

    /// The path of the secret within the vault: decoded segments joined by `/`.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.text[self.prefix_end + 1..self.resource_end]
    }

    /// The field within the secret; none where the whole secret is meant.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        Some(&self.text[self.resource_end + 1..self.key_end?])
    }

    /// Names and values of the options as they were written, in that order. A name without `=` has the value `true`.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut spans = self.options.clone();
        spans.sort_unstable_by_key(|span| span.start);
        spans.into_iter().map(|span| span.pair(&self.text))
    }

    /// The value of the option called `name`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let found = self.options.binary_search_by(|span| span.name(&self.text).cmp(name)).ok()?;
        Some(self.options[found].pair(&self.text).1)
    }

    /// The version that is asked for; none for the current one.
    #[must_use]
    pub fn version(&self) -> Option<NonZeroU64> {
        self.version
    }

    fn path(&self) -> (&str, &str, Option<&str>) {
        (self.prefix(), self.resource(), self.key())
    }

    fn sorted_options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|span| span.pair(&self.text))
    }
}

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
            && self.version == other.version
            && self.sorted_options().eq(other.sorted_options())
    }
}

impl Eq for Reference {}

impl Hash for Reference {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path().hash(state);
        self.version.hash(state);
        self.sorted_options().for_each(|option| option.hash(state));
    }
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
