//! How a request is answered that is not passed on.

use http::{Response, StatusCode};

use crate::Error;

/// Answers requests for which there is no value, in terms of the service that they do not reach: its response or its
/// error. Any function `Fn(strongroom::Error) -> Result<Response, Error>` will do.
pub trait Refuse<Response, E> {
    /// The answer in place of the service's own. The error holds no secret, but names of vaults and paths that are not
    /// every client's business.
    ///
    /// # Errors
    ///
    /// Where the service's error is to be the answer.
    fn refuse(&self, error: Error) -> Result<Response, E>;
}

impl<F, Response, E> Refuse<Response, E> for F
where
    F: Fn(Error) -> Result<Response, E>,
{
    fn refuse(&self, error: Error) -> Result<Response, E> {
        self(error)
    }
}

/// Answers with the status 503 and an empty body. The reason is among the response's extensions, as a
/// [`strongroom::Error`](Error), and not in what the client sees.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceUnavailable;

impl<B: Default, E> Refuse<Response<B>, E> for ServiceUnavailable {
    fn refuse(&self, error: Error) -> Result<Response<B>, E> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.extensions_mut().insert(error);
        Ok(response)
    }
}

/// Answers with the reason as the service's error, such as tower's `BoxError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsError;

impl<Response, E: From<Error>> Refuse<Response, E> for AsError {
    fn refuse(&self, error: Error) -> Result<Response, E> {
        Err(error.into())
    }
}
