//! A vault held in memory, for tests and examples.

use std::num::NonZeroU64;

use async_trait::async_trait;
use dashmap::DashMap;

use crate::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, Probe, ReadRequest, VaultBackend,
    VersionPoll, escaped,
};

/// A backend whose documents are set by the program: the vault to point a prefix at in a test.
///
/// ```
/// use strongroom_core::{MemoryVault, Registry};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let vault = MemoryVault::new();
/// vault.set("customer/acme", r#"{"name": "ACME Inc."}"#)?;
/// let registry = Registry::builder().vault("my-vault", vault).build()?;
/// let name = registry.get("{vault://my-vault/customer/acme/name}").await?;
/// assert_eq!(name.as_str()?, "ACME Inc.");
/// # Ok::<_, strongroom_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Default)]
pub struct MemoryVault {
    /// All versions of each resource, the first one first.
    documents: DashMap<String, Vec<Document>>,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the next version of a resource, the first one being 1.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the text is not a JSON object.
    pub fn set(&self, resource: impl Into<String>, json: &str) -> Result<(), Error> {
        let document = Document::from_json(json)?;
        let mut versions = self.documents.entry(resource.into()).or_default();
        let version = versions.len() as u64 + 1;
        versions.push(document.with_version(version));
        Ok(())
    }

    /// Forgets a resource with all of its versions.
    pub fn delete(&self, resource: &str) {
        self.documents.remove(resource);
    }
}

impl std::fmt::Debug for MemoryVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryVault").field("resources", &self.documents.len()).finish()
    }
}

#[async_trait]
impl VaultBackend for MemoryVault {
    fn describe(&self) -> Description {
        Description::new("memory")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        let missing = |what: &str| {
            Error::new(ErrorKind::NotFound, format!("no such {what} of `{}`", escaped(&request.resource)))
        };
        let versions = self.documents.get(&*request.resource).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("no such resource `{}`", escaped(&request.resource)))
        })?;
        let found = match request.version.map(NonZeroU64::get) {
            None => versions.last(),
            Some(version) => usize::try_from(version - 1).ok().and_then(|at| versions.get(at)),
        };
        found.cloned().ok_or_else(|| missing("version"))
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }

    async fn close(&self) {}
}
