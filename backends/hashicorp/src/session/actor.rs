//! The task that owns a session's state.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Grant, Origin, Secret};
use tokio::time::{Instant, sleep_until, timeout};

use super::retiring::Retiring;
use super::state::{Due, State};
use super::timing::{self, FLOOR};
use super::{Core, Lease, Snapshot, closed, desk};
use crate::sync::{Arc, lock};

/// The task's side of the desk.
type Owner = desk::Owner<Arc<Snapshot>, Error>;

/// The longest a login may take.
const LOGIN_DEADLINE: Duration = Duration::from_secs(10);

/// How long the end of a session waits for a login that is under way.
const CLOSING_DEADLINE: Duration = Duration::from_millis(500);

/// Over time, logins come no closer together than this.
const LOGIN_PERIOD: Duration = Duration::from_secs(5);

/// How soon a configured token is looked up: later than a command that reads once and ends.
const LOOK_UP_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Actor {
    core: Arc<Core>,
    desk: Owner,
    retiring: Retiring,
}

/// How a wait ended.
enum Event<T> {
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
            Some(token) => self.active(token, false),
            None => State::Unauthenticated,
        };
        loop {
            tracing::trace!(state = name(&state), "session");
            state = match state {
                State::Unauthenticated => self.unauthenticated().await,
                State::LoggingIn { failures } => self.logging_in(failures, None).await,
                State::Backoff { failures, error, until } => self.backoff(failures, error, until).await,
                State::Active { token, next } => self.serve(token, next).await,
                State::Renewing { token, failures } => self.renewing(token, failures).await,
                State::Draining { token, failures } => self.logging_in(failures, Some(token)).await,
                State::Suspect { token, next } => self.suspect(token, next).await,
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

    /// One login, while `old` may still serve.
    async fn logging_in(&self, failures: u32, old: Option<Arc<Snapshot>>) -> State {
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
                Event::Noted => self.serve_with(old.as_ref()),
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

    fn logged_in(&self, grant: Grant, since: Instant, old: Option<Arc<Snapshot>>) -> State {
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
        if let Some(old) = old {
            self.retiring.add(&self.core, old);
        }
        self.active(token, true)
    }

    fn login_failed(&self, error: Error, failures: u32, old: Option<Arc<Snapshot>>) -> State {
        tracing::warn!(method = self.core.auth.name(), "the login failed: {error}");
        let told = error.retry_after().unwrap_or_default().min(timing::REFUSED_CAP);
        let wait = timing::login_backoff(failures, error.is_retryable(), &mut fastrand::f64).max(told);
        if let Some(old) = old.filter(|old| old.is_alive()) {
            let next = Some((Instant::now() + wait, Due::Replace(failures)));
            return State::Active { token: old, next };
        }
        self.core.current.store(None);
        self.desk.fail(&error);
        State::Backoff { failures, error, until: Instant::now() + wait }
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

    async fn serve(&self, token: Arc<Snapshot>, next: Option<(Instant, Due)>) -> State {
        let core = self.core.clone();
        // While logins fail, it is for the wait between them to say when the next one comes.
        let failures = next.map_or(0, |(_, due)| due.failed_logins());
        let mut wake = Box::pin(async move {
            let due = async {
                match next {
                    Some((at, due)) => {
                        sleep_until(at).await;
                        due
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                due = due => due,
                // A rotated credential logs in anew and renews nothing.
                () = core.auth.credential_changed() => Due::Replace(0),
            }
        });
        loop {
            self.serve_with(Some(&token));
            if self.desk.is_suspect(token.epoch) {
                return State::Suspect { token, next };
            }
            if self.desk.is_wanted(token.epoch) {
                self.core.current.store(None);
                return State::LoggingIn { failures };
            }
            if failures == 0 && self.desk.is_spent(token.epoch) && token.grant.origin == Origin::Minted {
                return State::Draining { token, failures: 0 };
            }
            match self.next(&mut wake).await {
                Event::Done(Due::LookUp) => return self.look_up(token).await,
                Event::Done(Due::Renew(failures)) => return State::Renewing { token, failures },
                Event::Done(Due::Replace(failures)) => return State::Draining { token, failures },
                Event::Done(Due::End) => {
                    self.core.current.store(None);
                    return State::Unauthenticated;
                }
                Event::Noted => {}
                Event::Ended => return State::Closed,
            }
        }
    }

    async fn renewing(&self, token: Arc<Snapshot>, failures: u32) -> State {
        let Some(secret) = token.token().cloned() else { return State::Active { token, next: None } };
        // A renewal is a use too.
        token.take_use();
        let (core, identity, since) = (self.core.clone(), token.grant.identity.clone(), Instant::now());
        let renewal = async move { core.server.renew(&secret, identity.as_ref()).await };
        let Some(result) = self.while_serving(renewal, &token).await else { return State::Closed };
        let before = token.grant.lease.unwrap_or_default();
        match result {
            Ok(lease) => {
                let shrank = lease.ttl.is_some_and(|ttl| timing::shrinks(before, ttl));
                let renewed = self.with_lease(&token, lease, since);
                if shrank || !renewed.grant.renewable {
                    State::Draining { token: renewed, failures: 0 }
                } else {
                    self.active(renewed, false)
                }
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => self.is_dead(token, 0),
            Err(error) if !error.is_retryable() => {
                tracing::debug!("the token cannot be renewed: {error}");
                let mut lasting = token.grant.clone();
                lasting.renewable = false;
                let lasting = Arc::new(token.again(lasting, token.since));
                self.core.current.store(Some(lasting.clone()));
                self.active(lasting, false)
            }
            Err(error) => {
                tracing::debug!("renewing the token failed: {error}");
                let remaining = token.left().unwrap_or_default();
                let wait = timing::renew_backoff(failures + 1, remaining, &mut fastrand::f64);
                if wait >= remaining.saturating_sub(before.mul_f64(0.1)) {
                    return State::Draining { token, failures: 0 };
                }
                let next = Some((Instant::now() + wait, Due::Renew(failures + 1)));
                State::Active { token, next }
            }
        }
    }

    /// A token that nobody told us about: how long it lives decides what is due.
    async fn look_up(&self, token: Arc<Snapshot>) -> State {
        let Some(secret) = token.token().cloned() else { return State::Active { token, next: None } };
        let (core, since) = (self.core.clone(), Instant::now());
        let lookup = async move { core.server.look_up(&secret).await };
        let Some(result) = self.while_serving(lookup, &token).await else { return State::Closed };
        match result {
            Ok(lease) => {
                let known = self.with_lease(&token, lease, since);
                // One that never ends, as root tokens do, is not asked about again.
                let ends = known.grant.lease.is_some();
                self.active(known, ends)
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => self.is_dead(token, 0),
            Err(error) => {
                if let Some(wait) = told_to_wait(&error) {
                    tracing::debug!("the token's lease is asked for later: {error}");
                    return State::Active { token, next: Some((Instant::now() + wait, Due::LookUp)) };
                }
                // Alive, but not allowed to ask about itself; or no answer, and the next rejection asks again.
                tracing::debug!("the token's lease is not known: {error}");
                State::Active { token, next: None }
            }
        }
    }

    /// The token was rejected like a dead one: one question settles it for everybody.
    async fn suspect(&self, token: Arc<Snapshot>, next: Option<(Instant, Due)>) -> State {
        let limited = token.grant.uses.is_some();
        let failures = next.map_or(0, |(_, due)| due.failed_logins());
        let Some(secret) = token.token().cloned().filter(|_| !limited) else {
            return self.is_dead(token, failures);
        };
        let core = self.core.clone();
        let lookup = async move { core.server.look_up(&secret).await };
        let Some(result) = self.while_serving(lookup, &token).await else { return State::Closed };
        match result {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => self.is_dead(token, failures),
            Err(error) if told_to_wait(&error).is_some() => {
                // Nobody may ask now. Those who want to know come back when they may.
                self.serve_with(Some(&token));
                self.desk.fail(&error);
                State::Active { token, next }
            }
            result => {
                // Alive, or nobody can say: in both cases another login would not help.
                if let Err(error) = result {
                    tracing::debug!("whether the token is alive is not known: {error}");
                }
                self.desk.acquit();
                State::Active { token, next }
            }
        }
    }

    /// The next login comes after `failures` that failed.
    fn is_dead(&self, token: Arc<Snapshot>, failures: u32) -> State {
        tracing::warn!(method = self.core.auth.name(), "the token is dead: revoked, expired or spent");
        self.core.current.store(None);
        if token.grant.origin == Origin::Supplied {
            lock(&self.core.kept).dead = token.token().cloned();
        }
        State::LoggingIn { failures }
    }

    /// The same token with what the server now says of its life.
    fn with_lease(&self, token: &Snapshot, lease: Lease, since: Instant) -> Arc<Snapshot> {
        let mut grant = token.grant.clone();
        (grant.lease, grant.renewable) = (lease.ttl, lease.renewable);
        if grant.uses.is_none() {
            grant.uses = lease.uses;
        }
        let token = Arc::new(token.again(grant, since));
        self.core.current.store(Some(token.clone()));
        token
    }

    /// What is due next in a token's life.
    fn active(&self, token: Arc<Snapshot>, first: bool) -> State {
        let dice = &mut fastrand::f64;
        let grant = &token.grant;
        let next = match (grant.lease, grant.origin) {
            (None, Origin::Supplied) if first && grant.uses.is_none() => {
                Some((token.since + LOOK_UP_AFTER, Due::LookUp))
            }
            (None, _) => None,
            (Some(lease), _) if grant.renewable && !grant.batch => {
                Some((token.since + timing::renew_at(lease, first, dice), Due::Renew(0)))
            }
            // Another login would give the same token.
            (Some(lease), Origin::Supplied) => Some((token.since + timing::ends_at(lease), Due::End)),
            (Some(lease), _) => Some((token.since + timing::replace_at(lease, dice), Due::Replace(0))),
        };
        State::Active { next: next.map(|(at, due)| (at.max(Instant::now() + FLOOR), due)), token }
    }

    /// Runs a request about the token while the token goes on serving. None where the session ends meanwhile.
    async fn while_serving<T: Send>(
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
    fn serve_with(&self, token: Option<&Arc<Snapshot>>) {
        if let Some(token) = token.filter(|token| token.is_alive()) {
            self.desk.serve(token.epoch, token);
        }
    }

    async fn next<T>(&self, work: impl Future<Output = T>) -> Event<T> {
        tokio::select! {
            biased;
            () = self.desk.news() => if self.desk.is_closed() { Event::Ended } else { Event::Noted },
            done = work => Event::Done(done),
        }
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

/// For how long a question about a token waits, where the server wants to be left alone.
fn told_to_wait(error: &Error) -> Option<Duration> {
    let told = error.retry_after().or_else(|| (error.kind() == ErrorKind::RateLimited).then_some(FLOOR))?;
    error.is_retryable().then_some(told.clamp(FLOOR, timing::REFUSED_CAP))
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
