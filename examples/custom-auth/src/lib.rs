//! A login in a crate of its own: a user name and a password, as Vault's `userpass` and `ldap` methods take them.
//!
//! ```
//! use custom_auth::PasswordAuth;
//!
//! let auth = PasswordAuth::new("web", "/run/secrets/web-password").mount("corp/ldap");
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::factory::{AuthFactory, Field, Settings, Shape};
use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer, escaped};
use strongroom_credential::Credential;

/// A login with a user name and a password that stands in a file.
#[derive(Debug)]
pub struct PasswordAuth {
    user: String,
    password: Credential,
    mount: String,
}

impl PasswordAuth {
    /// Logs in as `user` at the method mounted at `userpass`. The password is read afresh at each login.
    pub fn new(user: impl Into<String>, password_file: impl Into<PathBuf>) -> Self {
        let password = Credential::file("password", password_file);
        Self { user: user.into(), password, mount: "userpass".into() }
    }

    /// Where the method is mounted, below `auth/`.
    #[must_use]
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = mount.trim_matches('/').into();
        self
    }
}

#[async_trait]
impl AuthMethod for PasswordAuth {
    fn name(&self) -> &'static str {
        "password"
    }

    // All that makes this login what it is: vaults that log in alike share one token.
    fn identity(&self) -> Identity {
        let [kind, file] = self.password.identity();
        Identity::new("password", &[self.mount.as_bytes(), self.user.as_bytes(), kind, file])
    }

    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let password = self.password.line().await?;
        let path = format!("auth/{}/login/{}", self.mount, self.user);
        let call = LoginCall::new(&path).field("password", password.as_str()?);
        let answer = server.call(call).await.map_err(|error| match error.status() {
            Some(400 | 403) => error.with_kind(ErrorKind::Unauthenticated).note(format_args!(
                "the password of `{}` is wrong, or there is no such user",
                escaped(&self.user)
            )),
            _ => error,
        })?;
        Grant::from_answer(&answer)
    }

    // Nothing is spent by looking at a file, and a login may follow.
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        self.password.line().await.map(|_| true)
    }

    async fn credential_changed(&self) {
        self.password.changed().await;
    }
}

/// Makes them from configuration: `auth_method: password`.
#[derive(Clone, Copy, Debug)]
pub struct PasswordFactory;

const USER: Field = Field::new("password_user", Shape::Text, "The user to log in as; required.");
const FILE: Field = Field::new("password_file", Shape::Text, "The file that holds the password; required.");
const PATH: Field =
    Field::new("password_auth_path", Shape::Text, "Where the method is mounted, below auth/.")
        .default("userpass");

impl AuthFactory for PasswordFactory {
    fn name(&self) -> &'static str {
        "password"
    }
    fn fields(&self) -> &'static [Field] {
        &[USER, FILE, PATH]
    }
    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let auth = PasswordAuth::new(settings.required(&USER)?, settings.required(&FILE)?);
        Ok(Arc::new(auth.mount(settings.mount(&PATH)?)))
    }
}
