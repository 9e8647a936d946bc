//! Everything that could not be resolved, told at once.

use std::error::Error as StdError;
use std::fmt;

use strongroom_core::Error;

/// Why a place got no value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// What people call the place: `services[2].auth.password`, `line 3`, the name of a variable.
    pub path: String,
    /// File, line and column, where there are any.
    pub source: Option<String>,
    /// What went wrong, the path of causes below it.
    pub error: Error,
}

/// The place and the whole path of causes, on one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        write!(f, ": {}", self.error)?;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// All places that got no value; there is one at least.
#[derive(Clone, Debug)]
pub struct Failures {
    failed: Vec<Failure>,
    of: usize,
}

impl Failures {
    /// `of` counts all places, with those that went well.
    pub(super) fn new(failed: Vec<Failure>, of: usize) -> Self {
        Self { failed, of }
    }

    /// Each of them, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.failed.iter()
    }

    /// Whether the same call may succeed later without anybody changing anything: every failure is of that kind.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.failed.iter().all(|failure| failure.error.is_retryable())
    }
}

/// How many failed. Each has a line of its own, by [`iter`](Failures::iter).
impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let references = if self.of == 1 { "reference" } else { "references" };
        write!(f, "could not resolve {} of {} {references}", self.failed.len(), self.of)
    }
}

impl StdError for Failures {}
