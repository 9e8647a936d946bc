//! The server as a login sees it: everything a login sends leaves from here.

use std::fmt;
use std::sync::{Arc, Once};

use async_trait::async_trait;
use strongroom_core::{Answer, ClientIdentity, Error, LoginCall, LoginServer, OutsideCall, Secret};

use crate::path::WirePath;
use crate::quote::credentials;
use crate::refusal::{Asked, accept};
use crate::session::{Lease, TokenServer};
use crate::transport::Request;
use crate::transport::Transport;

/// Where logins are handed in: the vault, in the namespace of its logins.
pub(crate) struct Desk {
    transport: Arc<Transport>,
    namespace: Option<String>,
    root_warning: Once,
}

impl Desk {
    pub(crate) fn new(transport: Arc<Transport>, namespace: Option<String>) -> Self {
        Self { transport, namespace, root_warning: Once::new() }
    }

    /// Says once that a token which was looked up is a root token.
    pub(crate) fn warn_of_root(&self, answer: &Answer) {
        let policy = |index: usize| answer.text(&format!("/data/policies/{index}"));
        if (0..).map_while(policy).any(|policy| policy.as_bytes() == b"root") {
            self.root_warning.call_once(|| {
                tracing::warn!("the token is a root token: it may do everything, and never ends");
            });
        }
    }

    /// One call about `token` itself.
    pub(crate) async fn about(&self, request: Request<'_>, token: &Secret) -> Result<Answer, Error> {
        let path = request.path;
        let request = request.namespace(self.namespace.as_deref()).token(Some(token));
        let response = self.transport.send(&request).await?;
        let response = accept(response, Asked::Token, path, &[token.as_bytes()]);
        let response = response.map_err(|refusal| {
            self.transport.refused(&refusal);
            refusal.error
        })?;
        Answer::new(response.status, response.body)
            .map_err(|error| error.at(format_args!("`{}`", path.shown())))
    }
}

#[async_trait]
impl TokenServer for Desk {
    fn login_server(&self) -> &dyn LoginServer {
        self
    }

    async fn renew(&self, token: &Secret, identity: Option<&ClientIdentity>) -> Result<Lease, Error> {
        let path = WirePath::api("auth/token/renew-self")?;
        let mut request = Request::post(&path, Secret::from("{}"));
        request.identity = identity;
        let answer = self.about(request, token).await?;
        Ok(lease(&answer, "/auth/lease_duration", "/auth/renewable"))
    }

    async fn look_up(&self, token: &Secret) -> Result<Lease, Error> {
        // A question is no reason to break the peace that the server asked for. A renewal or a login that cannot wait is.
        if let Some(error) = self.transport.breaker().paused() {
            return Err(error);
        }
        let path = WirePath::api("auth/token/lookup-self")?;
        let answer = self.about(Request::get(&path), token).await?;
        self.warn_of_root(&answer);
        Ok(lease(&answer, "/data/ttl", "/data/renewable"))
    }

    async fn revoke(&self, token: &Secret) -> Result<(), Error> {
        let path = WirePath::api("auth/token/revoke-self")?;
        self.about(Request::post(&path, Secret::from("{}")), token).await.map(|_| ())
    }
}

fn lease(answer: &Answer, ttl: &str, renewable: &str) -> Lease {
    Lease {
        ttl: answer.seconds(ttl),
        renewable: answer.flag(renewable).unwrap_or(false),
        uses: answer.number("/data/num_uses").filter(|uses| *uses > 0),
    }
}

#[async_trait]
impl LoginServer for Desk {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        let path = WirePath::api(call.path)?;
        let mut request =
            Request::post(&path, call.body()).namespace(self.namespace.as_deref()).token(call.token);
        request.identity = call.identity;
        // Nothing is ever sent again from here, whatever the call says: repeating a login is its session's work.
        let response = self.transport.send(&request).await?;
        let mut secrets = credentials(&call.fields);
        secrets.extend(call.token.map(Secret::as_bytes));
        let response = accept(response, Asked::Login, &path, &secrets).map_err(|refusal| refusal.error)?;
        Answer::new(response.status, response.body)
            .map_err(|error| error.at(format_args!("`{}`", path.shown())))
    }

    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error> {
        self.transport.outside(&call).await
    }

    fn is_encrypted(&self) -> bool {
        self.transport.is_encrypted()
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("transport", &self.transport)
            .field("namespace", &self.namespace)
            .finish()
    }
}
