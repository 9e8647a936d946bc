//! Where secrets come from: the trait that a backend implements, and what passes through it.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::{Document, Error};

/// A place where secrets come from. One implementation a product, used as `Arc<dyn VaultBackend>`.
///
/// A backend reads whole documents and says truthfully why it could not: whether trying again may help
/// ([`Error::is_retryable`]), and never [`NotFound`](crate::ErrorKind::NotFound) for a denial. Keys, caching,
/// single flight, rotation and staleness are the registry's work, not the backend's.
///
/// Every method is required, so that a wrapper cannot forget to forward one.
#[async_trait]
pub trait VaultBackend: fmt::Debug + Send + Sync + 'static {
    /// What this is and where, for messages and health. Cheap; does no I/O.
    fn describe(&self) -> Description;

    /// The names of reference options that change *what* is read, so that they belong to the identity of a
    /// document (an `env` vault's `prefix`). Any other unknown option is refused before the backend is asked.
    fn options(&self) -> &'static [&'static str];

    /// Reads one resource with all of its fields.
    ///
    /// Dropping the future must be safe at any point.
    ///
    /// # Errors
    ///
    /// Whatever kept the document from being read, without any part of a value in it.
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error>;

    /// Whether the backend can be reached and lets us in, as far as `probe` may go to find out. Reads no secret.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    async fn check(&self, probe: Probe) -> Result<Health, Error>;

    /// The capability to read several resources at once, where the product has it.
    fn batch(&self) -> Option<&dyn BatchRead>;

    /// The capability to tell cheaply what has changed, where the product has it.
    fn versions(&self) -> Option<&dyn VersionPoll>;

    /// The capability to notice by itself that something has changed, where the product has it.
    fn changes(&self) -> Option<&dyn ChangeFeed>;

    /// Ends background work and gives back what was obtained, such as a token minted by a login. Bounded to a
    /// few seconds; failures are swallowed. Called once, when the vault leaves its registry.
    async fn close(&self);
}

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReadRequest {
    /// The resource: decoded path segments joined by `/`. Never empty, holds no control character and no `.`
    /// or `..` segment.
    pub resource: Box<str>,
    /// The version to read; none for the current one.
    pub version: Option<NonZeroU64>,
    /// Those options of the reference that [`VaultBackend::options`] names, sorted by name.
    pub options: Box<[(String, String)]>,
}

impl ReadRequest {
    /// Asks for the current version of `resource`.
    #[must_use]
    pub fn new(resource: impl Into<Box<str>>) -> Self {
        Self { resource: resource.into(), version: None, options: Box::default() }
    }

    /// Asks for one version.
    #[must_use]
    pub fn with_version(mut self, version: Option<NonZeroU64>) -> Self {
        self.version = version;
        self
    }

    /// Adds an option that belongs to the identity of the document.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let mut options = std::mem::take(&mut self.options).into_vec();
        options.push((name.into(), value.into()));
        options.sort();
        self.options = options.into_boxed_slice();
        self
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find_map(|(option, value)| (option == name).then_some(value.as_str()))
    }
}

/// What a backend is and where, for people: `hcv, http://127.0.0.1:8200, mount `secret`, KV v2`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// The backend's kind, as configuration names it: `hcv`, `env`.
    pub kind: &'static str,
    /// Where it is, if anywhere: a URL without user info, a directory.
    pub address: Option<String>,
    /// What else tells it from others of its kind, a few words each.
    pub details: Vec<String>,
    /// How long the token in use still lives; none where it does not end, or there is none.
    pub token_left: Option<Duration>,
}

impl Description {
    /// A backend of `kind` that is nowhere in particular.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self { kind, address: None, details: Vec::new(), token_left: None }
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds how long the token in use still lives.
    #[must_use]
    pub fn token_left(mut self, left: Option<Duration>) -> Self {
        self.token_left = left;
        self
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        for part in self.address.iter().chain(&self.details) {
            write!(f, ", {part}")?;
        }
        Ok(())
    }
}

