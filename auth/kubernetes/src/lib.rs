//! Login with the service account token of a Kubernetes pod.
//!
//! The kubelet rewrites the token's file every so often, so it is read afresh at each login and never kept. A file
//! that is not shaped like a JWT, or whose own `exp` has passed, is not sent.
//!
//! ```
//! use strongroom_auth_kubernetes::KubernetesAuth;
//!
//! let auth = KubernetesAuth::new("my-role").mount("clusters/eu").token_file("/run/secrets/vault/token");
//! ```

mod factory;

use std::path::PathBuf;

use async_trait::async_trait;
use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Identity, LoginCall, LoginServer};
use strongroom_credential::Credential;

pub use factory::KubernetesFactory;

/// Where the kubelet puts the token of a pod's service account.
pub const DEFAULT_TOKEN_FILE: &str = "/run/secrets/kubernetes.io/serviceaccount/token";

const WHAT: &str = "service account token";

/// A login as a Kubernetes service account.
#[derive(Debug)]
pub struct KubernetesAuth {
    role: String,
    mount: String,
    token: Credential,
}

impl KubernetesAuth {
    /// Logs in with `role` of the auth method mounted at `kubernetes`, with the token of the pod's service account.
    #[must_use]
    pub fn new(role: impl Into<String>) -> Self {
        let token = Credential::file(WHAT, DEFAULT_TOKEN_FILE);
        Self { role: role.into(), mount: "kubernetes".into(), token }
    }

    /// Where the auth method is mounted, below `auth/`. Slashes at the ends are trimmed.
    #[must_use]
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = mount.trim_matches('/').into();
        self
    }

    /// Where the token is.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token = Credential::file(WHAT, path);
        self
    }
}

#[async_trait]
impl AuthMethod for KubernetesAuth {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn identity(&self) -> Identity {
        let [kind, token] = self.token.identity();
        Identity::new("kubernetes", &[self.mount.as_bytes(), self.role.as_bytes(), kind, token])
    }

    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let token = self.token.jwt().await?;
        let path = format!("auth/{}/login", self.mount);
        let call = LoginCall::new(&path).field("role", &self.role).field("jwt", token.as_str()?);
        let answer = server.call(call).await.map_err(|error| explain(error, &path))?;
        Grant::from_answer(&answer)
    }

    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        self.token.jwt().await.map(|_| true)
    }

    async fn credential_changed(&self) {
        self.token.changed().await;
    }
}

/// The server answers a bare denial when the token is rejected, when its audience is unknown to the cluster, when
/// there is no such mount, and also when the server cannot reach the cluster, which passes.
fn explain(error: Error, path: &str) -> Error {
    // What passes is not the server's own word.
    if error.status() != Some(403) || error.is_retryable() {
        return error;
    }
    let bare = !["claim", "authorized", "expired"].iter().any(|reason| error.to_string().contains(reason));
    let error = error.with_kind(ErrorKind::Unauthenticated);
    if !bare {
        return error;
    }
    error.transient().note(format_args!(
        "at `{path}` this is said of a rejected token, a missing mount, and of a cluster that the server cannot reach"
    ))
}

#[cfg(test)]
mod tests;
