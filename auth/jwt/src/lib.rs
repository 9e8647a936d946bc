//! Login with a JWT from a file or from an OAuth2 client credentials grant.
//!
//! ```
//! use strongroom_auth_jwt::{JwtAuth, JwtSource, OAuth2};
//!
//! let from_file = JwtAuth::new("my-role", JwtSource::file("/run/secrets/tokens/vault"));
//! let grant = OAuth2::new("https://idp.example/token", "my-client", "my-secret").audiences(["vault"]);
//! let from_provider = JwtAuth::new("my-role", JwtSource::oauth2(grant));
//! assert!(!format!("{from_provider:?}").contains("my-secret"));
//! ```

mod factory;

use std::path::PathBuf;

use async_trait::async_trait;
use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer, Secret};
use strongroom_credential::Credential;

pub use factory::JwtFactory;
pub use strongroom_credential::OAuth2;

/// A login with a JWT.
#[derive(Debug)]
pub struct JwtAuth {
    role: String,
    mount: String,
    source: JwtSource,
}

/// Where the JWT comes from.
#[derive(Debug)]
pub struct JwtSource(Source);

#[derive(Debug)]
enum Source {
    File(Credential),
    OAuth2(OAuth2),
}

impl JwtSource {
    /// A file that holds it, read afresh at each login.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(Credential::file("JWT", path)))
    }

    /// An identity provider that hands it out for a client id and secret, asked afresh at each login.
    #[must_use]
    pub fn oauth2(grant: OAuth2) -> Self {
        Self(Source::OAuth2(grant))
    }
}

impl JwtAuth {
    /// Logs in with `role` of the auth method mounted at `jwt`.
    #[must_use]
    pub fn new(role: impl Into<String>, source: JwtSource) -> Self {
        Self { role: role.into(), mount: "jwt".into(), source }
    }

    /// Where the auth method is mounted, below `auth/`. Slashes at the ends are trimmed.
    #[must_use]
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = mount.trim_matches('/').into();
        self
    }

    async fn jwt(&self, server: &dyn LoginServer) -> Result<Secret, Error> {
        match &self.source.0 {
            Source::File(file) => file.jwt().await,
            Source::OAuth2(grant) => grant.jwt(server).await,
        }
    }
}

#[async_trait]
impl AuthMethod for JwtAuth {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn identity(&self) -> Identity {
        let mut parts = vec![self.mount.as_bytes(), self.role.as_bytes()];
        match &self.source.0 {
            Source::File(file) => parts.extend(file.identity()),
            Source::OAuth2(grant) => parts.extend(grant.identity()),
        }
        Identity::new("jwt", &parts)
    }

    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let jwt = self.jwt(server).await?;
        let path = format!("auth/{}/login", self.mount);
        let call = LoginCall::new(&path).field("role", &self.role).field("jwt", jwt.as_str()?);
        let answer = server.call(call).await.map_err(|error| match error.status() {
            Some(400 | 403) if !error.is_retryable() => error.with_kind(ErrorKind::Unauthenticated),
            _ => error,
        })?;
        Grant::from_answer(&answer)
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }

    async fn credential_changed(&self) {
        match &self.source.0 {
            Source::File(file) => file.changed().await,
            Source::OAuth2(grant) => grant.changed().await,
        }
    }
}

#[cfg(test)]
mod tests;
