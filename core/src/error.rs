//! The one public error: what went wrong, whether trying again can help, and the path of causes.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ParseError;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarse enough to decide by.
///
/// [`NotFound`](Self::NotFound) never covers a denial: a vault that hides what a token may not see answers
/// with [`PermissionDenied`](Self::PermissionDenied).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a valid reference, or the vault does not know one of its options.
    InvalidReference,
    /// A configuration file, variable or builder value cannot be used.
    InvalidConfig,
    /// No vault is registered under the reference's prefix.
    UnknownPrefix,
    /// The vault has no such resource, version, key or mount.
    NotFound,
    /// The resource or version was deleted or destroyed on purpose.
    Deleted,
    /// The field is there, but is no value: null, an object or array, not base64, not UTF-8.
    InvalidValue,
    /// The token is alive and may not read this.
    PermissionDenied,
    /// There is no live token: the login failed, or the token is dead or spent.
    Unauthenticated,
    /// The vault is sealed or not yet initialised.
    Sealed,
    /// The vault cannot be reached or cannot answer now.
    Unavailable,
    /// The vault did not answer in time.
    Timeout,
    /// The vault asks for fewer requests.
    RateLimited,
    /// The answer is not one that the vault's protocol allows.
    InvalidResponse,
    /// The backend cannot do what the reference asks for, such as versions on a mount without them.
    Unsupported,
    /// The vault was removed or the registry shut down.
    Closed,
    /// A defect, such as a panic in a backend.
    Internal,
}

impl ErrorKind {
    /// A stable name in snake case, for logs, metrics and JSON. It never holds a name or a value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidReference => "invalid_reference",
            Self::InvalidConfig => "invalid_config",
            Self::UnknownPrefix => "unknown_prefix",
            Self::NotFound => "not_found",
            Self::Deleted => "deleted",
            Self::InvalidValue => "invalid_value",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Sealed => "sealed",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::InvalidResponse => "invalid_response",
            Self::Unsupported => "unsupported",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something failed.
///
/// `Display` is one line a person can act on; the causes below it are in [`source`](StdError::source). An
/// error never holds a secret, and every text of a server in it is escaped. Cloning copies a pointer, so one
/// failed read can be told to a thousand waiters.
///
/// ```
/// use strongroom_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "connection refused").transient();
/// let error = error.context("could not resolve {vault://p/a/b}");
/// assert_eq!(error.to_string(), "could not resolve {vault://p/a/b}");
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert!(error.is_retryable());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Box<str>,
    retryable: bool,
    unsent: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
    cause: Option<Cause>,
}

#[derive(Clone)]
enum Cause {
    Ours(Error),
    Foreign(Arc<dyn StdError + Send + Sync>),
}

impl Error {
    /// An error that trying again will not mend, with a one-line `message`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into().into_boxed_str();
        Self(Arc::new(Inner {
            kind,
            message,
            retryable: false,
            unsent: false,
            retry_after: None,
            status: None,
            cause: None,
        }))
    }

    pub(crate) fn not_text() -> Self {
        Self::new(ErrorKind::InvalidValue, "the value is not UTF-8 text; read it as bytes")
    }

    pub(crate) fn too_few_answers() -> Self {
        Self::new(
            ErrorKind::Internal,
            "the backend answered fewer requests than it was asked; this is a defect in it",
        )
    }

    /// Says that the same call may succeed later, without anybody changing anything.
    #[must_use]
    pub fn transient(self) -> Self {
        self.edit(|inner| inner.retryable = true)
    }

    /// Takes [`transient`](Self::transient) back, for a caller who knows that it will not pass.
    #[must_use]
    pub fn lasting(self) -> Self {
        self.edit(|inner| inner.retryable = false)
    }

    /// Says that nothing of the call has left: there was no connection to send it over.
    #[must_use]
    pub fn unsent(self) -> Self {
        self.edit(|inner| inner.unsent = true)
    }

    /// Says when the server wants to be asked again.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(wait))
    }

    /// Adds the status of the HTTP answer that this error comes from.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.edit(|inner| inner.status = Some(status))
    }

    /// Adds the cause. Its text is shown to people, so it must hold no secret, URL or body.
    #[must_use]
    pub fn with_source(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.cause = Some(Cause::Foreign(Arc::new(cause))))
    }

    /// Puts a new line above this error, which becomes its cause. Kind, retry and status stay.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        let Inner { kind, retryable, unsent, retry_after, status, .. } = *self.0;
        let message = message.into().into_boxed_str();
        Self(Arc::new(Inner {
            kind,
            message,
            retryable,
            unsent,
            retry_after,
            status,
            cause: Some(Cause::Ours(self)),
        }))
    }

    /// The same error with `place` put before its message: `place: message`.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        self.edit(|inner| inner.message = format!("{place}: {}", inner.message).into_boxed_str())
    }

    /// The same error with `note` put behind its message: `message; note`.
    #[must_use]
    pub fn note(self, note: impl fmt::Display) -> Self {
        self.edit(|inner| inner.message = format!("{}; {note}", inner.message).into_boxed_str())
    }

    /// The same error as another kind, for a caller who knows better what it means.
    #[must_use]
    pub fn with_kind(self, kind: ErrorKind) -> Self {
        self.edit(|inner| inner.kind = kind)
    }

    /// What went wrong, to decide by.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether nothing of the call has left, so that also what must be sent once only may be sent again.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// How long the server asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The status of the HTTP answer that this error comes from.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// The kind and the whole path of causes, on one line.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.cause.as_ref()? {
            Cause::Ours(error) => Some(error),
            Cause::Foreign(error) => Some(error.as_ref()),
        }
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        Self::new(ErrorKind::InvalidReference, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_keeps_what_callers_decide_by() {
        let error = Error::new(ErrorKind::RateLimited, "slow down")
            .transient()
            .with_retry_after(Duration::from_secs(3))
            .with_status(429)
            .unsent()
            .context("could not resolve");
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(error.status(), Some(429));
        assert!(error.is_retryable() && error.is_unsent());
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("slow down"));
        assert_eq!(format!("{error:?}"), "rate_limited: could not resolve: slow down");
    }

    #[test]
    fn editing_a_shared_error_leaves_the_others_alone() {
        let shared = Error::new(ErrorKind::NotFound, "gone");
        let mine = shared.clone().at("vault `a`").note("look again");
        assert_eq!(mine.to_string(), "vault `a`: gone; look again");
        assert_eq!(shared.to_string(), "gone");
    }
}
