//! One call to the vault, with everything that every call carries.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use strongroom_core::{ClientIdentity, Error, ErrorKind, Secret};

use crate::path::WirePath;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Keeps a server's proxy from answering what a browser was tricked into asking.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// How we introduce ourselves.
pub(crate) const AGENT: &str = concat!("strongroom/", env!("CARGO_PKG_VERSION"));

/// As many as a request has at most.
const MOST_HEADERS: usize = 7;

/// One call to the vault.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a WirePath,
    pub(crate) query: Option<&'a str>,
    /// Makes it a POST.
    pub(crate) body: Option<Bytes>,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) identity: Option<&'a ClientIdentity>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a WirePath) -> Self {
        Self { path, query: None, body: None, namespace: None, token: None, identity: None }
    }

    pub(crate) fn post(path: &'a WirePath, body: Secret) -> Self {
        Self { body: Some(Bytes::from_owner(Body(body))), ..Self::get(path) }
    }

    pub(crate) fn query(self, query: Option<&'a str>) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn namespace(self, namespace: Option<&'a str>) -> Self {
        Self { namespace, ..self }
    }

    pub(crate) fn token(self, token: Option<&'a Secret>) -> Self {
        Self { token, ..self }
    }

    /// What is said of it to `host`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a token or a namespace that no header can carry.
    pub(crate) fn headers(&self, host: &HeaderValue) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::with_capacity(MOST_HEADERS);
        headers.insert(header::HOST, host.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        if self.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(namespace) = self.namespace {
            headers.insert(NAMESPACE, header_value(namespace.as_bytes(), "namespace")?);
        }
        if let Some(token) = self.token {
            let mut value = header_value(token.as_bytes(), "token")?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        Ok(headers)
    }
}

fn header_value(bytes: &[u8], what: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_bytes(bytes).map_err(|_| {
        let message = format!("the {what} holds control characters, which no header can carry");
        Error::new(ErrorKind::InvalidConfig, message)
    })
}

/// Bytes that are wiped when the last reader of them is done.
struct Body(Secret);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
