//! What a backend's author brings to the suite.

use std::fmt;

use async_trait::async_trait;
use strongroom_core::Vault;

/// A product with secrets in it, and the backend under test that reads them.
///
/// Writing may panic: a fixture that cannot write is a broken test, not a broken backend.
#[async_trait]
pub trait Fixture: fmt::Debug + Send + Sync + 'static {
    /// The vault under test. Asked for once.
    fn vault(&self) -> Vault;

    /// What the product can do.
    fn capabilities(&self) -> Capabilities;

    /// Writes the fields of a resource, which may exist: the text of one JSON object.
    async fn write(&self, resource: &str, json: &str);

    /// Deletes a resource.
    async fn delete(&self, resource: &str);
}

/// What a product can do. Trials of what it cannot are left out, and reported as left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Each write makes a version that can still be read.
    pub versions: bool,
    /// A resource may be called anything: spaces, `%`, `?`, `#`, `+`, letters of any script.
    pub any_name: bool,
    /// A resource may stand below another: `a/b`.
    pub folders: bool,
    /// Numbers keep their digits.
    pub exact_numbers: bool,
}

impl Capabilities {
    /// Everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { versions: true, any_name: true, folders: true, exact_numbers: true }
    }

    /// Everything but versions.
    #[must_use]
    pub const fn without_versions(mut self) -> Self {
        self.versions = false;
        self
    }

    /// Everything but names of any kind.
    #[must_use]
    pub const fn without_any_name(mut self) -> Self {
        self.any_name = false;
        self
    }

    /// Everything but folders.
    #[must_use]
    pub const fn without_folders(mut self) -> Self {
        self.folders = false;
        self
    }

    /// Everything but the digits of large numbers.
    #[must_use]
    pub const fn without_exact_numbers(mut self) -> Self {
        self.exact_numbers = false;
        self
    }
}
