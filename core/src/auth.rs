//! How a client token is obtained: the trait that a login implements, and the server it talks through.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::json::Json;
use crate::{Error, ErrorKind, Secret};

/// How to obtain a client token. One implementation a login method, used as `Arc<dyn AuthMethod>`.
///
/// It talks to the world only through the [`LoginServer`] it is handed, so it needs no HTTP client and tests
/// without a network. Retrying, renewing and sharing the token are the session's work.
#[async_trait]
pub trait AuthMethod: fmt::Debug + Send + Sync + 'static {
    /// The method's name as configuration writes it: `token`, `kubernetes`.
    fn name(&self) -> &'static str;

    /// Everything that makes this login what it is. Vaults whose logins have equal identities may share a
    /// session.
    fn identity(&self) -> Identity;

    /// Logs in. Reads its credential afresh each time, so that a rotated file is picked up.
    ///
    /// # Errors
    ///
    /// Why there is no token. Retryable where the same credential may work later.
    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error>;

    /// Looks at the credential as far as that can be done without spending it, for a health check. Gives whether
    /// a login may follow: false where it would spend a credential that works only once.
    ///
    /// # Errors
    ///
    /// Why a login would fail.
    async fn examine(&self, server: &dyn LoginServer) -> Result<bool, Error>;

    /// Completes when the credential has changed, so that a new login is worth trying at once. Never completes
    /// for a credential that cannot change.
    async fn credential_changed(&self);
}

/// The server as a login sees it. The vault's namespace and the headers that every request carries are added
/// inside.
#[async_trait]
pub trait LoginServer: fmt::Debug + Send + Sync {
    /// One call to the vault. An answer outside 2xx is an error whose [`status`](Error::status) is set.
    ///
    /// # Errors
    ///
    /// What the server refused, or why it could not be asked.
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error>;

    /// One call to somebody else, such as an identity provider: without the vault's token and namespace, its
    /// answer capped, no redirect followed, only over https or to a loopback address.
    ///
    /// # Errors
    ///
    /// What the other side refused, or why it could not be asked.
    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error>;

    /// Whether what is sent to the vault is encrypted on its way.
    fn is_encrypted(&self) -> bool;
}

/// Everything that makes a login what it is: method, mount, role, where the credential comes from.
///
/// Compared as a whole; wiped on drop; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(Zeroizing<Vec<u8>>);

impl Identity {
    /// The identity of the login `method` with these parts, in a fixed order of the method's own.
    #[must_use]
    pub fn new(method: &str, parts: &[&[u8]]) -> Self {
        let all = || std::iter::once(method.as_bytes()).chain(parts.iter().copied());
        let mut bytes = Zeroizing::new(Vec::with_capacity(all().map(|part| 8 + part.len()).sum()));
        for part in all() {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(<redacted>)")
    }
}

/// Whether a call may be sent again after its first bytes have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Twice is as good as once: logins, lookups.
    Idempotent,
    /// The first try spends something: unwrapping.
    Never,
}

/// A client certificate with its key, as a value: connections are pooled by it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl ClientIdentity {
    /// A certificate chain and its private key, both as PEM.
    #[must_use]
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: chain.into(), key: Zeroizing::new(key.into()) }
    }

    /// The certificate chain as PEM, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// The private key as PEM.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Hash for ClientIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chain.hash(state);
        self.key.as_slice().hash(state);
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

/// One call to the vault on behalf of a login.
#[derive(Clone)]
#[non_exhaustive]
pub struct LoginCall<'a> {
    /// Path segments joined by `/`, without `v1`: `auth/kubernetes/login`. Each is percent-encoded once.
    pub path: &'a str,
    /// The members of the JSON object to send, all of them strings.
    pub fields: Vec<(&'a str, &'a str)>,
    /// The token to send, such as a wrapping token; none for a login.
    pub token: Option<&'a Secret>,
    /// The client certificate to connect with.
    pub identity: Option<&'a ClientIdentity>,
    /// Whether the call may be repeated once sent.
    pub replay: Replay,
}

impl<'a> LoginCall<'a> {
    /// A write to `path` without a token, which may be repeated.
    #[must_use]
    pub fn new(path: &'a str) -> Self {
        Self { path, fields: Vec::new(), token: None, identity: None, replay: Replay::Idempotent }
    }

