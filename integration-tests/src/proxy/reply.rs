//! An answer, well-formed or broken, and how it goes over the wire.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

/// An answer to a request. Its parts are open so that a test can change what came from a server.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers. `content-length` is added, unless it or `transfer-encoding` is among them, true or not.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How often the body is sent, one after the other. It makes a body that is larger than memory.
    pub times: u64,
    /// How long to wait before the answer.
    pub delay: Duration,
    /// Sends the body in pieces of so many bytes with a pause after each.
    pub trickle: Option<(usize, Duration)>,
    /// How the connection fares.
    pub end: End,
}

/// What becomes of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays open for the next request.
    Keep,
    /// It is closed after the answer.
    Close,
    /// It is closed after so many bytes of the body.
    Cut(usize),
    /// It is closed without an answer.
    NoAnswer,
    /// Nothing is answered until the client goes away.
    Hang,
    /// It is reset after so many bytes of the body, as by a host that has crashed.
    Reset(usize),
    /// These bytes are sent in place of an answer, then it is closed.
    Raw(Vec<u8>),
    /// The same, over and over until the client goes away.
    Flood(Vec<u8>),
}

impl Reply {
    /// An empty answer with this status.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            times: 1,
            delay: Duration::ZERO,
            trickle: None,
            end: End::Keep,
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status).header("content-type", "application/json").body(body.to_string())
    }

    /// Closes the connection without an answer.
    #[must_use]
    pub fn cut() -> Self {
        Self { end: End::NoAnswer, ..Self::new(0) }
    }

    /// Never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self { end: End::Hang, ..Self::new(0) }
    }

    /// Any bytes, then the end of the connection.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { end: End::Raw(bytes.into()), ..Self::new(0) }
    }

    /// The same bytes for ever.
    #[must_use]
    pub fn flood(bytes: impl Into<Vec<u8>>) -> Self {
        Self { end: End::Flood(bytes.into()), ..Self::new(0) }
    }

    /// Resets the connection after so many bytes of the body.
    #[must_use]
    pub fn reset_after(self, bytes: usize) -> Self {
        Self { end: End::Reset(bytes), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Sends the body so many times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Waits before the answer.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Sends the body in pieces of so many bytes with a pause after each.
    #[must_use]
    pub fn trickle(self, bytes: usize, pause: Duration) -> Self {
        Self { trickle: Some((bytes, pause)), ..self }
    }

    /// Closes the connection after so many bytes of the body.
    #[must_use]
    pub fn cut_after(self, bytes: usize) -> Self {
        Self { end: End::Cut(bytes), ..self }
    }

    /// Sends it; tells whether the connection goes on.
    pub(super) fn send(&self, mut connection: &TcpStream) -> io::Result<bool> {
        sleep(self.delay);
        match &self.end {
            End::NoAnswer => return Ok(false),
            End::Hang => {
                while connection.read(&mut [0; 1024])? > 0 {}
                return Ok(false);
            }
            End::Raw(bytes) => {
                self.write(connection, bytes)?;
                return Ok(false);
            }
            End::Flood(bytes) => loop {
                self.write(connection, bytes)?;
            },
            End::Keep | End::Close | End::Cut(_) | End::Reset(_) => {
                connection.write_all(self.head().as_bytes())?
            }
        }
        let body = match self.end {
            End::Cut(bytes) | End::Reset(bytes) => &self.body[..bytes.min(self.body.len())],
            _ => &self.body,
        };
        for _ in 0..self.times {
            self.write(connection, body)?;
        }
        if let End::Reset(_) = self.end {
            // What was sent has its time to arrive; the reset would overtake it.
            sleep(Duration::from_millis(50));
            reset(connection)?;
        }
        Ok(self.end == End::Keep)
    }

    /// All at once, or in pieces with a pause after each.
    fn write(&self, mut connection: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        let Some((piece, pause)) = self.trickle else { return connection.write_all(bytes) };
        for piece in bytes.chunks(piece) {
            connection.write_all(piece)?;
            sleep(pause);
        }
        Ok(())
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let names = ["content-length", "transfer-encoding"];
        if !self.headers.iter().any(|header| names.iter().any(|name| header.0.eq_ignore_ascii_case(name))) {
            head += &format!("content-length: {}\r\n", self.body.len() as u64 * self.times);
        }
        head + "\r\n"
    }
}

/// Has the connection reset when it is closed.
#[cfg(unix)]
fn reset(connection: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(connection, Some(Duration::ZERO))?)
}

#[cfg(not(unix))]
fn reset(connection: &TcpStream) -> io::Result<()> {
    connection.shutdown(std::net::Shutdown::Both)
}
