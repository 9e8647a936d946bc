//! A vault that was configured, but whose backend is not in this build.

use async_trait::async_trait;

use crate::{
    BatchRead, Description, Document, Error, ErrorKind, Health, ReadRequest, VaultBackend, VersionPoll,
};

/// Fails every use with the same explanation.
#[derive(Debug)]
pub(super) struct Unavailable {
    kind: &'static str,
    message: String,
}

impl Unavailable {
    pub(super) fn new(kind: &'static str, message: String) -> Self {
        Self { kind, message }
    }

    fn error(&self) -> Error {
        Error::new(ErrorKind::Unsupported, self.message.as_str())
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
        Err(self.error())
    }

    async fn check(&self) -> Result<Health, Error> {
        Err(self.error())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }

    async fn close(&self) {}
}
