//! The OAuth2 client credentials grant (RFC 6749, section 4.4): a JWT for a client id and secret.

use std::fmt;
use std::path::PathBuf;

use strongroom_core::{Error, ErrorKind, LoginServer, OutsideCall, Secret};

use crate::ca::read_ca;
use crate::{Credential, check_jwt};

const WHAT: &str = "client secret";

/// How to ask an identity provider for a JWT.
pub struct OAuth2 {
    endpoint: String,
    client_id: String,
    client_secret: Credential,
    audiences: Vec<String>,
    scopes: String,
    ca_file: Option<PathBuf>,
}

impl OAuth2 {
    /// Asks the token endpoint at `endpoint`: https, or http to a loopback address.
    #[must_use]
    pub fn new(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self::with_credential(endpoint, client_id, Credential::text(WHAT, client_secret))
    }

    /// The same with a client secret that stands in a file, read afresh at each login.
    #[must_use]
    pub fn with_secret_file(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        path: impl Into<PathBuf>,
    ) -> Self {
        Self::with_credential(endpoint, client_id, Credential::file(WHAT, path))
    }

    /// The same with a client secret that stands where `client_secret` says.
    #[must_use]
    pub fn with_credential(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: Credential,
    ) -> Self {
        Self {
            endpoint: endpoint.into(),
            client_id: client_id.into(),
            client_secret,
            audiences: Vec::new(),
            scopes: String::new(),
            ca_file: None,
        }
    }

    /// The audiences to ask for, each as an `audience` of its own.
    #[must_use]
    pub fn audiences<T: Into<String>>(mut self, audiences: impl IntoIterator<Item = T>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The scopes to ask for.
    #[must_use]
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect::<Vec<_>>().join(" ");
        self
    }

    /// Trusts exactly the certificate authorities in this PEM file, in place of the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// What tells this grant from another: all of it.
    #[must_use]
    pub fn identity(&self) -> Vec<&[u8]> {
        let [kind, secret] = self.client_secret.identity();
        let ca = self.ca_file.as_ref().map_or(&b""[..], |path| path.as_os_str().as_encoded_bytes());
        let parts = [
            b"oauth2",
            self.endpoint.as_bytes(),
            self.client_id.as_bytes(),
            kind,
            secret,
            self.scopes.as_bytes(),
            ca,
        ];
        parts.into_iter().chain(self.audiences.iter().map(String::as_bytes)).collect()
    }

    /// Asks for a JWT.
    ///
    /// # Errors
    ///
    /// Where the client secret or the CA file cannot be read, as the provider refused or could not be asked, and
    /// where its answer holds no JWT.
    pub async fn jwt(&self, server: &dyn LoginServer) -> Result<Secret, Error> {
        let secret = self.client_secret.line().await?;
        let ca = match &self.ca_file {
            Some(path) => Some(read_ca(path.clone()).await?),
            None => None,
        };
        let mut call = OutsideCall::new(&self.endpoint)
            .field("grant_type", "client_credentials")
            .field("client_id", &self.client_id)
            .field("client_secret", secret.as_str()?);
        if !self.scopes.is_empty() {
            call = call.field("scope", &self.scopes);
        }
        call = self.audiences.iter().fold(call, |call, audience| call.field("audience", audience));
        if let Some(ca) = &ca {
            call = call.trusting(ca);
        }
        let answer = server.outside(call).await.map_err(|error| {
            let what = "the identity provider gave no token";
            match error.status() {
                Some(400 | 401 | 403) => error.with_kind(ErrorKind::Unauthenticated).at(what),
                _ => error.at(what),
            }
        })?;
        let missing = || {
            Error::new(ErrorKind::InvalidResponse, "the identity provider's answer holds no `access_token`")
        };
        let jwt = answer.text("/access_token").filter(|jwt| !jwt.is_empty()).ok_or_else(missing)?;
        check_jwt("identity provider's access token", &jwt)?;
        Ok(jwt)
    }

    /// Completes when the file of the client secret has changed; never where it is a text.
    pub async fn changed(&self) {
        self.client_secret.changed().await;
    }
}

/// Without the endpoint: a key may be part of its address.
impl fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .field("audiences", &self.audiences)
            .field("scopes", &self.scopes)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}
