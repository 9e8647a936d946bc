//! The seam over the HTTP client: one request to the vault, one answer, with everything that every call carries.
//!
//! Retries, tokens and the meaning of an answer are not known here.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use strongroom_core::{ClientIdentity, Error, ErrorKind, Secret};
use tokio::runtime::{Handle, Id as RuntimeId};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::body::{self, Cap};
use crate::fault::Fault;
use crate::path::WirePath;
use crate::tls::{self, Trust};

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Keeps a server's proxy from answering what a browser was tricked into asking.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Below the idle timeout of load balancers, and short enough to follow a name that moves.
const IDLE: Duration = Duration::from_secs(60);

/// More runtimes, addresses and client certificates at a time than any program has.
const MAX_CLIENTS: usize = 16;

/// What one try and one answer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_timeout: Duration,
    /// Bounds one try with its body.
    pub(crate) request_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_response_bytes: usize,
}

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

    pub(crate) fn post(path: &'a WirePath, body: Zeroizing<Vec<u8>>) -> Self {
        Self { body: Some(Bytes::from_owner(body)), ..Self::get(path) }
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

    fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
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

/// What the server answered, whatever its status.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) retry_after: Option<Duration>,
}

/// The way to one vault: its addresses, whom it trusts, and the connections that are open.
pub(crate) struct Transport {
    addresses: Vec<Address>,
    /// The address in use. It stays until it cannot be reached.
    current: AtomicUsize,
    trust: Trust,
    /// The name to expect in the server's certificate in place of the host.
    server_name: Option<String>,
    limits: Limits,
    window: Semaphore,
    clients: Mutex<Vec<(Key, Client)>>,
    warned: AtomicBool,
}

/// Connections belong to the runtime that drives them, and to the client certificate they were opened with.
type Key = (RuntimeId, usize, Option<ClientIdentity>);

impl Transport {
    pub(crate) fn new(
        addresses: Vec<Address>,
        trust: Trust,
        server_name: Option<String>,
        limits: Limits,
    ) -> Self {
        Self {
            current: AtomicUsize::new(fastrand::usize(..addresses.len().max(1))),
            addresses,
            trust,
            server_name,
            limits,
            window: Semaphore::new(limits.max_in_flight),
            clients: Mutex::default(),
            warned: AtomicBool::new(false),
        }
    }

    /// The address in use.
    pub(crate) fn address(&self) -> &Address {
        &self.addresses[self.current.load(Ordering::Relaxed)]
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether what is sent is encrypted, whichever address it goes to.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.addresses.iter().all(Address::is_encrypted)
    }

