//! One reference and where it stands, and the values of many.

use std::fmt;

use strongroom_core::{Error, ErrorKind, ParseError, Reference, Registry, Secret, escaped};

use super::failures::{Failure, Failures};

/// A reference, or what was meant to be one, and where it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Occurrence {
    /// What people call the place: `services[2].auth.password`, `line 3`, the name of a variable.
    pub path: String,
    /// File, line and column, where there are any.
    pub source: Option<String>,
    /// The reference as it is written there. Nobody knows where an invalid one in longer text ends: it is cut
    /// behind the first `}`, or else before the first white space, and with an ellipsis behind 256 characters.
    pub written: String,
    /// Whether it is all of the text at its place, and not a part of a longer one.
    pub whole: bool,
    /// What it says, or what is wrong with it.
    pub reference: Result<Reference, Error>,
}

impl Occurrence {
    /// A whole text that has the shape of a reference, at a place of the caller's.
    #[must_use]
    pub fn new(path: impl Into<String>, written: impl Into<String>) -> Self {
        let written = written.into();
        // An invalid reference is named as one that cannot be resolved is.
        let reference = Reference::parse(&written).map_err(|error| could_not(&written, error.into()));
        Self { path: path.into(), source: None, written, whole: true, reference }
    }

    /// A part of a longer text.
    pub(super) fn part(path: String, written: String, reference: Result<Reference, Error>) -> Self {
        Self { path, source: None, written, whole: false, reference }
    }

    /// What stands in a longer text and is no reference although it begins as one.
    pub(super) fn invalid_part(path: String, written: String, error: ParseError) -> Self {
        let error = could_not(&written, error.into());
        Self::part(path, written, Err(error))
    }

    /// Adds file, line and column.
    #[must_use]
    pub fn in_source(mut self, source: impl fmt::Display) -> Self {
        self.source = Some(source.to_string());
        self
    }

    /// That this reference has no value.
    #[must_use]
    pub fn failed(&self, error: Error) -> Failure {
        Failure { path: self.path.clone(), source: self.source.clone(), error }
    }
}

/// What becomes of each occurrence, in their order. Each distinct secret is read once, all at the same time.
pub(super) async fn outcomes(registry: &Registry, occurrences: &[Occurrence]) -> Vec<Result<Secret, Error>> {
    let valid = occurrences.iter().filter_map(|occurrence| occurrence.reference.as_ref().ok());
    let mut fetched = registry.get_many(valid).await.into_iter();
    let outcome = |occurrence: &Occurrence| match &occurrence.reference {
        Err(error) => Err(error.clone()),
        Ok(_) => fetched.next().unwrap_or_else(too_few),
    };
    occurrences.iter().map(outcome).collect()
}

/// The values of all occurrences, in their order. Each distinct secret is read once, all at the same time.
///
/// # Errors
///
/// All that failed, where anything did.
pub async fn values(registry: &Registry, occurrences: &[Occurrence]) -> Result<Vec<Secret>, Failures> {
    let outcomes = outcomes(registry, occurrences).await;
    all(occurrences, outcomes.into_iter())
}

/// The values, or all that failed.
pub(super) fn all<T>(
    occurrences: &[Occurrence],
    outcomes: impl Iterator<Item = Result<T, Error>>,
) -> Result<Vec<T>, Failures> {
    let (mut values, mut failed) = (Vec::with_capacity(occurrences.len()), Vec::new());
    for (occurrence, outcome) in occurrences.iter().zip(outcomes) {
        match outcome {
            Ok(value) => values.push(value),
            Err(error) => failed.push(occurrence.failed(error)),
        }
    }
    if failed.is_empty() { Ok(values) } else { Err(Failures::new(failed, occurrences.len())) }
}

/// Puts the reference above what is wrong with it.
pub(super) fn could_not(written: &str, error: Error) -> Error {
    error.context(format!("could not resolve {}", escaped(written)))
}

#[cold]
fn too_few() -> Result<Secret, Error> {
    Err(Error::new(ErrorKind::Internal, "the registry gave fewer values than it was asked for"))
}
