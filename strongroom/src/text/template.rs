//! Any bytes with references among them.

use std::fmt;
use std::mem;

use strongroom_core::{Embedded, Piece, Registry, Secret};
use zeroize::Zeroizing;

use super::begun::Begun;
use super::failures::Failures;
use super::occurrence::{Occurrence, values};

/// A text of any kind with references in it: whatever is between `{vault://` and the next `}`. A literal
/// `{vault://` is written `{{vault://`.
///
/// Values take their places as they are, byte for byte. They are not searched for references again, and what they
/// mean where they are put is not known: a value with a quote in it ends a quoted text.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    parts: Vec<Part<'a>>,
    occurrences: Vec<Occurrence>,
}

#[derive(Clone, Debug)]
enum Part<'a> {
    Literal(&'a [u8]),
    /// The value of the next occurrence.
    Value,
}

impl<'a> Template<'a> {
    /// Finds the references of a template; `name` stands for the file in messages. An invalid one is an
    /// [`Occurrence`] that will fail.
    #[must_use]
    pub fn parse(name: impl fmt::Display, text: &'a [u8]) -> Self {
        let mut lines = Lines { text, at: 0, line: 1 };
        let mut begun = Begun::new(text);
        let (mut parts, mut occurrences) = (Vec::new(), Vec::new());
        for piece in Embedded::new(text) {
            let (line, occurrence) = match piece {
                Ok(Piece::Literal(literal)) => {
                    parts.push(Part::Literal(literal));
                    continue;
                }
                Ok(Piece::Reference(reference, range)) => {
                    let line = lines.of(range.start);
                    let written = String::from_utf8_lossy(&text[range]).into_owned();
                    (line, Occurrence::part(format!("line {line}"), written, Ok(reference)))
                }
                Err(error) => {
                    let Some(written) = begun.written(&error) else { continue };
                    let line = lines.of(error.offset());
                    (line, Occurrence::invalid_part(format!("line {line}"), written, error))
                }
            };
            parts.push(Part::Value);
            occurrences.push(occurrence.in_source(format_args!("{name}:{line}")));
        }
        Self { parts, occurrences }
    }

    /// Its references, in the order of the text.
    #[must_use]
    pub fn occurrences(&self) -> &[Occurrence] {
        &self.occurrences
    }

    /// The text with every reference replaced by its value.
    ///
    /// # Errors
    ///
    /// All references that have no value.
    pub async fn render(&self, registry: &Registry) -> Result<Secret, Failures> {
        let values = values(registry, &self.occurrences).await?;
        let literals = self.parts.iter().map(|part| match part {
            Part::Literal(literal) => literal.len(),
            Part::Value => 0,
        });
        // All of it at once: a text that moves as it grows leaves copies behind.
        let length = literals.chain(values.iter().map(|value| value.len())).sum();
        let mut out = Zeroizing::new(Vec::with_capacity(length));
        let mut values = values.iter();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.extend_from_slice(literal),
                Part::Value => out.extend_from_slice(values.next().map_or(&[], |value| value.as_bytes())),
            }
        }
        Ok(Secret::new(mem::take(&mut *out)))
    }
}

/// Counts the lines up to places that come in order.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, place: usize) -> usize {
        let between = self.text.get(self.at..place).unwrap_or_default();
        self.line += between.iter().filter(|byte| **byte == b'\n').count();
        self.at = self.at.max(place);
        self.line
    }
}
