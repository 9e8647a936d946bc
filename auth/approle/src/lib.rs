//! Login with an AppRole's role id and secret id, response wrapping included.
//!
//! ```
//! use strongroom_auth_approle::AppRoleAuth;
//!
//! let auth = AppRoleAuth::with_secret_id_file("my-role-id", "/run/secrets/wrapped-secret-id").response_wrapping(true);
//! ```

mod factory;
mod wrapping;

use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer, Secret};
use strongroom_credential::Credential;

pub use factory::AppRoleFactory;

/// A login as an AppRole.
#[derive(Debug)]
pub struct AppRoleAuth {
    role_id: String,
    secret_id: Credential,
    mount: String,
    /// Whether the secret id is a wrapping token around the real one.
    wrapped: bool,
    role_name: Option<String>,
    /// The wrapping token that was sent last and what it held: it opens once, its secret id may serve many logins.
    opened: Mutex<Option<(Secret, Result<Secret, Error>)>>,
}

impl AppRoleAuth {
    /// Logs in at the auth method mounted at `approle`.
    #[must_use]
    pub fn new(role_id: impl Into<String>, secret_id: impl Into<Secret>) -> Self {
        Self::with(role_id, Credential::text("secret id", secret_id))
    }

    /// The same with a secret id that stands in a file, read afresh at each login.
    #[must_use]
    pub fn with_secret_id_file(role_id: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::with(role_id, Credential::file("secret id", path))
    }

    fn with(role_id: impl Into<String>, secret_id: Credential) -> Self {
        let (role_id, mount) = (role_id.into(), "approle".into());
        Self { role_id, secret_id, mount, wrapped: false, role_name: None, opened: Mutex::default() }
    }

    /// Where the auth method is mounted, below `auth/`. Slashes at the ends are trimmed.
    #[must_use]
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = mount.trim_matches('/').into();
        self
    }

    /// Says that the secret id is a wrapping token, to be checked and then unwrapped once.
    #[must_use]
    pub fn response_wrapping(mut self, wrapped: bool) -> Self {
        self.wrapped = wrapped;
        self
    }

    /// The role that a wrapping token has to be for, by its name; without it any role of the mount will do.
    #[must_use]
    pub fn role_name(mut self, name: impl Into<String>) -> Self {
        self.role_name = Some(name.into());
        self
    }
}

#[async_trait]
impl AuthMethod for AppRoleAuth {
    fn name(&self) -> &'static str {
        "approle"
    }

    fn identity(&self) -> Identity {
        let [kind, secret_id] = self.secret_id.identity();
        let wrapped: &[u8] = if self.wrapped { b"wrapped" } else { b"" };
        let role_name = self.role_name.as_deref().unwrap_or_default().as_bytes();
        let parts = [self.mount.as_bytes(), self.role_id.as_bytes(), kind, secret_id, wrapped, role_name];
        Identity::new("approle", &parts)
    }

    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let secret_id = self.secret_id.line().await?;
        let secret_id = if self.wrapped { self.unwrap(server, secret_id).await? } else { secret_id };
        let path = format!("auth/{}/login", self.mount);
        let call =
            LoginCall::new(&path).field("role_id", &self.role_id).field("secret_id", secret_id.as_str()?);
        // A secret id may be good for one login alone, and the first try may have been that one.
        Grant::from_answer(&server.call(call.never_repeat()).await.map_err(explain)?)
    }

    async fn examine(&self, server: &dyn LoginServer) -> Result<bool, Error> {
        let secret_id = self.secret_id.line().await?;
        if self.wrapped {
            self.look_up(server, &secret_id).await?;
        }
        Ok(!self.wrapped)
    }

    async fn credential_changed(&self) {
        self.secret_id.changed().await;
    }
}

/// The server has one answer for a role id that it does not know and a secret id that is spent or expired.
fn explain(error: Error) -> Error {
    let why = "the role id is unknown, or the secret id is spent, expired or of another role: a new secret id is needed";
    let refused = error.status() == Some(400) && !error.is_retryable();
    if refused { error.with_kind(ErrorKind::Unauthenticated).note(why) } else { error }
}

#[cfg(test)]
mod tests;
