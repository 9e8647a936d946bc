//! How a client token is obtained: the trait that a login implements, and the server it talks through.

mod call;
mod grant;
mod identity;

use std::fmt;

use async_trait::async_trait;

pub use call::{LoginCall, OutsideCall, Replay};
pub use grant::{Answer, Grant, Origin};
pub use identity::{ClientIdentity, Identity};

use crate::Error;

/// How to obtain a client token. One implementation a login method, used as `Arc<dyn AuthMethod>`.
///
/// It talks to the world only through the [`LoginServer`] it is handed, so it needs no HTTP client and tests
/// without a network. Retrying, renewing and sharing the token are the session's work.
#[async_trait]
pub trait AuthMethod: fmt::Debug + Send + Sync + 'static {
    /// The method's name as configuration writes it: `token`, `kubernetes`.
    fn name(&self) -> &'static str;

    /// Everything that makes this login what it is. Vaults whose logins have equal identities may share a
    /// session.
    fn identity(&self) -> Identity;

    /// Logs in. Reads its credential afresh each time, so that a rotated file is picked up.
    ///
    /// # Errors
    ///
    /// Why there is no token. Retryable where the same credential may work later.
    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error>;

    /// Looks at the credential as far as that can be done without spending it, for a health check. Gives whether
    /// a login may follow: false where it would spend a credential that works only once.
    ///
    /// # Errors
    ///
    /// Why a login would fail.
    async fn examine(&self, server: &dyn LoginServer) -> Result<bool, Error>;

    /// Completes when the credential has changed, so that a new login is worth trying at once. Never completes
    /// for a credential that cannot change.
    async fn credential_changed(&self);
}

/// The server as a login sees it. The vault's namespace and the headers that every request carries are added
/// inside.
#[async_trait]
pub trait LoginServer: fmt::Debug + Send + Sync {
    /// One call to the vault. An answer outside 2xx is an error whose [`status`](Error::status) is set.
    ///
    /// # Errors
    ///
    /// What the server refused, or why it could not be asked.
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error>;

    /// One call to somebody else, such as an identity provider: without the vault's token and namespace, its
    /// answer capped, no redirect followed, only over https or to a loopback address.
    ///
    /// # Errors
    ///
    /// What the other side refused, or why it could not be asked.
    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error>;

    /// Whether what is sent to the vault is encrypted on its way.
    fn is_encrypted(&self) -> bool;
}
