//! The task that owns a session's state.

use std::future::Future;

use strongroom_core::{Error, Origin};
use tokio::time::{Instant, sleep_until};

use super::ahead::{Ahead, Due};
use super::retiring::Retiring;
use super::state::State;
use super::{Core, Snapshot, closed, desk};
use crate::sync::{Arc, lock};

/// The task's side of the desk.
type Owner = desk::Owner<Arc<Snapshot>, Error>;

pub(super) struct Actor {
    pub(super) core: Arc<Core>,
    pub(super) desk: Owner,
    pub(super) retiring: Retiring,
}

/// How a wait ended.
pub(super) enum Event<T> {
    Done(T),
    /// Something has come to the desk.
    Noted,
    /// The session is to end: a handle said so, or all handles are gone.
    Ended,
}

impl Actor {
    pub(super) fn new(core: Arc<Core>, desk: Owner) -> Self {
        Self { core, desk, retiring: Retiring::default() }
    }

    pub(super) async fn run(self) {
        self.retiring.take_up(&self.core);
        let mut state = match self.core.current.load_full() {
            Some(token) => State::active(token, false, None),
            None => State::Unauthenticated,
        };
        loop {
            tracing::trace!(state = name(&state), "session");
            state = match state {
                State::Unauthenticated => self.unauthenticated().await,
                State::LoggingIn { failures } => self.logging_in(failures, None).await,
                State::Backoff { failures, error, until } => self.backoff(failures, error, until).await,
                State::Active { token, ahead } => self.serve(token, ahead).await,
                State::Renewing { token, failures, login } => self.renewing(token, failures, login).await,
                State::Draining { token, failures, own } => {
                    self.logging_in(failures, Some((token, own))).await
                }
                State::Suspect { token, ahead } => self.suspect(token, ahead).await,
                State::Closed => break,
            };
        }
        self.retiring.stop();
        self.core.revoke().await;
        self.desk.fail(&closed());
    }

    async fn unauthenticated(&self) -> State {
        loop {
            if self.desk.is_wanted(u64::MAX) {
                return State::LoggingIn { failures: 0 };
            }
            if let Event::Ended = self.next(std::future::pending::<()>()).await {
                return State::Closed;
            }
        }
    }

    /// Readers that come meanwhile are told at once why there is no token. If nobody comes, the next reader starts
    /// the login and not a timer; a changed credential is tried at once.
    async fn backoff(&self, failures: u32, error: Error, until: Instant) -> State {
        let core = self.core.clone();
        let mut changed = core.auth.credential_changed();
        let (mut elapsed, mut wanted) = (false, false);
        loop {
            let wake = async {
                tokio::select! {
                    () = sleep_until(until), if !elapsed => false,
                    () = &mut changed => true,
                }
            };
            match self.next(wake).await {
                Event::Done(true) => return State::LoggingIn { failures: 0 },
                Event::Done(false) if wanted => return State::LoggingIn { failures },
                Event::Done(false) => elapsed = true,
                Event::Noted if !self.desk.is_wanted(u64::MAX) => {}
                Event::Noted if elapsed => return State::LoggingIn { failures },
                Event::Noted => {
                    wanted = true;
                    self.desk.fail(&error);
                }
                Event::Ended => return State::Closed,
            }
        }
    }

    async fn serve(&self, token: Arc<Snapshot>, ahead: Ahead) -> State {
        let core = self.core.clone();
        // While logins fail, it is for the wait between them to say when the next one comes.
        let failures = ahead.failed_logins();
        let mut wake = Box::pin(async move {
            let due = async {
                match ahead.next() {
                    Some((at, due)) => {
                        sleep_until(at).await;
                        due
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                due = due => due,
                // Another credential logs in anew, whatever became of the one before it.
                () = core.auth.credential_changed() => Due::Replace(0),
            }
        });
        loop {
            self.serve_with(Some(&token));
            if self.desk.is_suspect(token.epoch) {
                return State::Suspect { token, ahead };
            }
            if self.desk.is_wanted(token.epoch) {
                self.core.current.store(None);
                return State::LoggingIn { failures };
            }
            if failures == 0 && self.desk.is_spent(token.epoch) && token.grant.origin == Origin::Minted {
                return State::Draining { token, failures: 0, own: ahead.own };
            }
            match self.next(&mut wake).await {
                Event::Done(Due::LookUp) => return self.look_up(token, ahead.login).await,
                Event::Done(Due::Renew(failures)) => {
                    return State::Renewing { token, failures, login: ahead.login };
                }
                Event::Done(Due::Replace(failures)) => {
                    return State::Draining { token, failures, own: ahead.own };
                }
                Event::Done(Due::End) => {
                    self.core.current.store(None);
                    return State::Unauthenticated;
                }
                Event::Noted => {}
                Event::Ended => return State::Closed,
            }
        }
    }

    /// The next login comes after `failures` that failed.
    pub(super) fn is_dead(&self, token: Arc<Snapshot>, failures: u32) -> State {
        tracing::warn!(method = self.core.auth.name(), "the token is dead: revoked, expired or spent");
        self.core.current.store(None);
        if token.grant.origin == Origin::Supplied {
            lock(&self.core.kept).dead = token.token().cloned();
        }
        State::LoggingIn { failures }
    }

    /// Runs a request about the token while the token goes on serving. None where the session ends meanwhile.
    pub(super) async fn while_serving<T: Send>(
        &self,
        work: impl Future<Output = T> + Send,
        token: &Arc<Snapshot>,
    ) -> Option<T> {
        let mut work = Box::pin(work);
        loop {
            match self.next(&mut work).await {
                Event::Done(done) => return Some(done),
                Event::Noted => self.serve_with(Some(token)),
                Event::Ended => return None,
            }
        }
    }

    /// Gives a token to those who wait for one, if it may still be sent.
    pub(super) fn serve_with(&self, token: Option<&Arc<Snapshot>>) {
        if let Some(token) = token.filter(|token| token.is_alive()) {
            self.desk.serve(token.epoch, token);
        }
    }

    pub(super) async fn next<T>(&self, work: impl Future<Output = T>) -> Event<T> {
        tokio::select! {
            biased;
            () = self.desk.news() => if self.desk.is_closed() { Event::Ended } else { Event::Noted },
            done = work => Event::Done(done),
        }
    }
}

fn name(state: &State) -> &'static str {
    match state {
        State::Unauthenticated => "unauthenticated",
        State::LoggingIn { .. } => "logging in",
        State::Backoff { .. } => "backoff",
        State::Active { .. } => "active",
        State::Renewing { .. } => "renewing",
        State::Draining { .. } => "draining",
        State::Suspect { .. } => "suspect",
        State::Closed => "closed",
    }
}
