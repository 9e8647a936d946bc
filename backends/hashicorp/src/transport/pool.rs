//! Connections to one address, kept from one request to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::body::Incoming;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::connect::{Connector, Failure};
use super::connection::{Connection, Message, Unanswered};

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
    closer: Closer,
}

/// The task that closes what lies idle for too long, while there is anything.
#[derive(Default)]
enum Closer {
    #[default]
    None,
    Starting,
    Running(AbortHandle),
}

impl Closer {
    /// Whether one has to be started, which is then the caller's to do.
    fn is_wanted(&mut self) -> bool {
        let is_there = match self {
            Self::None => false,
            Self::Starting => true,
            // It ends with its runtime too.
            Self::Running(task) => !task.is_finished(),
        };
        if !is_there {
            *self = Self::Starting;
        }
        !is_there
    }
}

impl Pool {
    pub(crate) fn new(connector: Connector, most: usize) -> Self {
        Self { connector, most, idle: Mutex::default() }
    }

    /// Sends a question and waits for the head of the answer: on a connection that is there, or else on a new one. What
    /// became of a connection that lay idle says nothing about the server, so where the question was lost with one it is
    /// asked once more on a new one, for which `again` makes it anew.
    pub(super) async fn ask<E>(
        &self,
        mut message: Message,
        again: impl FnOnce() -> Result<Message, E>,
    ) -> Result<Result<Answered, Failure>, E> {
        while let Some(mut connection) = self.take() {
            let suspect = Suspect(self);
            let sent = connection.send(message).await;
            match sent {
                Ok(response) => {
                    suspect.clear();
                    return Ok(Ok((connection, response)));
                }
                // The server has hung up meanwhile.
                Err(Unanswered { unsent: Some(unsent), .. }) => {
                    suspect.clear();
                    message = unsent;
                }
                // It does not speak HTTP.
                Err(Unanswered { error, .. }) if error.is_parse() => return Ok(Err(Failure::Broken(error))),
                Err(Unanswered { .. }) => {
                    message = again()?;
                    break;
                }
            }
        }
        Ok(self.tell(message).await)
    }

    /// Sends what must not be sent twice, and waits for the head of the answer: on a new connection, since one that lay idle
    /// may be cut just then, and nobody could say whether the server has acted.
    pub(super) async fn tell(&self, message: Message) -> Result<Answered, Failure> {
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
            let starts = idle.closer.is_wanted();
            drop(idle);
            // Not under the lock: a runtime that ends drops the task at once.
            if starts {
                let task = tokio::spawn(close_idle(Closing(Arc::downgrade(self)))).abort_handle();
                self.idle().closer = Closer::Running(task);
            }
        }
    }

    /// The connection that was used last. None that lies here for too long: where nobody drove the runtime meanwhile,
    /// nobody has closed it, and the server's end of it may be gone unseen.
    fn take(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle();
        let (since, connection) = idle.connections.pop()?;
        if Instant::now() < since + IDLE {
            return Some(connection);
        }
        // All others lie here for longer.
        let old = std::mem::take(&mut idle.connections);
        drop(idle);
        drop((old, connection));
        None
    }

    /// Drops what has been idle for too long, and says when the next will have been.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        let old = idle.connections.partition_point(|(since, _)| *since + IDLE <= now);
        let old: Vec<_> = idle.connections.drain(..old).collect();
        let next = idle.connections.first().map(|(since, _)| *since + IDLE);
        if next.is_none() {
            idle.closer = Closer::None;
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

/// The head of an answer, and the connection that it came over.
pub(super) type Answered = (Box<Connection>, hyper::Response<Incoming>);

/// A connection that lay idle and has not answered yet. If it never does, all others that lie here are not used either:
/// whatever cut it off or swallows what is sent has most likely done the same to them.
struct Suspect<'a>(&'a Pool);

impl Suspect<'_> {
    /// It has answered, or has plainly been closed.
    fn clear(self) {
        std::mem::forget(self);
    }
}

impl Drop for Suspect<'_> {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut self.0.idle().connections);
        drop(idle);
    }
}

async fn close_idle(mut closing: Closing) {
    let mut next = Instant::now() + IDLE;
    loop {
        sleep_until(next).await;
        let Some(pool) = closing.0.upgrade() else { return };
        let Some(later) = pool.close_old() else {
            // There may be another one by now.
            closing.0 = Weak::new();
            return;
        };
        next = later;
    }
}

/// The pool whose connections end with the runtime that drives them, and so with a task there.
struct Closing(Weak<Pool>);

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(pool) = self.0.upgrade() else { return };
        let idle = std::mem::take(&mut pool.idle().connections);
        drop(idle);
    }
}

/// Ends the task, which would else sleep on.
impl Drop for Pool {
    fn drop(&mut self) {
        if let Closer::Running(task) = &self.idle().closer {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests;
