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
use strongroom_credential::{CredentialFile, line};

pub use factory::TokenFactory;

/// A token that the user configured.
#[derive(Debug)]
pub struct TokenAuth(Source);

#[derive(Debug)]
enum Source {
    Text(Secret),
    File(CredentialFile),
}

impl TokenAuth {
    /// The token itself. One newline at its end is taken off; a control character makes the login fail.
    #[must_use]
    pub fn new(token: impl Into<Secret>) -> Self {
        Self(Source::Text(token.into()))
    }

    /// The token that stands in a file.
    #[must_use]
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(CredentialFile::new("token", path)))
    }
}

#[async_trait]
impl AuthMethod for TokenAuth {
    fn name(&self) -> &'static str {
        "token"
    }

    fn identity(&self) -> Identity {
        match &self.0 {
            Source::Text(token) => Identity::new("token", &[b"text", token.as_bytes()]),
            Source::File(file) => {
                Identity::new("token", &[b"file", file.path().as_os_str().as_encoded_bytes()])
            }
        }
    }

    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        let token = match &self.0 {
            Source::Text(token) => line("token", token.as_bytes().to_vec())?,
            Source::File(file) => file.read().await?,
        };
        Ok(Grant::supplied(token))
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }

    async fn credential_changed(&self) {
        match &self.0 {
            Source::Text(_) => std::future::pending().await,
            Source::File(file) => file.changed().await,
        }
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
