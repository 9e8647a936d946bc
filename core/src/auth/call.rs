//! What a login asks, of the vault and of others.

use std::fmt;

use zeroize::Zeroizing;

use crate::{ClientIdentity, Secret};

/// Whether a call may be sent again after its first bytes have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Twice is as good as once: logins, lookups.
    Idempotent,
    /// The first try spends something: unwrapping.
    Never,
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
    pub fn body(&self) -> Secret {
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
        Secret(body)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_whatever_the_values_hold() {
        let call =
            LoginCall::new("auth/approle/login").field("role_id", "a\"b\\\n\u{1}é").field("secret_id", "");
        let body: serde_json::Value = serde_json::from_slice(call.body().as_bytes()).unwrap();
        assert_eq!(body, serde_json::json!({"role_id": "a\"b\\\n\u{1}é", "secret_id": ""}));
        assert_eq!(LoginCall::new("x").body().as_bytes(), b"{}");
        assert!(!format!("{:?}", LoginCall::new("x").field("jwt", "canary")).contains("canary"));
    }
}
