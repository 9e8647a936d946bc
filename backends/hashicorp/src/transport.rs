//! The seam over the HTTP client: one request to the vault, one answer.
//!
//! Retries, tokens and the meaning of an answer are not known here.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::Full;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};
use strongroom_core::{Error, ErrorKind, Secret};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::address::Address;
use crate::answer::{Meaning, On, Said, is_success, meaning};
use crate::body::{self, Cap};
use crate::breaker::Breaker;
use crate::fault::Fault;
use crate::pools::Pools;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::tls::Trust;

/// What one try and one answer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_timeout: Duration,
    /// Bounds one try with its body.
    pub(crate) request_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_response_bytes: usize,
}

/// What the server answered, whatever its status.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Secret,
    pub(crate) retry_after: Option<Duration>,
    /// Where a redirect leads, as the server wrote it.
    pub(crate) location: Option<String>,
}

impl Response {
    /// Whether the node that gave it serves nobody now, while another may.
    fn is_of_the_node(&self) -> bool {
        let said = || Said::read(self.body.as_bytes()).leading_to(self.location.as_deref());
        !is_success(On::Token, self.status)
            && meaning(On::Read, self.status, &said()).is_of_the_node(self.status)
    }
}

/// The way to one vault: its addresses, whom it trusts, and the connections that are open.
pub(crate) struct Transport {
    addresses: Vec<Address>,
    /// What requests call each of them.
    hosts: Vec<Result<HeaderValue, Error>>,
    /// The address in use. It stays until it cannot be reached.
    current: AtomicUsize,
    pools: Pools,
    limits: Limits,
    window: Semaphore,
    breaker: Breaker,
    warned: AtomicBool,
}

impl Transport {
    pub(crate) fn new(
        addresses: Vec<Address>,
        trust: Trust,
        server_name: Option<String>,
        limits: Limits,
        retries: u32,
    ) -> Self {
        Self {
            hosts: addresses.iter().map(Address::host_header).collect(),
            current: AtomicUsize::new(fastrand::usize(..addresses.len().max(1))),
            addresses,
            pools: Pools::new(trust, server_name, limits.connect_timeout, limits.max_in_flight),
            limits,
            window: Semaphore::new(limits.max_in_flight),
            breaker: Breaker::new(retries),
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

    /// Waits in line for a place among the reads that may be under way. A reader takes its token only when it has
    /// one, so that those in line behind a dead token go on with the next. Logins need no place: readers that hold
    /// all of them may be waiting for one.
    pub(crate) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // The window is never closed.
        self.window.acquire().await.ok()
    }

    /// Whether the server may be asked at all now.
    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// Notes what a refusal says about the server and not about what it was asked for.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        let (Some(meaning), Some(status)) = (refusal.meaning, refusal.error.status()) else { return };
        let wait = refusal.error.retry_after();
        if meaning == Meaning::TooMany || (status == 503 && wait.is_some()) {
            self.breaker.told_to_wait(wait, &refusal.error);
        }
    }

