//! A tower layer that adds headers whose values are secrets to requests.
//!
//! Each request gets the values of its moment: a rotation needs no restart and drops no request. Where a value may no
//! longer be served, the request is not passed on: neither without the header nor with an old one.
//!
//! ```
//! # use strongroom::{MemoryVault, Registry};
//! use http::{HeaderName, Request, Response};
//! use strongroom::tower::SecretHeadersLayer;
//! use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let vault = MemoryVault::new();
//! # vault.set("customer/acme", r#"{"token": "hunter2", "key": "4711"}"#)?;
//! # let registry = Registry::builder().vault("my-vault", vault).build()?;
//! let token = registry.watch("{vault://my-vault/customer/acme/token}").await?;
//! let key = registry.watch("{vault://my-vault/customer/acme/key}").await?;
//! let upstream = service_fn(async |request: Request<String>| {
//!     let bearer = request.headers()["authorization"].to_str()?;
//!     Ok::<_, BoxError>(Response::new(format!("with {bearer}")))
//! });
//! let service = ServiceBuilder::new()
//!     .layer(SecretHeadersLayer::new().bearer(token).header(HeaderName::from_static("x-api-key"), key))
//!     .service(upstream);
//!
//! let answer = service.oneshot(Request::new(String::new())).await?;
//! assert_eq!(answer.body(), "with Bearer hunter2");
//! # Ok::<_, BoxError>(())
//! # }).unwrap();
//! ```
//!
//! A request costs no lock and no await. Values are not kept from one request to the next, so what was replaced does
//! not linger here.

mod future;
mod headers;
mod refuse;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Request};
use tower_layer::Layer;
use tower_service::Service;

pub use future::ResponseFuture;
use headers::Headers;
pub use refuse::{AsError, Refuse, ServiceUnavailable};

use crate::http::HeaderFormat;
use crate::{Error, Live, LiveDocument};

/// Adds headers whose values are secrets to every request that passes through a service.
///
/// A request for which there is no value is answered as `R` says: by default with the status 503.
#[derive(Clone)]
pub struct SecretHeadersLayer<R = ServiceUnavailable> {
    headers: Arc<Headers>,
    refuse: R,
}

impl SecretHeadersLayer {
    /// A layer that adds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { headers: Arc::default(), refuse: ServiceUnavailable }
    }
}

impl Default for SecretHeadersLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> SecretHeadersLayer<R> {
    /// Sends a secret as it is in the header `name`. What the request brought under that name is replaced.
    #[must_use]
    pub fn header(self, name: HeaderName, live: Live) -> Self {
        self.header_as(name, HeaderFormat::default(), live)
    }

    /// Sends a secret in the header `authorization` as a bearer token.
    #[must_use]
    pub fn bearer(self, live: Live) -> Self {
        self.header_as(AUTHORIZATION, HeaderFormat::bearer(), live)
    }

    /// Sends two fields of one secret in the header `authorization` as user name and password. They always belong
    /// together.
    #[must_use]
    pub fn basic(self, document: LiveDocument, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.with(headers::of_two(document, user.into(), password.into()))
    }

    /// Sends a secret within other text in the header `name`. What the request brought under that name is replaced.
    #[must_use]
    pub fn header_as(self, name: HeaderName, format: HeaderFormat, live: Live) -> Self {
        self.with(headers::of_one(name, format, live))
    }

    /// Has a function change the headers of every request. Where it fails the request is not passed on.
    ///
    /// For headers that belong together, such as a key and its name: read them from one [`LiveDocument`], since two
    /// handles may differ by a rotation.
    #[must_use]
    pub fn with(self, change: impl Fn(&mut HeaderMap) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        Self { headers: Arc::new(self.headers.and(change)), refuse: self.refuse }
    }

    /// Says how a request is answered for which there is no value.
    #[must_use]
    pub fn refuse_with<N>(self, refuse: N) -> SecretHeadersLayer<N> {
        SecretHeadersLayer { headers: self.headers, refuse }
    }
}

impl<S, R: Clone> Layer<S> for SecretHeadersLayer<R> {
    type Service = SecretHeaders<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        SecretHeaders { inner, headers: self.headers.clone(), refuse: self.refuse.clone() }
    }
}

impl<R: fmt::Debug> fmt::Debug for SecretHeadersLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHeadersLayer").field("refuse", &self.refuse).finish_non_exhaustive()
    }
}

/// A service that adds headers whose values are secrets; made by [`SecretHeadersLayer`].
#[derive(Clone)]
pub struct SecretHeaders<S, R = ServiceUnavailable> {
    inner: S,
    headers: Arc<Headers>,
    refuse: R,
}

impl<S, R, B> Service<Request<B>> for SecretHeaders<S, R>
where
    S: Service<Request<B>>,
    R: Refuse<S::Response, S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.headers.apply(request.headers_mut()) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(error) => ResponseFuture::refused(self.refuse.refuse(error)),
        }
    }
}

impl<S: fmt::Debug, R: fmt::Debug> fmt::Debug for SecretHeaders<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretHeaders")
            .field("inner", &self.inner)
            .field("refuse", &self.refuse)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