/// How far a health check may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// A credential that works only once is looked at and not spent.
    #[default]
    Careful,
    /// Log in, whatever that spends.
    LogIn,
}

/// What a successful [`check`](VaultBackend::check) found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The login method in use, if the backend logs in.
    pub login: Option<String>,
    /// How long the token still lives; none where it does not end or there is none.
    pub token_ttl: Option<Duration>,
    /// The engine that serves the secrets: `KV v2`.
    pub engine: Option<String>,
}

/// Reads several resources in one request. The object is the capability: a backend without it returns none
/// from [`VaultBackend::batch`], and the registry reads one by one.
#[async_trait]
pub trait BatchRead: fmt::Debug + Send + Sync {
    /// How many resources one call may name, at least 1.
    fn limit(&self) -> usize;

    /// Reads all of them: one result for each request, in the same order.
    async fn read_many(&self, requests: &[ReadRequest]) -> Vec<Result<Document, Error>>;
}

/// Tells what has changed without reading any value: one question for many resources.
#[async_trait]
pub trait VersionPoll: fmt::Debug + Send + Sync {
    /// The present state of those of `names` that are directly below `folder` (`""` is the top). What is there
    /// under none of the names is not in the answer. `names` are sorted, each once; there are at least two.
    ///
    /// Worth it only where it costs less than reading what is named: a backend that would have to go through many
    /// other resources to find them says that it cannot.
    ///
    /// Dropping the future must be safe at any point.
    ///
    /// # Errors
    ///
    /// Any that is not [retryable](Error::is_retryable), such as [`Unsupported`](crate::ErrorKind::Unsupported),
    /// where this server has no such listing, does not allow it, or the folder is too large: the registry then reads
    /// secret by secret, and asks again after an hour.
    async fn poll(&self, folder: &str, names: &[&str]) -> Result<HashMap<String, VersionState>, Error>;
}

/// What a listing says about the current version of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionState {
    /// The current version's number.
    pub version: u64,
    /// When that version was written, by the vault's clock.
    pub created: Option<SystemTime>,
    /// When that version ends, by the vault's clock.
    pub expires_at: Option<SystemTime>,
    /// Whether that version was deleted or destroyed.
    pub gone: bool,
}

impl VersionState {
    /// A live version without an end.
    #[must_use]
    pub fn new(version: u64) -> Self {
        Self { version, created: None, expires_at: None, gone: false }
    }

    /// Adds when it was written.
    #[must_use]
    pub fn with_created(self, created: SystemTime) -> Self {
        Self { created: Some(created), ..self }
    }

    /// Adds when it ends.
    #[must_use]
    pub fn with_expiry(self, expires_at: SystemTime) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }

    /// Says that it was deleted or destroyed.
    #[must_use]
    pub fn gone(self) -> Self {
        Self { gone: true, ..self }
    }
}

/// Notices that documents have become others, without being asked for each of them: a directory that is watched, a
/// product that sends events. The registry reads anew what it hears of, with or without a `ttl`.
#[async_trait]
pub trait ChangeFeed: fmt::Debug + Send + Sync {
    /// Completes when a document that was read through this backend has become another, appeared or vanished after
    /// `mark`; 0 is before everything. Else it does not complete.
    ///
    /// Several registries may ask at the same time, each with the mark it was given last. The same mark gives the same
    /// changes again, and more, so that dropping the future loses nothing. It may name documents that are the same
    /// after all, and must not name any of them over and over.
    async fn changed(&self, mark: u64) -> Changes;
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// What to ask with next time.
    pub mark: u64,
    /// The resources, as [`ReadRequest::resource`] names them.
    pub resources: Vec<Box<str>>,
}

impl Changes {
    /// These resources have changed; `mark` is what to ask with next time.
    #[must_use]
    pub fn new(mark: u64, resources: Vec<Box<str>>) -> Self {
        Self { mark, resources }
    }
}
