//! Login with a configured token, from text or a file.
//!
//! There is no login call: the token is the user's own, is sent as it is and never revoked. A file is read
//! afresh at each login, so that whoever rewrites it needs no restart.
//!
//! ```
//! use strongroom_auth_token::TokenAuth;
//!
//! let from_text = TokenAuth::new("hvs.example");
//! let from_file = TokenAuth::from_file("/run/secrets/vault-token");
//! assert!(!format!("{from_text:?}").contains("hvs"));
//! ```

mod factory;

use std::path::PathBuf;

use async_trait::async_trait;
use strongroom_core::{AuthMethod, Error, Grant, Identity, LoginServer, Secret};
use strongroom_credential::Credential;

pub use factory::TokenFactory;

/// A token that the user configured.
#[derive(Debug)]
pub struct TokenAuth(Credential);

impl TokenAuth {
    /// The token itself. One newline at its end is taken off; a control character makes the login fail.
    #[must_use]
    pub fn new(token: impl Into<Secret>) -> Self {
        Self(Credential::text("token", token))
    }

    /// The token that stands in a file.
    #[must_use]
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self(Credential::file("token", path))
    }
}

#[async_trait]
impl AuthMethod for TokenAuth {
    fn name(&self) -> &'static str {
        "token"
    }

    fn identity(&self) -> Identity {
        Identity::new("token", &self.0.identity())
    }

    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        Ok(Grant::supplied(self.0.line().await?))
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }

    async fn credential_changed(&self) {
        self.0.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use strongroom_core::{Answer, ErrorKind, LoginCall, Origin, OutsideCall};

    use super::*;

    /// A token login asks nobody.
    #[derive(Debug)]
    struct Nobody;

    #[async_trait]
    impl LoginServer for Nobody {
        async fn call(&self, _: LoginCall<'_>) -> Result<Answer, Error> {
            panic!("a token login calls nobody")
        }
        async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
            panic!("a token login calls nobody")
        }
        fn is_encrypted(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn the_token_is_the_users_own() {
        let grant = TokenAuth::new("hvs.canary\n").login(&Nobody).await.unwrap();
        assert_eq!(grant.token.as_ref().unwrap().as_bytes(), b"hvs.canary");
        assert_eq!(grant.origin, Origin::Supplied);
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_sent_is_refused_and_not_shown() {
        for token in ["", "\n", "hvs.can\r\nX-Evil: ary", "hvs.canary\0", " canary"] {
            let error = TokenAuth::new(token).login(&Nobody).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(
                error.to_string().starts_with("the token ") && !format!("{error:?}").contains("ary"),
                "{error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_is_read_afresh_at_each_login() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let auth = TokenAuth::from_file(&path);
        assert_eq!(auth.login(&Nobody).await.unwrap().token.unwrap().as_bytes(), b"first");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(auth.login(&Nobody).await.unwrap().token.unwrap().as_bytes(), b"second");
    }

    #[test]
    fn equal_logins_have_equal_identities() {
        assert_eq!(TokenAuth::new("a").identity(), TokenAuth::new("a").identity());
        assert_ne!(TokenAuth::new("a").identity(), TokenAuth::new("b").identity());
        assert_ne!(TokenAuth::new("/a").identity(), TokenAuth::from_file("/a").identity());
    }
}
