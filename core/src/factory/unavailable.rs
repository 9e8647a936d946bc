//! A vault that was configured and cannot work in this build or with these settings.

use async_trait::async_trait;

use crate::{
    BatchRead, ChangeFeed, Description, Document, Error, Health, Probe, ReadRequest, Vault, VaultBackend,
    VersionPoll,
};

/// Fails every use with the same explanation.
#[derive(Debug)]
struct Unavailable {
    kind: &'static str,
    error: Error,
}

impl Vault {
    /// A vault of `kind` that fails every use with `error`, so that one vault that cannot work does not keep
    /// the others from working.
    #[must_use]
    pub fn unavailable(kind: &'static str, error: Error) -> Self {
        Self { is_unavailable: true, ..Self::new(Unavailable { kind, error }) }
    }
}

#[async_trait]
impl VaultBackend for Unavailable {
    fn describe(&self) -> Description {
        Description::new(self.kind)
    }

    fn options(&self) -> &'static [&'static str] {
        // Whatever the real backend takes: the reference is not what is wrong.
        &["prefix"]
    }

    async fn read(&self, _: &ReadRequest) -> Result<Document, Error> {
        Err(self.error.clone())
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Err(self.error.clone())
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
