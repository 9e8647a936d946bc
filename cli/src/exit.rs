//! How a command ends: the exit status, and what is said about a failure.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use strongroom::text::Failures;
use strongroom::{Error, ErrorKind};

use crate::discover::unread_kong_file;

/// What the exit status tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    /// Wrong usage or configuration: trying again is no use.
    Usage = 2,
    /// Everything that failed may work later, so that an init container can try again.
    Transient = 3,
    /// The command of `exec` cannot be run, as `env` has it.
    CannotRun = 126,
    /// There is no such command.
    NoCommand = 127,
    /// By SIGINT, as shells have it.
    Interrupted = 130,
    /// By SIGTERM.
    Terminated = 143,
}

impl Exit {
    /// What one error comes to.
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidConfig => Self::Usage,
            _ => Self::of_all([error]),
        }
    }

    /// What several failures come to.
    pub(crate) fn of_all<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Self {
        if errors.into_iter().all(Error::is_retryable) { Self::Transient } else { Self::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: one line on top, what explains it below.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) top: String,
    pub(crate) below: Vec<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, top: impl Into<String>) -> Self {
        Self { exit, top: top.into(), below: Vec::new() }
    }

    /// Adds a line below.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Self {
        self.below.push(line.into());
        self
    }

    /// What was read or written, and why the system refused.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(Exit::Failed, what).with(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::of(&error), top: error.to_string(), below: causes(&error).collect() }
    }
}

/// Why the references of a text were not resolved: a line for each.
pub(crate) fn unresolved(failures: &Failures, text: &str, named: &[PathBuf]) -> Failure {
    let exit = if failures.is_retryable() { Exit::Transient } else { Exit::Failed };
    let failure = Failure::new(exit, format!("{failures} of {text}"));
    let hint = failures.iter().find_map(|failed| unread_kong_file(&failed.error, named));
    failures.iter().map(ToString::to_string).chain(hint).fold(failure, Failure::with)
}

/// The path of causes below an error.
pub(crate) fn causes(error: &Error) -> impl Iterator<Item = String> {
    std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_from_what_failed() {
        let lasting = Error::new(ErrorKind::NotFound, "gone");
        let transient = Error::new(ErrorKind::Unavailable, "refused").transient();
        let config = Error::new(ErrorKind::InvalidConfig, "port").context("could not resolve");
        assert_eq!(Exit::of(&lasting), Exit::Failed);
        assert_eq!(Exit::of(&transient), Exit::Transient);
        assert_eq!(Exit::of(&config), Exit::Usage);
        assert_eq!(Exit::of_all([&transient, &transient]), Exit::Transient);
        assert_eq!(Exit::of_all([&transient, &lasting]), Exit::Failed);
        assert_eq!(Exit::of_all([&transient, &config]), Exit::Failed);
    }

    #[test]
    fn every_cause_is_a_line_below() {
        let failure = Failure::from(
            Error::new(ErrorKind::NotFound, "c").with_source(io::Error::other("d")).context("b").context("a"),
        );
        assert_eq!((failure.top.as_str(), failure.below), ("a", vec!["b".into(), "c".into(), "d".into()]));
    }
}
