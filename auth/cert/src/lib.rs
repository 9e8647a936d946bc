//! Login with a TLS client certificate.
//!
//! The certificate travels with the login call, over a connection of its own; reads need only the token that it
//! brings. Whoever connects with it checks first that certificate and key parse, belong together and are in their
//! time. A pair that is rotated on disk is taken once both files make a whole pair; until then the old pair logs in.
//!
//! ```
//! use strongroom_auth_cert::CertAuth;
//!
//! let auth = CertAuth::from_files("/run/tls/client.pem", "/run/tls/client.key").role_name("web");
//! ```

mod factory;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use strongroom_core::{
    AuthMethod, ClientIdentity, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer, Secret,
};
use strongroom_credential::{Credential, warn_previous_serves};

pub use factory::CertFactory;

pub(crate) const CERTIFICATE: &str = "client certificate";
pub(crate) const KEY: &str = "client key";

/// A login with a client certificate.
#[derive(Debug)]
pub struct CertAuth {
    chain: Credential,
    key: Credential,
    role_name: Option<String>,
    mount: String,
    /// The pair that logged in last: it serves while a rotation is half way.
    proven: Mutex<Option<ClientIdentity>>,
}

impl CertAuth {
    /// A certificate chain and its key as PEM, leaf first.
    #[must_use]
    pub fn new(chain: impl Into<Secret>, key: impl Into<Secret>) -> Self {
        Self::with(Credential::text(CERTIFICATE, chain), Credential::text(KEY, key))
    }

    /// Files that hold them, read afresh at each login.
    #[must_use]
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::with(Credential::file(CERTIFICATE, chain), Credential::file(KEY, key))
    }

    fn with(chain: Credential, key: Credential) -> Self {
        Self { chain, key, role_name: None, mount: "cert".into(), proven: Mutex::default() }
    }

    /// The certificate role to log in with; without one the server tries all of them.
    #[must_use]
    pub fn role_name(mut self, name: impl Into<String>) -> Self {
        self.role_name = Some(name.into());
        self
    }

    /// Where the auth method is mounted, below `auth/`. Slashes at the ends are trimmed.
    #[must_use]
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = mount.trim_matches('/').into();
        self
    }

    async fn pair(&self) -> Result<ClientIdentity, Error> {
        // Both are read whatever becomes of the first: a file that is not looked at goes on counting as changed.
        let (chain, key) = (self.chain.text_block().await, self.key.text_block().await);
        Ok(ClientIdentity::from_pem(chain?.as_bytes(), key?.as_bytes()))
    }

    async fn login_with(&self, server: &dyn LoginServer, pair: ClientIdentity) -> Result<Grant, Error> {
        let path = format!("auth/{}/login", self.mount);
        let call = LoginCall::new(&path).identity(&pair);
        let call = self.role_name.iter().fold(call, |call, name| call.field("name", name));
        let mut grant = Grant::from_answer(&server.call(call).await.map_err(explain)?)?;
        grant.identity = Some(pair.clone());
        *self.proven() = Some(pair);
        Ok(grant)
    }

    /// A panic elsewhere cannot poison it: what the lock guards is whole at every moment.
    fn proven(&self) -> MutexGuard<'_, Option<ClientIdentity>> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AuthMethod for CertAuth {
    fn name(&self) -> &'static str {
        "cert"
    }

    fn identity(&self) -> Identity {
        let ([chain_kind, chain], [key_kind, key]) = (self.chain.identity(), self.key.identity());
        let role_name = self.role_name.as_deref().unwrap_or_default().as_bytes();
        Identity::new("cert", &[self.mount.as_bytes(), role_name, chain_kind, chain, key_kind, key])
    }

    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        // Files that were not looked at would count as changed, whatever comes of the login.
        let pair = self.pair().await;
        if !server.is_encrypted() {
            let message =
                "a client certificate needs an https address: over plain http it would not be sent at all";
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        }
        let proven = self.proven().clone();
        let unusable = match pair {
            Ok(pair) => match self.login_with(server, pair).await {
                // That is what an identity is refused with before anything is sent.
                Err(error) if error.kind() == ErrorKind::InvalidConfig => error,
                result => return result,
            },
            Err(error) => error,
        };
        let Some(proven) = proven else { return Err(unusable) };
        warn_previous_serves(CERTIFICATE, &unusable);
        self.login_with(server, proven).await
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        self.pair().await.map(|_| true)
    }

    async fn credential_changed(&self) {
        // Whichever file changes first; neither future holds anything that is lost when it is dropped.
        let (mut chain, mut key) = (Box::pin(self.chain.changed()), Box::pin(self.key.changed()));
        std::future::poll_fn(|context| {
            let chain = chain.as_mut().poll(context);
            if chain.is_ready() { chain } else { key.as_mut().poll(context) }
        })
        .await;
    }
}

/// The server answers 400 for a certificate that it does not want, and 500 for one that has expired.
fn explain(error: Error) -> Error {
    match error.status() {
        // What passes is not the server's own word.
        Some(400 | 403) if !error.is_retryable() => error.with_kind(ErrorKind::Unauthenticated).note(
            "the certificate was not presented, or no role trusts its CA, or the role's name is another",
        ),
        Some(500) if error.to_string().contains("client's certificate") => {
            error.with_kind(ErrorKind::Unauthenticated).lasting().note("a new certificate is needed")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
