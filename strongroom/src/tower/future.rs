//! The response of a request that was passed on, or refused.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// The response of [`SecretHeaders`](super::SecretHeaders).
    pub struct ResponseFuture<F, Response, E> {
        #[pin]
        kind: Kind<F, Response, E>,
    }
}

pin_project! {
    #[project = Projected]
    enum Kind<F, Response, E> {
        Inner { #[pin] future: F },
        Refused { answer: Option<Result<Response, E>> },
    }
}

impl<F, Response, E> ResponseFuture<F, Response, E> {
    pub(super) fn inner(future: F) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(super) fn refused(answer: Result<Response, E>) -> Self {
        Self { kind: Kind::Refused { answer: Some(answer) } }
    }
}

impl<F, Response, E> Future for ResponseFuture<F, Response, E>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            Projected::Inner { future } => future.poll(context),
            // Polled after it completed, it stays pending, as a future may.
            Projected::Refused { answer } => answer.take().map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<F, Response, E> fmt::Debug for ResponseFuture<F, Response, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
