//! A YAML, TOML or JSON text, and what it is with its references replaced.

use std::mem;

use strongroom_core::{Error, ErrorKind, Registry, Secret};
use zeroize::Zeroizing;

use super::failures::{Failure, Failures};
use super::occurrence::{Occurrence, all, could_not, outcomes};
use super::quote::{LONGEST, quote};
use super::verify::{Replaced, difference};
use super::walk::{Field, Part, Walk};
use crate::config::Format;
use crate::config::source::{self, Node, Tags};

/// Which strings of a document are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that are a reference from their first character to their last.
    Whole,
    /// All: references inside longer strings are replaced too, and a literal `{vault://` is written `{{vault://`.
    Embedded,
}

/// A YAML, TOML or JSON text whose strings may hold references.
///
/// Resolving it puts values in the places of references and leaves every other byte as it is: comments, order, quotes,
/// anchors, line ends. A replaced string stands between double quotes, whatever it holds, so that it stays one
/// string. Keys are left alone. An alias shows what its anchor does. Tags such as `!Sub` stay; a reference that one
/// of them stands at fails, since what becomes of the value there is the tag's to say.
#[derive(Debug)]
pub struct TextDocument {
    name: String,
    text: Zeroizing<String>,
    format: Format,
    documents: Vec<Node>,
    fields: Vec<Field>,
    occurrences: Vec<Occurrence>,
}

impl TextDocument {
    /// Reads a text and finds its references; `name` stands for the file in messages. An invalid reference is an
    /// [`Occurrence`] that will fail.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], with line and column, for a text that is not in its format, has a key twice in one
    /// mapping, or holds what is not supported: mappings as keys.
    pub fn parse(name: &str, text: &str, format: Format, scope: Scope) -> Result<Self, Error> {
        let documents = read(name, text, format)?;
        let mut walk = Walk::new(name, text, format, scope);
        documents.iter().for_each(|document| walk.node(document));
        let Walk { fields, occurrences, .. } = walk;
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned().into(),
            format,
            fields: fields.into_values().collect(),
            occurrences,
            documents,
        })
    }

    /// Its references, in the order of the text.
    #[must_use]
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences
    }

    /// What becomes of each reference, in their order. A value that is not UTF-8 is an error, as text in a document has
    /// to be that.
    pub async fn outcomes(&self, registry: &Registry) -> Vec<Result<Secret, Error>> {
        let outcomes = outcomes(registry, &self.occurrences).await.into_iter();
        self.occurrences.iter().zip(outcomes).map(|(occurrence, value)| text(occurrence, value?)).collect()
    }

    /// The text with every reference replaced by its value. It parses to the same document but for these strings,
    /// which is checked before it is returned.
    ///
    /// # Errors
    ///
    /// All references that have no value, or one that is not UTF-8.
    pub async fn resolve(&self, registry: &Registry) -> Result<Secret, Failures> {
        let values = all(&self.occurrences, self.outcomes(registry).await.into_iter())?;
        let replaced = self.replaced(&values);
        let mut resolved = self.spliced(&replaced);
        self.verify(&resolved, &replaced)?;
        Ok(Secret::from(mem::take(&mut *resolved)))
    }

    /// The new text of each field, by where it begins.
    fn replaced(&self, values: &[Secret]) -> Replaced {
        let whole = |field: &Field| {
            let texts = || {
                field.parts.iter().map(|part| match part {
                    Part::Literal(literal) => literal.as_str(),
                    Part::Value(number) => {
                        values.get(*number).and_then(|value| value.as_str().ok()).unwrap_or_default()
                    }
                })
            };
            let mut whole = Zeroizing::new(String::with_capacity(texts().map(str::len).sum()));
            whole.extend(texts());
            whole
        };
        self.fields.iter().map(|field| (field.span.start, whole(field))).collect()
    }

    fn spliced(&self, replaced: &Replaced) -> Zeroizing<String> {
        // All of it at once: a text that moves as it grows leaves copies behind.
        let longest = replaced.values().map(|text| LONGEST * text.len() + 2).sum::<usize>();
        let mut out = Zeroizing::new(String::with_capacity(self.text.len() + longest));
        let mut done = 0;
        for (field, text) in self.fields.iter().zip(replaced.values()) {
            out.push_str(&self.text[done..field.span.start]);
            quote(text, &mut out);
            done = field.span.end;
            if let Some(comment) = block_comment(&self.text[field.span.clone()]) {
                out.push(' ');
                out.push_str(comment);
            }
        }
        out.push_str(&self.text[done..]);
        out
    }

    fn verify(&self, resolved: &str, replaced: &Replaced) -> Result<(), Failures> {
        let documents = read(&self.name, resolved, self.format).unwrap_or_default();
        let place = if documents.len() == self.documents.len() {
            let mut pairs = self.documents.iter().zip(&documents);
            match pairs.find_map(|(before, after)| difference(before, after, replaced)) {
                None => return Ok(()),
                Some(place) => Some(place),
            }
        } else {
            None
        };
        let source = place.map_or_else(|| self.name.clone(), |place| format!("{}:{place}", self.name));
        let error = Error::new(
            ErrorKind::Unsupported,
            "replacing its references would make another document of it: an alias may use one of them as a key",
        );
        let failure = Failure { path: "the document".to_owned(), source: Some(source), error };
        Err(Failures::new(vec![failure], self.occurrences.len()))
    }
}

fn read(name: &str, text: &str, format: Format) -> Result<Vec<Node>, Error> {
    source::parse(text, format, Tags::Kept)
        .map_err(|error| Error::new(ErrorKind::InvalidConfig, format!("{name}:{error}")))
}

fn text(occurrence: &Occurrence, value: Secret) -> Result<Secret, Error> {
    if value.as_str().is_ok() {
        return Ok(value);
    }
    let error =
        Error::new(ErrorKind::InvalidValue, "the value is not UTF-8, which text in a document has to be");
    Err(could_not(&occurrence.written, error))
}

/// The comment behind the header of a YAML block: `# why` of `|- # why`.
fn block_comment(written: &str) -> Option<&str> {
    let header = written.starts_with(['|', '>']).then(|| written.split(['\n', '\r']).next())??;
    header.find('#').map(|at| header[at..].trim_end())
}
