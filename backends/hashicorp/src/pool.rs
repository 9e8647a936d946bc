//! Connections to one address, kept from one request to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::body::Incoming;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::connect::{Connector, Failure};
use crate::connection::{Connection, Message, Unanswered};

/// Below the idle timeout of load balancers, and short enough to follow a name that moves.
const IDLE: Duration = Duration::from_secs(60);

/// Connections to one address that are of one runtime.
pub(crate) struct Pool {
    connector: Connector,
    /// How many connections may lie idle.
    most: usize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Since when each lies here, the longest first.
    connections: Vec<(Instant, Box<Connection>)>,
    /// The task that closes those that lie here for too long, while there are any.
    closer: Option<AbortHandle>,
}

impl Pool {
    pub(crate) fn new(connector: Connector, most: usize) -> Self {
        Self { connector, most, idle: Mutex::default() }
    }

    /// Sends a request, on a connection that is there or else on a new one, and waits for the head of the answer.
    pub(crate) async fn send(
        &self,
        mut message: Message,
    ) -> Result<(Box<Connection>, hyper::Response<Incoming>), Failure> {
        // The one that was used last.
        while let Some((_, mut connection)) = { self.idle().connections.pop() } {
            match connection.send(message).await {
                Ok(response) => return Ok((connection, response)),
                // The server has hung up meanwhile.
                Err(Unanswered { unsent: Some(unsent), .. }) => message = unsent,
                Err(Unanswered { error, unsent: None }) => return Err(Failure::Broken(error)),
            }
        }
        let stream = self.connector.open().await?;
        let mut connection = Box::new(Connection::over(stream).await.map_err(Failure::Broken)?);
        match connection.send(message).await {
            Ok(response) => Ok((connection, response)),
            Err(Unanswered { error, .. }) => Err(Failure::Broken(error)),
        }
    }

    /// Keeps a connection whose answer has been read, if it can be used again.
    pub(crate) fn put(self: &Arc<Self>, mut connection: Box<Connection>) {
        if !connection.is_idle() {
            return;
        }
        let mut idle = self.idle();
        if idle.connections.len() < self.most {
            idle.connections.push((Instant::now(), connection));
            // It ends with its runtime too, which may be another than the one before.
            if idle.closer.as_ref().is_none_or(AbortHandle::is_finished) {
                idle.closer = Some(tokio::spawn(close_idle(Arc::downgrade(self))).abort_handle());
            }
        }
    }

    /// Drops what has been idle for too long, and says when the next will have been.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        let old = idle.connections.partition_point(|(since, _)| *since + IDLE <= now);
        let old: Vec<_> = idle.connections.drain(..old).collect();
        let next = idle.connections.first().map(|(since, _)| *since + IDLE);
        if next.is_none() {
            idle.closer = None;
        }
        drop(idle);
        drop(old);
        next
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // A panic elsewhere cannot leave half a connection behind.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn close_idle(pool: Weak<Pool>) {
    let mut next = Instant::now() + IDLE;
    loop {
        sleep_until(next).await;
        let Some(pool) = pool.upgrade() else { return };
        match pool.close_old() {
            Some(later) => next = later,
            None => return,
        }
    }
}

/// Ends the task, which would else sleep on.
impl Drop for Pool {
    fn drop(&mut self) {
        self.idle().closer.take().inspect(AbortHandle::abort);
    }
}

#[cfg(test)]
mod tests;
