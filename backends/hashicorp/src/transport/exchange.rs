//! One try at one address of the vault, over one of hyper's connections.

use std::time::{Instant, SystemTime};

use http_body_util::Full;
use hyper::Method;
use hyper::header::{self, HeaderMap};
use strongroom_core::{Error, ErrorKind};

use super::body::{self, Cap};
use super::connection::Message;
use super::{Fault, Request, Response, Transport};

impl Transport {
    pub(super) async fn exchange(&self, at: usize, request: &Request<'_>) -> Result<Response, Fault> {
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
        let pool = self.pools.get(address, request.identity).map_err(Fault::sent)?;
        let limit = self.limits.connect_timeout;
        let message = self.message(at, request)?;
        let sent = match request.body {
            None => pool.ask(message, || self.message(at, request)).await?,
            Some(_) => pool.tell(message).await,
        };
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
        let network = |error: hyper::Error| Fault::network(&error, address, limit).after_its_head();
        let body = connection.until(body::read(response, cap, network)).await?;
        pool.put(connection);
        Ok(Response { status, body, retry_after, location })
    }

    /// The request as it is sent to an address.
    fn message(&self, at: usize, request: &Request<'_>) -> Result<Message, Fault> {
        let host = self.hosts[at].as_ref().map_err(|error| Fault::sent(error.clone()))?;
        let target = self.addresses[at].target(request.path.as_str(), request.query);
        let target = target.map_err(|what| Fault::sent(Error::new(ErrorKind::InvalidReference, what)))?;
        let mut message = hyper::Request::new(Full::new(request.body.clone().unwrap_or_default()));
        *message.uri_mut() = target;
        *message.method_mut() = if request.body.is_some() { Method::POST } else { Method::GET };
        *message.headers_mut() = request.headers(host).map_err(Fault::sent)?;
        Ok(message)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::{Address, Limits, Trust};
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
        let failed = Error::new(ErrorKind::Unavailable, "the tries before").transient();
        (0..5).for_each(|_| transport.breaker().failed(&failed));
        assert!(transport.breaker().admit().is_err());
        let path = WirePath::api("x/detailed-metadata").unwrap();
        let answer = transport.send(&Request::get(&path)).await;
        server.await.unwrap();
        assert!(transport.breaker().admit().is_ok(), "the server answers");
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
