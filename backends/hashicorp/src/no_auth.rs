//! No login at all: somebody on the way, such as a local `bao proxy` with auto-auth, adds the token.

use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::factory::{AuthFactory, Field, Settings};
use strongroom_core::{AuthMethod, Error, Grant, Identity, LoginServer};

/// Sends no token, because a local proxy adds one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAuth;

#[async_trait]
impl AuthMethod for NoAuth {
    fn name(&self) -> &'static str {
        "none"
    }

    fn identity(&self) -> Identity {
        Identity::new("none", &[])
    }

    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        Ok(Grant::absent())
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }

    async fn credential_changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// Makes [`NoAuth`] from configuration: `auth_method: none`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAuthFactory;

impl AuthFactory for NoAuthFactory {
    fn name(&self) -> &'static str {
        "none"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn fields(&self) -> &'static [Field] {
        &[]
    }

    fn build(&self, _: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        Ok(Arc::new(NoAuth))
    }
}
