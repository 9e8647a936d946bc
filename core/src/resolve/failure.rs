//! What is wrong with a document: all of it at once, each with the path of its field and where that was written.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::path::FieldPath;
use crate::{Error, ErrorKind};

/// How many failures `Display` lists.
const LISTED: usize = 100;

/// Where the fields of a document come from, for messages: `app.yaml:12`, or a variable.
///
/// A closure `Fn(&FieldPath) -> Option<String>` is one. It is asked for fields with which something is wrong.
pub trait Origins: Send + Sync {
    /// Where a field was written, if that is known. A field that is missing has no origin; the one around it may.
    fn origin(&self, path: &FieldPath) -> Option<String>;
}

impl<F: Fn(&FieldPath) -> Option<String> + Send + Sync> Origins for F {
    fn origin(&self, path: &FieldPath) -> Option<String> {
        self(path)
    }
}

/// A field with which something is wrong, before it is known where it was written.
pub(super) struct Fault {
    pub(super) path: FieldPath,
    pub(super) error: Error,
}

impl Fault {
    pub(super) fn invalid(path: FieldPath, message: impl Into<String>) -> Self {
        Self { path, error: Error::new(ErrorKind::InvalidConfig, message) }
    }
}

/// What is wrong with one field of a document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Where the field stands in the document.
    pub path: FieldPath,
    /// Where it was written, if that is known.
    pub origin: Option<String>,
    /// What is wrong with it. Never holds a value.
    pub error: Error,
}

/// `services[2].auth.password (app.yaml:12): could not resolve {vault://...}: ...`, on one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{} ({origin}): {}", self.path, self.error)?,
            None => write!(f, "{}: {}", self.path, self.error)?,
        }
        let mut cause = self.error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Everything that is wrong with a document. Holds no value; cheap to clone.
///
/// `Display` is one line for one failure, else a line that counts them and a line each, of the first hundred.
/// [`Error`] can be made from it, so `?` works in functions that return that.
#[derive(Clone)]
pub struct ResolveError(Arc<[Failure]>);

impl ResolveError {
    /// Puts to each fault where its field was written: itself, or else the nearest field around it.
    pub(super) fn new(faults: Vec<Fault>, origins: Option<&dyn Origins>) -> Self {
        let failures = faults.into_iter().map(|Fault { path, error }| {
            let origin = origins.and_then(|origins| nearest_origin(origins, &path));
            Failure { path, origin, error }
        });
        Self(failures.collect())
    }

    pub(super) fn from_failures(failures: Vec<Failure>) -> Self {
        Self(failures.into())
    }

    /// What is wrong, in the order of the document.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.0
    }

    /// What went wrong, to decide by: the kind that all failures have in common, or else that of the first which
    /// will not pass by itself.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let lasting = self.0.iter().find(|failure| !failure.error.is_retryable());
        lasting.or_else(|| self.0.first()).map_or(ErrorKind::Internal, |failure| failure.error.kind())
    }

    /// Whether the same call may succeed later without anybody changing anything: whether every failure may pass.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.iter().all(|failure| failure.error.is_retryable())
    }
}

fn nearest_origin(origins: &dyn Origins, path: &FieldPath) -> Option<String> {
    let mut path = path.clone();
    loop {
        if let Some(origin) = origins.origin(&path) {
            return Some(origin);
        }
        if path.is_root() {
            return None;
        }
        path.pop();
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.failures() {
            return fmt::Display::fmt(only, f);
        }
        write!(f, "{} fields could not be resolved:", self.0.len())?;
        for failure in self.0.iter().take(LISTED) {
            write!(f, "\n  {failure}")?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl fmt::Debug for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.kind())
    }
}

impl StdError for ResolveError {}

/// What keeps a document from being read at all.
impl From<Error> for ResolveError {
    fn from(error: Error) -> Self {
        Self(Arc::new([Failure { path: FieldPath::root(), origin: None, error }]))
    }
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Self {
        if let [Failure { path, origin, error }] = error.failures() {
            let error = error.clone();
            return match origin {
                Some(origin) => error.at(format_args!("{path} ({origin})")),
                None if path.is_root() => error,
                None => error.at(path),
            };
        }
        let one = Self::new(error.kind(), "the document could not be resolved");
        let one = if error.is_retryable() { one.transient() } else { one };
        one.with_source(error)
    }
}