    /// Adds a member of the JSON object to send.
    #[must_use]
    pub fn field(mut self, name: &'a str, value: &'a str) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Sends this token.
    #[must_use]
    pub fn token(mut self, token: &'a Secret) -> Self {
        self.token = Some(token);
        self
    }

    /// Connects with this client certificate.
    #[must_use]
    pub fn identity(mut self, identity: &'a ClientIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Forbids to send the call again once its first bytes have left.
    #[must_use]
    pub fn never_repeat(mut self) -> Self {
        self.replay = Replay::Never;
        self
    }

    /// The JSON object to send.
    #[must_use]
    pub fn body(&self) -> Zeroizing<Vec<u8>> {
        // Room for the worst case of escaping: a buffer that grows leaves copies of a secret behind.
        let room = self.fields.iter().map(|(name, value)| 8 + 6 * (name.len() + value.len())).sum::<usize>();
        let mut body = Zeroizing::new(Vec::with_capacity(2 + room));
        body.push(b'{');
        for (at, (name, value)) in self.fields.iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            // Writing text into memory cannot fail.
            let _ = serde_json::to_writer(&mut *body, name);
            body.push(b':');
            let _ = serde_json::to_writer(&mut *body, value);
        }
        body.push(b'}');
        body
    }
}

impl fmt::Debug for LoginCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginCall")
            .field("path", &self.path)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

/// One call to somebody other than the vault: a form that is posted, an answer in JSON.
#[derive(Clone)]
#[non_exhaustive]
pub struct OutsideCall<'a> {
    /// Where to: https, or http to a loopback address.
    pub url: &'a str,
    /// The fields of the form.
    pub form: Vec<(&'a str, &'a str)>,
    /// Trust exactly these certificate authorities (PEM); none for the system's.
    pub ca_pem: Option<&'a [u8]>,
}

impl<'a> OutsideCall<'a> {
    /// An empty form to `url`.
    #[must_use]
    pub fn new(url: &'a str) -> Self {
        Self { url, form: Vec::new(), ca_pem: None }
    }

    /// Adds a field of the form.
    #[must_use]
    pub fn field(mut self, name: &'a str, value: &'a str) -> Self {
        self.form.push((name, value));
        self
    }

    /// Trusts exactly these certificate authorities.
    #[must_use]
    pub fn trusting(mut self, ca_pem: &'a [u8]) -> Self {
        self.ca_pem = Some(ca_pem);
        self
    }
}

impl fmt::Debug for OutsideCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutsideCall").finish_non_exhaustive()
    }
}

/// A successful answer: JSON that is wiped on drop and never shown.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    body: Zeroizing<String>,
}