    /// One try, at each address until one serves. What changes nothing goes on to the next address whatever happened
    /// to it; all else only where nothing was sent. An address that does not serve is left, so that the next call
    /// begins at another.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Response, Fault> {
        self.warn_once();
        let changes_nothing = request.body.is_none();
        let mut answer = None;
        let mut left = self.addresses.len();
        loop {
            let at = self.current.load(Ordering::Relaxed);
            left -= 1;
            let (error, sent) = match self.exchange_and_follow(at, request).await {
                Ok(response) if response.is_of_the_node() => {
                    answer = Some(response);
                    (None, true)
                }
                Ok(response) => {
                    self.breaker.answered(response.status < 429);
                    return Ok(response);
                }
                // What is wrong with the request or with what came of it is wrong everywhere.
                Err(fault) if !fault.unreached && !fault.error.is_retryable() => return Err(fault),
                Err(Fault { error, unreached, .. }) => (Some(error), !unreached),
            };
            let next = (at + 1) % self.addresses.len();
            let _ = self.current.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
            if left == 0 || (sent && !changes_nothing) {
                // What a node has said is worth more than that another says nothing.
                let error = match (answer, error) {
                    (Some(answer), _) => {
                        self.breaker.answered(false);
                        return Ok(answer);
                    }
                    (None, error) => error.unwrap_or_else(no_answer),
                };
                self.breaker.failed(&error);
                return Err(Fault::sent(error));
            }
            let error = error.as_ref().map(tracing::field::display);
            tracing::warn!(error, next = %self.addresses[next], "another address is tried");
        }
    }

    /// One try at one address, and one more where it is a standby that sends us to another of the addresses.
    async fn exchange_and_follow(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
        let response = self.exchange(at, request).await?;
        let Some(to) = self.led_to(&response).filter(|to| *to != at) else { return Ok(response) };
        match self.exchange(to, request).await {
            Ok(followed) => {
                if !followed.is_of_the_node() {
                    let _ = self.current.compare_exchange(at, to, Ordering::Relaxed, Ordering::Relaxed);
                }
                Ok(followed)
            }
            Err(Fault { unreached: true, .. }) => Ok(response),
            Err(fault) => Err(fault),
        }
    }

    /// Which of the addresses a standby's redirect leads to; none for any other redirect. The path that is asked for
    /// there is the request's own.
    fn led_to(&self, response: &Response) -> Option<usize> {
        let location = response.location.as_deref().filter(|_| response.status == 307)?;
        self.addresses.iter().position(|address| address.has_the_origin_of(location))
    }

    async fn exchange(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
        let address = &self.addresses[at];
        let started = tracing::enabled!(tracing::Level::DEBUG).then(Instant::now);
        let limit = self.limits.request_timeout;
        let result = tokio::time::timeout(limit, self.talk(at, request)).await;
        let result = result.unwrap_or_else(|_| Err(Fault::timeout(address, limit)));
        tracing::debug!(
            method = if request.body.is_some() { "POST" } else { "GET" },
            path = request.path.shown(),
            status = result.as_ref().ok().map(|response| response.status),
            error = result.as_ref().err().map(|fault| tracing::field::display(&fault.error)),
            elapsed = started.map(|started| tracing::field::debug(started.elapsed())),
            "request"
        );
        result
    }

    async fn talk(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
        let address = &self.addresses[at];
        let host = self.hosts[at].as_ref().map_err(|error| Fault::sent(error.clone()))?;
        let target = address.target(request.path.as_str(), request.query);
        let target = target.map_err(|what| Fault::sent(Error::new(ErrorKind::InvalidReference, what)))?;
        let mut message = hyper::Request::new(Full::new(request.body.clone().unwrap_or_default()));
        *message.uri_mut() = target;
        *message.method_mut() = if request.body.is_some() { Method::POST } else { Method::GET };
        *message.headers_mut() = request.headers(host).map_err(Fault::sent)?;
        let pool = self.pools.get(address, request.identity).map_err(Fault::sent)?;
        let limit = self.limits.connect_timeout;
        let sent = pool.send(message).await;
        let (mut connection, response) = sent.map_err(|failure| Fault::exchange(&failure, address, limit))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| crate::retry::parse_after(text, SystemTime::now()));
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        if response.status().is_success() && !is_json(response.headers()) {
            let message = format!("the answer is no JSON by its content type (HTTP {status})");
            let error = Error::new(ErrorKind::InvalidResponse, message).with_status(status).transient();
            return Err(Fault::sent(error));
        }
        let cap = Cap { bytes: self.limits.max_response_bytes, whole: response.status().is_success() };
        let network = |error: hyper::Error| Fault::network(&error, address, limit);
        let body = connection.until(body::read(response, cap, network)).await?;
        pool.put(connection);
        Ok(Response { status, body, retry_after, location })
    }

    fn warn_once(&self) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        for address in &self.addresses {
            if matches!(self.pools.trust, Trust::Everybody) && address.is_encrypted() {
                tracing::warn!(%address, "ssl_verify is false: whoever answers at this address gets the token");
            }
            if !address.is_encrypted() && !address.is_loopback() {
                tracing::warn!(%address, "plain http: the token and every secret cross the network in clear");
            }
        }
    }
}

/// Whether a body may be JSON, as far as its headers say: they may say nothing.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim();
    let ends = kind.as_bytes().last_chunk::<5>();
    kind.eq_ignore_ascii_case("application/json")
        || ends.is_some_and(|end| end.eq_ignore_ascii_case(b"+json"))
}

fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "no address was asked")
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::path::WirePath;
    use crate::refusal::{Asked, accept};

    /// Whether the answer `head` with a body of 100 bytes counts as too large, where 50 may come.
    async fn is_too_large(head: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let _ = peer.read(&mut [0; 4096]).await.unwrap();
            let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{}", " ".repeat(100));
            peer.write_all(answer.as_bytes()).await.unwrap();
        });
        let long = Duration::from_secs(10);
        let limits =
            Limits { connect_timeout: long, request_timeout: long, max_in_flight: 1, max_response_bytes: 50 };
        let transport = Transport::new(vec![address], Trust::Nobody, None, limits, 0);
        let path = WirePath::api("x/detailed-metadata").unwrap();
        let answer = transport.send(&Request::get(&path)).await;
        server.await.unwrap();
        let asked = Asked::Secret { mount: "x", resource: "" };
        let refusal = match answer {
            Ok(response) => accept(response, asked, &path, &[]).err().unwrap(),
            Err(fault) => fault.into(),
        };
        assert_eq!((refusal.error.kind(), refusal.error.is_retryable()), (ErrorKind::InvalidResponse, false));
        refusal.too_large
    }

    #[tokio::test]
    async fn too_large_is_what_comes_whole_and_is_and_nothing_that_reads_like_it() {
        assert!(is_too_large("200 OK").await, "its length is not announced");
        assert!(is_too_large("200 OK\r\nContent-Length: 100").await);
        assert!(!is_too_large("301 Moved Permanently\r\nLocation: http://elsewhere/").await);
        assert!(!is_too_large("409 Conflict").await);
    }
}
