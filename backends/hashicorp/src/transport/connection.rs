//! One HTTP/1 connection, moved on by whoever waits for its answer.
//!
//! A task for each connection would cost two wake-ups a read, often on another thread, and that is more than all else
//! that hyper does for one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};

use super::connect::Stream;

pub(crate) type Message = Request<Full<Bytes>>;

/// An open connection. Nothing moves on it while nobody waits.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Gone once the connection is over.
    driver: Option<http1::Connection<Stream, Full<Bytes>>>,
}

/// A request that brought no answer.
pub(crate) struct Unanswered {
    pub(crate) error: hyper::Error,
    /// The request, if nothing of it was sent.
    pub(crate) unsent: Option<Message>,
}

impl Connection {
    pub(crate) async fn over(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::handshake(stream).await?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(&mut self, message: Message) -> Result<Response<Incoming>, Unanswered> {
        let answer = self.sender.try_send_request(message);
        drive(&mut self.driver, answer).await.map_err(|mut failure| {
            let unsent = failure.take_message();
            Unanswered { error: failure.into_error(), unsent }
        })
    }

    /// Waits for what comes over this connection.
    pub(crate) async fn until<T>(&mut self, wanted: impl Future<Output = T>) -> T {
        drive(&mut self.driver, wanted).await
    }

    /// Whether another request may be sent, as far as is known here: the last answer has been read to its end, and the
    /// server has not hung up.
    pub(crate) fn is_idle(&mut self) -> bool {
        // Whoever waited before has no reason to be woken any more.
        step(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

async fn drive<T>(
    driver: &mut Option<http1::Connection<Stream, Full<Bytes>>>,
    wanted: impl Future<Output = T>,
) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        // It may be there already, and a connection that ends brings it too.
        let found = wanted.as_mut().poll(cx);
        if found.is_ready() || !step(driver, cx) {
            return found;
        }
        wanted.as_mut().poll(cx)
    })
    .await
}

/// Moves a connection on. Whether there was one to be moved.
fn step(driver: &mut Option<http1::Connection<Stream, Full<Bytes>>>, cx: &mut Context<'_>) -> bool {
    let Some(connection) = driver else { return false };
    // Its error is told to whoever waits for the answer.
    if Pin::new(connection).poll(cx).is_ready() {
        *driver = None;
    }
    true
}