    /// One try. An address that cannot be reached is left for the next one, since nothing was sent there.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Response, Error> {
        // The window is never closed.
        let _place = self.window.acquire().await;
        let mut left = self.addresses.len();
        loop {
            let at = self.current.load(Ordering::Relaxed);
            match self.exchange(at, request).await {
                Ok(response) => return Ok(response),
                Err(Fault { error, unreached }) => {
                    left -= 1;
                    let next = (at + 1) % self.addresses.len();
                    if unreached && next != at {
                        let _ = self.current.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
                    }
                    if !unreached || left == 0 {
                        return Err(error);
                    }
                    tracing::warn!(error = %error, next = %self.addresses[next], "another address is tried");
                }
            }
        }
    }

    async fn exchange(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
        let address = &self.addresses[at];
        let started = Instant::now();
        let limit = self.limits.request_timeout;
        let result = tokio::time::timeout(limit, self.talk(at, request)).await;
        let result = result.unwrap_or_else(|_| Err(Fault::timeout(address, limit)));
        tracing::debug!(
            method = if request.body.is_some() { "POST" } else { "GET" },
            path = request.path.shown(),
            status = result.as_ref().ok().map(|response| response.status),
            error = result.as_ref().err().map(|fault| tracing::field::display(&fault.error)),
            elapsed = ?started.elapsed(),
            "request"
        );
        result
    }

    async fn talk(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
        let address = &self.addresses[at];
        let name = self.server_name.as_deref();
        let url = address.url(name, request.path.as_str(), request.query);
        let url = url.map_err(|what| Fault::sent(Error::new(ErrorKind::InvalidReference, what)))?;
        let mut headers = request.headers().map_err(Fault::sent)?;
        if name.is_some() {
            // The name is for TLS alone: whoever routes by host goes on seeing the address.
            let peer = HeaderValue::from_str(&address.peer());
            peer.into_iter().for_each(|peer| drop(headers.insert(header::HOST, peer)));
        }
        let client = self.client(at, request.identity).map_err(Fault::sent)?;
        let network = |error: reqwest::Error| Fault::network(&error, address, self.limits.connect_timeout);
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut builder = client.request(method, url).headers(headers);
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(network)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| crate::retry::parse_after(text, SystemTime::now()));
        let cap = Cap { bytes: self.limits.max_response_bytes, whole: response.status().is_success() };
        let body = body::read(response, cap, network).await?;
        Ok(Response { status, body, retry_after })
    }

    /// The client for this runtime, made at its first use there.
    fn client(&self, at: usize, identity: Option<&ClientIdentity>) -> Result<Client, Error> {
        let runtime = Handle::current().id();
        // A panic elsewhere cannot leave half a client behind.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let found = clients
            .iter()
            .find(|((owner, place, with), _)| *owner == runtime && *place == at && with.as_ref() == identity);
        if let Some((_, client)) = found {
            return Ok(client.clone());
        }
        if clients.is_empty() {
            self.warn_once();
        }
        let client = self.connect(&self.addresses[at], identity)?;
        if clients.len() >= MAX_CLIENTS {
            clients.remove(0);
        }
        clients.push(((runtime, at, identity.cloned()), client.clone()));
        Ok(client)
    }

    fn connect(&self, address: &Address, identity: Option<&ClientIdentity>) -> Result<Client, Error> {
        let trust = if address.is_encrypted() { &self.trust } else { &Trust::Nobody };
        let mut builder = client_builder(trust, identity, self.limits.connect_timeout)?
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(self.limits.max_in_flight);
        if let (Some(_), Address::Tcp { host, port, .. }) = (&self.server_name, address) {
            builder = builder.dns_resolver(RealHost(host.trim_matches(['[', ']']).into(), *port));
        }
        #[cfg(unix)]
        if let Some(path) = address.socket() {
            builder = builder.unix_socket(path);
        }
        build(builder)
    }

    fn warn_once(&self) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        for address in &self.addresses {
            if matches!(self.trust, Trust::Everybody) && address.is_encrypted() {
                tracing::warn!(%address, "ssl_verify is false: whoever answers at this address gets the token");
            }
            if !address.is_encrypted() && !address.is_loopback() {
                tracing::warn!(%address, "plain http: the token and every secret cross the network in clear");
            }
        }
    }
}

/// What every client of this crate has in common: nothing is followed, remembered, decompressed, repeated or sent
/// through a proxy, whatever features the embedding program has turned on.
pub(crate) fn client_builder(
    trust: &Trust,
    identity: Option<&ClientIdentity>,
    connect_timeout: Duration,
) -> Result<reqwest::ClientBuilder, Error> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls::client_config(trust, identity)?)
        .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .connect_timeout(connect_timeout))
}

pub(crate) fn build(builder: reqwest::ClientBuilder) -> Result<Client, Error> {
    builder.build().map_err(|_| Error::new(ErrorKind::Internal, "the HTTP client could not be built"))
}

/// Answers every name with the addresses of the real host, so that the name in the URL is for TLS alone.
struct RealHost(Arc<str>, u16);

impl reqwest::dns::Resolve for RealHost {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (host, port) = (self.0.clone(), self.1);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*host, port)).await?.collect();
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
