//! What a login must do, tried against a scripted server.

mod server;
mod trials;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::AuthMethod;

pub use server::{Call, Reply, ScriptedServer};
pub use trials::run_login;

/// A credential that can be changed and taken away, the login under test that reads it, and the judgement of the
/// server that it is sent to.
///
/// Trials run one after the other. What the [`LoginCapabilities`] leave out is never called.
#[async_trait]
pub trait LoginFixture: fmt::Debug + Send + Sync + 'static {
    /// The login under test, fresh, with the present credential. Asked for more than once.
    fn login(&self) -> Arc<dyn AuthMethod>;

    /// A login of the same method as somebody else, or elsewhere; none where all logins of this method are one.
    fn another(&self) -> Option<Arc<dyn AuthMethod>>;

    /// What the method does.
    fn capabilities(&self) -> LoginCapabilities;

    /// Texts that must not be shown anywhere: every credential that there is or was.
    fn secrets(&self) -> Vec<String>;

    /// What the server answers a call: whether it carries the present credential, in the right place.
    fn judge(&self, call: &Call) -> Reply;

    /// Puts another credential in the place of the present one. The server accepts the new one alone from now on.
    async fn change(&self);

    /// Puts a credential in place that is well-formed and that the server refuses.
    async fn spoil(&self);

    /// Takes the credential away, so that there is nothing to log in with.
    async fn lose(&self);
}

/// What a login method does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginCapabilities {
    /// It asks the server for a token, instead of bringing one.
    pub asks: bool,
    /// Its credential can change under it, as a file does.
    pub changes: bool,
}

impl LoginCapabilities {
    /// Everything.
    #[must_use]
    pub const fn all() -> Self {
        Self { asks: true, changes: true }
    }

    /// Without asking the server.
    #[must_use]
    pub const fn without_asking(mut self) -> Self {
        self.asks = false;
        self
    }

    /// Without changes of its credential.
    #[must_use]
    pub const fn without_changes(mut self) -> Self {
        self.changes = false;
        self
    }
}
