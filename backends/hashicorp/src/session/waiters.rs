//! Those who wait for the session: readers without a token, readers whose token was rejected, and whoever closes it.

use std::sync::Arc;

use strongroom_core::Error;
use tokio::sync::oneshot;

use super::{Snapshot, Verdict};

/// Where an answer goes. Nobody minds if its reader has gone away.
pub(super) type Reply<T> = oneshot::Sender<T>;

#[derive(Default)]
pub(super) struct Waiters {
    tokens: Vec<Reply<Result<Arc<Snapshot>, Error>>>,
    /// By the epoch of the rejected token.
    rejections: Vec<(u64, Reply<Result<Verdict, Error>>)>,
    closing: Vec<Reply<()>>,
}

impl Waiters {
    pub(super) fn need(&mut self, reply: Reply<Result<Arc<Snapshot>, Error>>) {
        self.tokens.push(reply);
    }

    pub(super) fn reject(&mut self, epoch: u64, reply: Reply<Result<Verdict, Error>>) {
        self.rejections.push((epoch, reply));
    }

    pub(super) fn close(&mut self, reply: Reply<()>) {
        self.closing.push(reply);
    }

    /// Whether a reader has no token.
    pub(super) fn want_a_token(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether somebody's token of this epoch was rejected.
    pub(super) fn suspect(&self, epoch: u64) -> bool {
        self.rejections.iter().any(|(rejected, _)| *rejected == epoch)
    }

    /// Gives a token that may still be sent to those without one.
    pub(super) fn serve(&mut self, token: Option<&Arc<Snapshot>>) {
        let Some(token) = token.filter(|token| token.is_alive()) else { return };
        self.tokens.drain(..).for_each(|reply| drop(reply.send(Ok(token.clone()))));
    }

    /// Tells those whose rejected token is older than this one to try again.
    pub(super) fn settle(&mut self, token: &Arc<Snapshot>) {
        let (older, same): (Vec<_>, Vec<_>) =
            self.rejections.drain(..).partition(|(epoch, _)| *epoch < token.epoch);
        self.rejections = same;
        older.into_iter().for_each(|(_, reply)| drop(reply.send(Ok(Verdict::Replaced(token.clone())))));
    }

    /// Tells those whose token was rejected that it is alive.
    pub(super) fn acquit(&mut self) {
        self.rejections.drain(..).for_each(|(_, reply)| drop(reply.send(Ok(Verdict::Alive))));
    }

    /// Tells all readers why there is no token.
    pub(super) fn fail(&mut self, error: &Error) {
        self.tokens.drain(..).for_each(|reply| drop(reply.send(Err(error.clone()))));
        self.rejections.drain(..).for_each(|(_, reply)| drop(reply.send(Err(error.clone()))));
    }

    /// Tells those who close the session that it has ended.
    pub(super) fn end(&mut self) {
        for reply in self.closing.drain(..) {
            let _ = reply.send(());
        }
    }
}
