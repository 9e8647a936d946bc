//! The seam over the HTTP clients: one request to the vault, one answer.
//!
//! Two clients sit behind it, and nothing outside this folder knows either: hyper's connections are the way to the
//! vault (`exchange.rs` and what it stands on), reqwest is the way to everybody else (`outside.rs`).
//! Retries, tokens and the meaning of an answer are not known here.

mod address;
mod body;
mod connect;
mod connection;
mod exchange;
mod fault;
mod outside;
mod pool;
mod pools;
mod request;
mod tls;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::header::HeaderValue;
use strongroom_core::{Answer, Error, ErrorKind, OutsideCall, Secret};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use self::address::Address;
pub(crate) use self::fault::Fault;
use self::pools::Pools;
pub(crate) use self::request::Request;
pub(crate) use self::tls::{Trust, roots};
use crate::answer::{Meaning, On, Said, is_success, meaning};
use crate::breaker::Breaker;
use crate::refusal::Refusal;

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
                Err(fault) if !fault.unreached && !fault.error.is_retryable() => {
                    if fault.too_large {
                        self.breaker.answered(true);
                    }
                    return Err(fault);
                }
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
                // Of a question an address before this one may have heard.
                return Err(Fault::sent(if sent || changes_nothing { error } else { error.unsent() }));
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

    /// A call to somebody else than the vault, such as an identity provider: once and in time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for an endpoint that is neither encrypted nor here, otherwise what the network or the
    /// endpoint said.
    pub(crate) async fn outside(&self, call: &OutsideCall<'_>) -> Result<Answer, Error> {
        outside::call(call, &self.limits).await
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

fn no_answer() -> Error {
    Error::new(ErrorKind::Internal, "no address was asked")
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
