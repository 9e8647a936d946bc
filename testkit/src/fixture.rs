//! What a backend's author brings to the suite.

use std::fmt;

use async_trait::async_trait;
use strongroom_core::Vault;

/// A product with secrets in it, and the backend under test that reads them.
///
/// Trials run at the same time, each with resources of its own. Changing the product may panic: a fixture that cannot
/// is a broken test, not a broken backend. What the [`Capabilities`] leave out is never called.
#[async_trait]
pub trait Fixture: fmt::Debug + Send + Sync + 'static {
    /// The vault under test. Asked for more than once; each is one over the same product.
    fn vault(&self) -> Vault;

    /// What the product can do.
    fn capabilities(&self) -> Capabilities;

    /// Texts that must not be shown anywhere, such as the token that the backend reads with.
    fn secrets(&self) -> Vec<String>;

    /// Writes the fields of a resource, which may exist: the text of one JSON object. Readers see all of it or nothing.
    async fn write(&self, resource: &str, json: &str);

    /// Deletes a resource.
    async fn delete(&self, resource: &str);

    /// Forbids the backend to read a resource that exists, and no other.
    async fn deny(&self, resource: &str);

    /// Cuts the backend off from the product.
    async fn cut(&self);

    /// Takes [`cut`](Self::cut) back.
    async fn mend(&self);
}

/// What a product can do. Trials of what it cannot are left out, and reported as left out. Whether the backend reads
/// in batches, polls versions or notices changes the suite sees for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What a version of a resource is.
    pub versions: Versions,
    /// A resource may be called anything: spaces, `%`, `?`, `#`, `+`, letters of any script.
    pub any_name: bool,
    /// A resource may stand in a folder: `a/b`.
    pub folders: bool,
    /// Numbers keep their digits.
    pub exact_numbers: bool,
    /// A resource can be written again and deleted while it is read.
    pub changes: bool,
    /// Reading a resource can be forbidden.
    pub denial: bool,
    /// The product can be out of reach.
    pub outage: bool,
}

/// What versions a product keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Versions {
    /// None: asking for one is an error.
    No,
    /// Some of its own kind, which the suite does not try.
    Own,
    /// Each write makes one, counted from 1, that can still be read.
    EachWrite,
}

impl Capabilities {
    /// Everything.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            versions: Versions::EachWrite,
            any_name: true,
            folders: true,
            exact_numbers: true,
            changes: true,
            denial: true,
            outage: true,
        }
    }

    /// With these versions.
    #[must_use]
    pub const fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Without names of any kind.
    #[must_use]
    pub const fn without_any_name(mut self) -> Self {
        self.any_name = false;
        self
    }

    /// Without folders.
    #[must_use]
    pub const fn without_folders(mut self) -> Self {
        self.folders = false;
        self
    }

    /// Without the digits of large numbers.
    #[must_use]
    pub const fn without_exact_numbers(mut self) -> Self {
        self.exact_numbers = false;
        self
    }

    /// Without changes: what is there stays as it is.
    #[must_use]
    pub const fn without_changes(mut self) -> Self {
        self.changes = false;
        self
    }

    /// Without denial: whoever reads may read all.
    #[must_use]
    pub const fn without_denial(mut self) -> Self {
        self.denial = false;
        self
    }

    /// Without outage: it is always in reach.
    #[must_use]
    pub const fn without_outage(mut self) -> Self {
        self.outage = false;
        self
    }
}