impl Answer {
    /// An answer with this status and body. An empty body stands for an empty object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the body is no strict JSON; the message holds no part of it.
    pub fn new(status: u16, body: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        let invalid = |what: String| {
            Error::new(ErrorKind::InvalidResponse, format!("the answer is {what}"))
                .transient()
                .with_status(status)
        };
        let text = if body.is_empty() {
            "{}"
        } else {
            std::str::from_utf8(&body).map_err(|_| invalid("not UTF-8 text".into()))?
        };
        Json::parse(text).map_err(|fault| invalid(fault.to_string()))?;
        let mut copy = Zeroizing::new(String::with_capacity(text.len()));
        copy.push_str(text);
        Ok(Self { status, body: copy })
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The string at an RFC 6901 pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<Secret> {
        match self.at(pointer)? {
            Json::String(raw) => raw.decode().map(Secret::from),
            _ => None,
        }
    }

    /// The whole number at a pointer, if it is not negative and fits.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<u64> {
        match self.at(pointer)? {
            Json::Number(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// The boolean at a pointer.
    #[must_use]
    pub fn flag(&self, pointer: &str) -> Option<bool> {
        match self.at(pointer)? {
            Json::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    fn at(&self, pointer: &str) -> Option<Json<'_>> {
        Json::parse(&self.body).ok()?.pointer(pointer)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Who made a token, and so who may revoke it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A login of ours: it is revoked when its session ends.
    Minted,
    /// The user's configuration: never revoked by us.
    Supplied,
    /// Nobody: requests carry no token, a local proxy adds one.
    Absent,
}

/// What a login obtained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The token to send; none with [`Origin::Absent`].
    pub token: Option<Secret>,
    /// Who made the token.
    pub origin: Origin,
    /// How long it lives from now; none where it does not end or that is not known.
    pub lease: Option<Duration>,
    /// Whether the server would renew it.
    pub renewable: bool,
    /// How many more requests it is good for; none for any number.
    pub uses: Option<u64>,
    /// Whether it is a batch token, which can be neither renewed nor revoked.
    pub batch: bool,
    /// The client certificate that renewals have to come with.
    pub identity: Option<ClientIdentity>,
}

impl Grant {
    /// A token from the user's configuration.
    #[must_use]
    pub fn supplied(token: Secret) -> Self {
        Self { token: Some(token), origin: Origin::Supplied, ..Self::absent() }
    }

    /// No token: somebody on the way adds one.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            token: None,
            origin: Origin::Absent,
            lease: None,
            renewable: false,
            uses: None,
            batch: false,
            identity: None,
        }
    }

    /// The token that a login endpoint of the vault answered with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the answer holds no token, as with a login that wants a second
    /// factor.
    pub fn from_answer(answer: &Answer) -> Result<Self, Error> {
        let token = answer.text("/auth/client_token").filter(|token| !token.is_empty()).ok_or_else(|| {
            let error = Error::new(ErrorKind::InvalidResponse, "the login answer holds no client token");
            match answer.at("/auth/mfa_requirement") {
                Some(Json::Object(_)) => {
                    error.note("the server asks for a second factor, which no proxy can give")
                }
                _ => error,
            }
        })?;
        let seconds = answer.number("/auth/lease_duration").filter(|seconds| *seconds > 0);
        Ok(Self {
            token: Some(token),
            origin: Origin::Minted,
            lease: seconds.map(Duration::from_secs),
            renewable: answer.flag("/auth/renewable").unwrap_or(false),
            uses: answer.number("/auth/num_uses").filter(|uses| *uses > 0),
            batch: answer.text("/auth/token_type").is_some_and(|kind| kind.as_bytes() == b"batch"),
            identity: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer::new(200, Zeroizing::new(body.into())).unwrap()
    }

    #[test]
    fn a_body_is_json_whatever_the_values_hold() {
        let call =
            LoginCall::new("auth/approle/login").field("role_id", "a\"b\\\n\u{1}é").field("secret_id", "");
        let body: serde_json::Value = serde_json::from_slice(&call.body()).unwrap();
        assert_eq!(body, serde_json::json!({"role_id": "a\"b\\\n\u{1}é", "secret_id": ""}));
        assert_eq!(LoginCall::new("x").body().as_slice(), b"{}");
        assert!(!format!("{:?}", LoginCall::new("x").field("jwt", "canary")).contains("canary"));
    }

    #[test]
    fn a_grant_takes_what_the_server_says_of_the_token() {
        let grant = Grant::from_answer(&answer(
            r#"{"auth":{"client_token":"hvs.canary","lease_duration":3600,"renewable":true,"num_uses":0,"token_type":"service"}}"#,
        ))
        .unwrap();
        assert_eq!(grant.token.as_ref().unwrap().as_bytes(), b"hvs.canary");
        assert_eq!((grant.lease, grant.renewable, grant.uses), (Some(Duration::from_secs(3600)), true, None));
        assert!(!format!("{grant:?}").contains("canary"));
    }

    #[test]
    fn an_answer_without_a_token_is_no_grant() {
        for body in
            ["{}", r#"{"auth":null}"#, r#"{"auth":{"client_token":""}}"#, r#"{"auth":{"client_token":7}}"#]
        {
            assert_eq!(
                Grant::from_answer(&answer(body)).unwrap_err().kind(),
                ErrorKind::InvalidResponse,
                "{body}"
            );
        }
        let mfa = Grant::from_answer(&answer(r#"{"auth":{"client_token":"","mfa_requirement":{"x":1}}}"#));
        assert!(mfa.unwrap_err().to_string().contains("second factor"));
    }

    #[test]
    fn parts_of_an_identity_do_not_run_into_each_other() {
        let identity = |parts: &[&str]| {
            Identity::new("m", &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
        };
        assert_ne!(identity(&["ab", "c"]), identity(&["a", "bc"]));
        assert_eq!(identity(&["a", "b"]), identity(&["a", "b"]));
        assert_ne!(Identity::new("m", &[]), Identity::new("n", &[]));
    }
}
