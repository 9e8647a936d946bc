//! Logging in: one at a time, at a rate, with what comes of it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Grant, Secret};
use tokio::time::{Instant, sleep_until, timeout};

use super::actor::{Actor, Event};
use super::ahead::{Ahead, Due, Login};
use super::failure::refuses_the_credential;
use super::state::State;
use super::timing::{self, FLOOR};
use super::{Core, Snapshot};
use crate::sync::{Arc, lock};

/// The longest a login may take.
const LOGIN_DEADLINE: Duration = Duration::from_secs(10);

/// How long the end of a session waits for a login that is under way.
const CLOSING_DEADLINE: Duration = Duration::from_millis(500);

/// Over time, logins come no closer together than this.
const LOGIN_PERIOD: Duration = Duration::from_secs(5);

/// A token that serves while another is obtained, and what is due in its own life.
type Old = (Arc<Snapshot>, Option<(Instant, Due)>);

impl Actor {
    /// One login, while an old token may still serve.
    pub(super) async fn logging_in(&self, failures: u32, old: Option<Old>) -> State {
        let core = self.core.clone();
        // A configured token is read again at no cost to the server.
        let not_before =
            if lock(&self.core.kept).dead.is_some() { Instant::now() } else { self.not_before() };
        let mut login = Box::pin(async move {
            sleep_until(not_before).await;
            let since = Instant::now();
            // Before it is known what comes of it: one that is never heard of again counts too.
            core.note_login(since);
            let result = match timeout(LOGIN_DEADLINE, Caught(core.auth.login(core.server.login_server())))
                .await
            {
                Ok(Ok(result)) => result,
                Ok(Err(())) => {
                    Err(Error::new(ErrorKind::Internal, "the login panicked, which is a defect in it"))
                }
                Err(_) => Err(Error::new(ErrorKind::Timeout, "the login took longer than 10 s").transient()),
            };
            (since, result)
        });
        let (since, result) = loop {
            match self.next(&mut login).await {
                Event::Done(done) => break done,
                Event::Noted => self.serve_with(old.as_ref().map(|(old, _)| old)),
                Event::Ended => {
                    // A login that is under way may mint a token, which has to be given back.
                    if let Ok((since, Ok(grant))) = timeout(CLOSING_DEADLINE, login).await {
                        let token = Arc::new(Snapshot::new(grant, self.desk.next_epoch(), since));
                        if let Some(old) = self.core.current.swap(Some(token)) {
                            self.core.retire(old);
                        }
                    }
                    return State::Closed;
                }
            }
        };
        match result {
            Ok(grant) => self.logged_in(grant, since, old),
            Err(error) => self.login_failed(error, failures + 1, old),
        }
    }

    fn logged_in(&self, grant: Grant, since: Instant, old: Option<Old>) -> State {
        let same =
            |dead: &Secret| grant.token.as_ref().is_some_and(|token| token.as_bytes() == dead.as_bytes());
        if lock(&self.core.kept).dead.as_ref().is_some_and(same) {
            let message = "the configured token is dead: revoked, expired or spent; configure a live one";
            return self.login_failed(Error::new(ErrorKind::Unauthenticated, message), 9, old);
        }
        tracing::info!(method = self.core.auth.name(), lease = ?grant.lease, "logged in");
        let token = Arc::new(Snapshot::new(grant, self.desk.next_epoch(), since));
        self.core.current.store(Some(token.clone()));
        self.serve_with(Some(&token));
        if let Some((old, _)) = old {
            self.retiring.add(&self.core, old);
        }
        State::active(token, true, None)
    }

    fn login_failed(&self, error: Error, failures: u32, old: Option<Old>) -> State {
        tracing::warn!(method = self.core.auth.name(), "the login failed: {error}");
        let told = error.retry_after().unwrap_or_default().min(timing::REFUSED_CAP);
        let refused = refuses_the_credential(&error);
        let wait = timing::login_backoff(failures, refused, &mut fastrand::f64).max(told);
        let at = Instant::now() + wait;
        if let Some((token, own)) = old.filter(|(old, _)| old.is_alive()) {
            return State::Active { token, ahead: Ahead { own, login: Some(Login { at, failures }) } };
        }
        self.core.current.store(None);
        self.desk.fail(&error);
        State::Backoff { failures, error, until: at }
    }

    /// When the next login may begin: one in [`LOGIN_PERIOD`], and one more at once after a quiet time.
    fn not_before(&self) -> Instant {
        let kept = lock(&self.core.kept);
        let after_last = kept.last_login.map_or_else(Instant::now, |last| last + FLOOR);
        kept.due.map_or(after_last, |due| after_last.max(due - LOGIN_PERIOD))
    }
}

impl Core {
    /// Counts a login that begins now.
    fn note_login(&self, since: Instant) {
        let mut kept = lock(&self.kept);
        kept.last_login = Some(since);
        kept.due = Some(kept.due.map_or(since, |due| due.max(since)) + LOGIN_PERIOD);
    }
}

/// A login of somebody's, whose panic ends that login and nothing else.
struct Caught<'a>(Pin<Box<dyn Future<Output = Result<Grant, Error>> + Send + 'a>>);

impl Future for Caught<'_> {
    type Output = Result<Result<Grant, Error>, ()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the future is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        }
    }
}
