//! A server that answers a login as a function says, and remembers what it was sent.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use strongroom_core::{
    Answer, ClientIdentity, Error, ErrorKind, LoginCall, LoginServer, OutsideCall, Replay, Secret,
};

/// The token that [`Reply::Granted`] hands out.
pub(crate) const TOKEN: &str = "canary-minted-7c1d";

/// A call of a login's, as it arrived.
#[derive(Clone)]
#[non_exhaustive]
pub struct Call {
    /// The path below `v1/`, or the whole URL of a call to somebody else.
    pub to: String,
    /// The members of the body, or the fields of the form.
    pub fields: Vec<(String, String)>,
    /// The token in the call's header.
    pub token: Option<Secret>,
    /// The client certificate that it came with.
    pub identity: Option<ClientIdentity>,
    /// Whether it may be repeated.
    pub replay: Replay,
}

impl Call {
    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(field, value)| (field == name).then_some(value.as_str()))
    }
}

/// Shows where the call went and nothing that it carried.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("to", &self.to).field("replay", &self.replay).finish_non_exhaustive()
    }
}

/// What a scripted server answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// A token, with a lease of an hour that can be renewed.
    Granted,
    /// This JSON, with status 200.
    Json(String),
    /// A refusal with this status, as the session reports it to a login.
    Refused(u16),
    /// This error, as the session reports it to a login.
    Failed(Error),
    /// Nothing, ever.
    Silence,
}

/// A server as a login sees it, without a network.
pub struct ScriptedServer {
    script: Box<dyn Fn(&Call) -> Reply + Send + Sync>,
    calls: Mutex<Vec<Call>>,
}

impl ScriptedServer {
    /// Answers each call as `script` says. What it is sent it holds to be encrypted.
    #[must_use]
    pub fn new(script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Box::new(script), calls: Mutex::default() }
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.seen().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: Call) -> Result<Answer, Error> {
        let reply = (self.script)(&call);
        self.seen().push(call);
        match reply {
            Reply::Granted => {
                let auth = format!(r#"{{"client_token":"{TOKEN}","lease_duration":3600,"renewable":true}}"#);
                Answer::new(200, format!(r#"{{"auth":{auth}}}"#).into_bytes().into())
            }
            Reply::Json(text) => Answer::new(200, text.into_bytes().into()),
            Reply::Refused(status) => {
                let kind =
                    if status == 403 { ErrorKind::PermissionDenied } else { ErrorKind::InvalidResponse };
                Err(Error::new(kind, format!("HTTP {status}: refused")).with_status(status))
            }
            Reply::Failed(error) => Err(error),
            Reply::Silence => std::future::pending().await,
        }
    }
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedServer").field("calls", &self.seen().len()).finish_non_exhaustive()
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[async_trait]
impl LoginServer for ScriptedServer {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        let call = Call {
            to: call.path.to_owned(),
            fields: owned(&call.fields),
            token: call.token.cloned(),
            identity: call.identity.cloned(),
            replay: call.replay,
        };
        self.answer(call).await
    }

    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error> {
        let call = Call {
            to: call.url.to_owned(),
            fields: owned(&call.form),
            token: None,
            identity: None,
            replay: Replay::Idempotent,
        };
        self.answer(call).await
    }

    fn is_encrypted(&self) -> bool {
        true
    }
}
