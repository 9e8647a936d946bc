//! The server as a login sees it: everything a login sends leaves from here.

use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{self, HeaderValue};
use strongroom_core::{
    Answer, ClientIdentity, Error, ErrorKind, LoginCall, LoginServer, OutsideCall, Secret,
};
use zeroize::Zeroizing;

use crate::address::{Address, is_loopback};
use crate::body::{self, Cap};
use crate::clients::{build, client_builder};
use crate::fault::Fault;
use crate::path::{WirePath, encode};
use crate::quote::quote;
use crate::refusal::{Asked, accept};
use crate::session::{Lease, TokenServer};
use crate::tls::Trust;
use crate::transport::{Request, Transport};

/// What a login may send that is no credential, and so may be quoted.
const NO_CREDENTIALS: [&str; 6] = ["role", "name", "grant_type", "client_id", "scope", "audience"];

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
    }

    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error> {
        let url = outside_url(call.url)?;
        // What follows the host is the caller's, and nothing here needs it.
        let address = Address::parse(&url.origin().ascii_serialization()).map_err(|what| refused(&what))?;
        let limits = *self.transport.limits();
        let limit = limits.request_timeout;
        let exchange = post(url, &call, &address, limits.connect_timeout, limits.max_response_bytes);
        match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result.map_err(|fault| fault.error),
            Err(_) => Err(Fault::timeout(&address, limit).error),
        }
    }

    fn is_encrypted(&self) -> bool {
        self.transport.is_encrypted()
    }
}

/// Posts a form. The client lives for this call alone: nothing is shared with the vault's connections.
async fn post(
    url: Url,
    call: &OutsideCall<'_>,
    address: &Address,
    connect_timeout: Duration,
    max_bytes: usize,
) -> Result<Answer, Fault> {
    let trust = match call.ca_pem {
        _ if !address.is_encrypted() => Trust::Nobody,
        Some(pem) => Trust::Only(pem.into()),
        None => Trust::System,
    };
    let client = client_builder(&trust, None, connect_timeout).and_then(build).map_err(Fault::sent)?;
    let network = |error: reqwest::Error| Fault::network(&error, address, connect_timeout);
    let response = client
        .post(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .body(form(&call.form))
        .send()
        .await
        .map_err(network)?;
    let status = response.status();
    let body = body::read(response, Cap { bytes: max_bytes, whole: status.is_success() }, network).await?;
    if status.is_success() {
        return Answer::new(status.as_u16(), body).map_err(Fault::sent);
    }
    let said = Answer::new(status.as_u16(), body).ok();
    let said = |pointer| said.as_ref().and_then(|answer| answer.text(pointer));
    let said = [said("/error"), said("/error_description")];
    let texts = said.iter().flatten().filter_map(|text| text.as_str().ok());
    let quoted = quote(texts, &credentials(&call.form));
    let colon = if quoted.is_empty() { "" } else { ": " };
    let message = format!("{} refused (HTTP {}{colon}{quoted})", address.peer(), status.as_u16());
    let error = match status.as_u16() {
        408 | 500.. => Error::new(ErrorKind::Unavailable, message).transient(),
        429 => Error::new(ErrorKind::RateLimited, message).transient(),
        300..400 => Error::new(ErrorKind::InvalidResponse, message).note("redirects are not followed"),
        _ => Error::new(ErrorKind::Unauthenticated, message),
    };
    Err(Fault::sent(error.with_status(status.as_u16())))
}

fn outside_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| refused("expected a URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(refused("user info and fragments have no place in it"));
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(host) => Ok(url),
        _ => Err(refused("expected https, or http to a loopback address")),
    }
}

/// The endpoint is not quoted: a key may be part of it.
fn refused(what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("the identity provider's address cannot be used: {what}"))
}

fn form(fields: &[(&str, &str)]) -> Bytes {
    let room = fields.iter().map(|(name, value)| 2 + 3 * (name.len() + value.len())).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    for (at, (name, value)) in fields.iter().enumerate() {
        let value = Zeroizing::new(encode(value));
        for part in [if at > 0 { "&" } else { "" }, &encode(name), "=", &value] {
            body.extend_from_slice(part.as_bytes());
        }
    }
    Bytes::from_owner(body)
}

fn credentials<'a>(fields: &[(&str, &'a str)]) -> Vec<&'a [u8]> {
    let secret = fields.iter().filter(|(name, _)| !NO_CREDENTIALS.contains(name));
    secret.map(|(_, value)| value.as_bytes()).collect()
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("transport", &self.transport)
            .field("namespace", &self.namespace)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_once_and_shown_never() {
        let fields = [("grant_type", "client_credentials"), ("client_secret", "a b&c=d%+é")];
        let expected = "grant_type=client_credentials&client_secret=a%20b%26c%3Dd%25%2B%C3%A9";
        assert_eq!(form(&fields), expected);
        assert_eq!(credentials(&fields), ["a b&c=d%+é".as_bytes()]);
    }

    #[test]
    fn outside_is_encrypted_or_here() {
        for good in ["https://idp.example/token", "http://127.0.0.1:9/token", "http://localhost/t?x=y"] {
            assert!(outside_url(good).is_ok(), "{good}");
        }
        for bad in
            ["canary", "http://canary/token", "https://user:canary@idp/t", "https://idp/t#canary", "ftp://c"]
        {
            let error = outside_url(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
