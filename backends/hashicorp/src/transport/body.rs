//! Reading an answer's body: capped, whole, and into memory that is wiped.

use std::mem;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Body;
use hyper::header;
use strongroom_core::{Error, ErrorKind, Secret};
use zeroize::Zeroizing;

use super::fault::Fault;

/// How much of a body is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cap {
    pub(crate) bytes: usize,
    /// Whether more than that is an error. Otherwise the body is dropped, and the status speaks for itself.
    pub(crate) whole: bool,
}

/// The first allocation, enough for most secrets.
const START: usize = 4096;

/// The body of `response`.
pub(crate) async fn read<B: Body<Data = Bytes> + Unpin>(
    mut response: Response<B>,
    cap: Cap,
    network: impl Fn(B::Error) -> Fault,
) -> Result<Secret, Fault> {
    let status = response.status().as_u16();
    let too_large = || {
        if !cap.whole {
            return Ok(Secret::default());
        }
        let message =
            format!("the answer is larger than max_response_bytes, {} bytes (HTTP {status})", cap.bytes);
        Err(Fault::too_large(Error::new(ErrorKind::InvalidResponse, message).with_status(status)))
    };
    let encoding = response.headers().get(header::CONTENT_ENCODING);
    if cap.whole && encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let message = format!("the answer is compressed, which was not asked for (HTTP {status})");
        let error = Error::new(ErrorKind::InvalidResponse, message).with_status(status).transient();
        return Err(Fault::sent(error));
    }
    let announced =
        response.body().size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > cap.bytes) {
        return too_large();
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(START)));
    while let Some(frame) = response.body_mut().frame().await {
        // What follows a body in chunks is of no use here.
        let Ok(chunk) = frame.map_err(&network)?.into_data() else { continue };
        if body.len() + chunk.len() > cap.bytes {
            return too_large();
        }
        append(&mut body, &chunk);
    }
    Ok(Secret::new(mem::take(&mut *body)))
}

/// Grows by hand: a vector that grows by itself leaves copies behind that nobody wipes.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut grown = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
        grown.extend_from_slice(body);
        *body = grown;
    }
    body.extend_from_slice(chunk);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_grows_without_losing_anything() {
        let mut body = Zeroizing::new(Vec::with_capacity(4));
        for _ in 0..1000 {
            append(&mut body, b"abc");
        }
        assert_eq!(body.as_slice(), b"abc".repeat(1000));
    }
}
