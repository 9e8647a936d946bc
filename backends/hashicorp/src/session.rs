//! One login, shared by everybody who reads: who logs in, when again, and who gives the token back.
//!
//! Readers ask for a [`Snapshot`] and report one that the server no longer takes. At most one login runs at a time;
//! it runs in a task of its own, so a reader that goes away in the middle spoils nothing.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_core::{AuthMethod, Error, ErrorKind, Grant, Origin, Secret};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::login::Desk;
use crate::path::WirePath;
use crate::transport::Request;

/// The least time between two logins that a refused token leads to, and for which a refused login is remembered.
const LOGIN_FLOOR: Duration = Duration::from_secs(5);

/// How long giving a token back may take.
const REVOKE_LIMIT: Duration = Duration::from_secs(2);

/// The token in use at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot(Arc<Held>);

struct Held {
    grant: Grant,
    /// Counts the logins, so that a late refusal of an old token is told from one of this token.
    epoch: u64,
    /// Just before the login was sent.
    since: Instant,
}

impl Snapshot {
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.0.grant.token.as_ref()
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// How long the token lives from now.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.0.grant.lease.map(|lease| lease.saturating_sub(self.0.since.elapsed()))
    }

    /// Whether so much is left that nobody needs to log in yet.
    fn is_fresh(&self) -> bool {
        self.0.grant.lease.is_none_or(|lease| self.left().is_some_and(|left| left > lease / 10))
    }
}

#[derive(Clone)]
pub(crate) struct Session(Arc<Inner>);

struct Inner {
    method: Arc<dyn AuthMethod>,
    desk: Desk,
    /// Held by whoever logs in.
    turn: Arc<Turn<()>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Snapshot>,
    epoch: u64,
    /// When the last login began.
    began: Option<Instant>,
    failed: Option<(Instant, Error)>,
    closed: bool,
}

impl Session {
    pub(crate) fn new(method: Arc<dyn AuthMethod>, desk: Desk) -> Self {
        Self(Arc::new(Inner { method, desk, turn: Arc::default(), state: Mutex::default() }))
    }

    pub(crate) fn method(&self) -> &dyn AuthMethod {
        &*self.0.method
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// The token to use now; logs in where there is none, or little is left of it.
    pub(crate) async fn token(&self) -> Result<Snapshot, Error> {
        match self.usable(None)? {
            Some(snapshot) => Ok(snapshot),
            None => self.log_in(None).await,
        }
    }

    /// The token in use, if any, without a login.
    pub(crate) fn current(&self) -> Result<Option<Snapshot>, Error> {
        self.usable(None)
    }

    /// The server did not take the token of `refused`: gives another one to try, if there is any.
    pub(crate) async fn rejected(&self, refused: &Snapshot) -> Result<Option<Snapshot>, Error> {
        if let Some(newer) = self.usable(Some(refused))? {
            return Ok(Some(newer));
        }
        let began = self.0.state().began;
        let too_soon = began.is_some_and(|began| began.elapsed() < LOGIN_FLOOR);
        if too_soon || refused.grant().origin == Origin::Absent {
            return Ok(None);
        }
        let next = self.log_in(Some(refused)).await?;
        let same = next.token().map(Secret::as_bytes) == refused.token().map(Secret::as_bytes);
        Ok(if same { None } else { Some(next) })
    }

    /// Gives a token that was minted here back. Nothing is handed out after that.
    pub(crate) async fn close(&self) {
        let last = {
            let mut state = self.0.state();
            state.closed = true;
            state.current.take()
        };
        if let Some(last) = last {
            self.0.give_back(last.grant()).await;
        }
    }

    fn usable(&self, refused: Option<&Snapshot>) -> Result<Option<Snapshot>, Error> {
        let state = self.0.state();
        if state.closed {
            return Err(closed());
        }
        let newer = |snapshot: &&Snapshot| refused.is_none_or(|refused| refused.0.epoch != snapshot.0.epoch);
        Ok(state.current.as_ref().filter(newer).filter(|snapshot| snapshot.is_fresh()).cloned())
    }

    /// Waits for whoever logs in; logs in where that brought no token.
    async fn log_in(&self, refused: Option<&Snapshot>) -> Result<Snapshot, Error> {
        let asked = Instant::now();
        let turn = self.0.turn.clone().lock_owned().await;
        if let Some(snapshot) = self.usable(refused)? {
            return Ok(snapshot);
        }
        if let Some((at, error)) = &self.0.state().failed {
            let lasting = !error.is_retryable() && at.elapsed() < LOGIN_FLOOR;
            if *at >= asked || lasting {
                return Err(error.clone());
            }
        }
        let (inner, refused) = (self.0.clone(), refused.cloned());
        let login = tokio::spawn(async move { inner.log_in(turn, refused).await });
        login.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the login broke down")))
    }
}

impl Inner {
    async fn log_in(&self, _turn: OwnedMutexGuard<()>, refused: Option<Snapshot>) -> Result<Snapshot, Error> {
        let since = Instant::now();
        self.state().began = Some(since);
        let result = self.method.login(&self.desk).await;
        let grant = match result {
            Ok(grant) => grant,
            Err(error) => return self.failed(error, refused.as_ref()),
        };
        tracing::debug!(
            method = self.method.name(),
            lease = ?grant.lease,
            renewable = grant.renewable,
            "logged in"
        );
        let snapshot = {
            let mut state = self.state();
            state.epoch += 1;
            state.failed = None;
            let snapshot = Snapshot(Arc::new(Held { grant, epoch: state.epoch, since }));
            if !state.closed {
                state.current = Some(snapshot.clone());
                return Ok(snapshot);
            }
            snapshot
        };
        self.give_back(snapshot.grant()).await;
        Err(closed())
    }

    /// Goes on with the old token while it lives.
    fn failed(&self, error: Error, refused: Option<&Snapshot>) -> Result<Snapshot, Error> {
        let mut state = self.state();
        state.failed = Some((Instant::now(), error.clone()));
        let old = state.current.as_ref().filter(|old| {
            let taken = refused.is_none_or(|refused| refused.0.epoch != old.0.epoch);
            taken && old.left().is_none_or(|left| !left.is_zero())
        });
        let Some(old) = old else { return Err(error) };
        tracing::warn!(method = self.method.name(), %error, "login failed; the old token serves on while it lives");
        Ok(old.clone())
    }

    /// Revokes what a login of ours minted, swallowing failures: the token ends by itself.
    async fn give_back(&self, grant: &Grant) {
        let (Some(token), Origin::Minted, false) = (&grant.token, grant.origin, grant.batch) else {
            return;
        };
        let Ok(path) = WirePath::api("auth/token/revoke-self") else { return };
        let request = Request::post(&path, Zeroizing::new(b"{}".to_vec()));
        match tokio::time::timeout(REVOKE_LIMIT, self.desk.about(request, token)).await {
            Ok(Ok(_)) => tracing::debug!("token revoked"),
            Ok(Err(error)) => tracing::warn!(%error, "the token could not be revoked and ends by itself"),
            Err(_) => tracing::warn!("the token could not be revoked in time and ends by itself"),
        }
    }

    /// What the lock guards is whole at every moment, so a panic elsewhere cannot poison it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the vault was closed")
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("method", &self.0.method).finish_non_exhaustive()
    }
}
