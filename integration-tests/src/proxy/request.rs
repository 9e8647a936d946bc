//! A request, as it came over the wire.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

/// A request and when it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When its last byte had come.
    pub at: Instant,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// The method.
    pub method: String,
    /// The target with its query, byte for byte: `/v1/secret/data/a%20b?version=2`.
    pub target: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The request line and the headers, byte for byte, with the empty line.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// The value of a header, whose name is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// The body as JSON, `Null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The next request of a connection; none at its end.
pub(super) fn read(
    number: usize,
    mut connection: &TcpStream,
    pending: &mut Vec<u8>,
) -> io::Result<Option<Recorded>> {
    let mut fill = |pending: &mut Vec<u8>| {
        let mut buffer = [0; 16 * 1024];
        let count = connection.read(&mut buffer)?;
        pending.extend_from_slice(&buffer[..count]);
        io::Result::Ok(count > 0)
    };
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Request::new(&mut headers);
        let status = parsed.parse(pending).map_err(io::Error::other)?;
        let httparse::Status::Complete(head) = status else {
            if fill(pending)? {
                continue;
            }
            return Ok(None);
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut request = Recorded {
            at: Instant::now(),
            connection: number,
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: parsed.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value))).collect(),
            head: pending[..head].to_vec(),
            body: Vec::new(),
        };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while pending.len() < head + length {
            if !fill(pending)? {
                return Ok(None);
            }
        }
        request.body = pending[head..head + length].to_vec();
        request.at = Instant::now();
        pending.drain(..head + length);
        return Ok(Some(request));
    }
}
