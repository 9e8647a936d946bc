//! One token for all readers of one login, kept alive for months.
//!
//! | state | entered when | does | leaves to |
//! |---|---|---|---|
//! | `Unauthenticated` | nobody asked yet, or the token ended while nobody asked | waits for a reader | `LoggingIn` |
//! | `LoggingIn` | a token is needed | one login at a time, one in 5 s over time; all waiters share its result and its error | `Active`, `Backoff` |
//! | `Backoff` | a login failed | waits with full jitter up to 60 s (300 s where the server refused the credential), less if the credential changes | `LoggingIn`, `Unauthenticated` |
//! | `Active` | there is a token | serves it; waits for the time to renew or replace it, for a rejection, for a changed credential | `Renewing`, `Draining`, `Suspect`, `LoggingIn` |
//! | `Renewing` | 70-73 % of the lease has passed | one renewal at a time; a lease that shrank means that the end is near | `Active`, `Draining`, `LoggingIn` |
//! | `Draining` | the token cannot be renewed, or not for long, or the credential changed | logs in anew while the old token still serves; where that fails, the old one goes on being renewed | `Active`, `LoggingIn` |
//! | `Suspect` | the server rejected the token like a dead one | asks once what the token is | `Active`, `LoggingIn` |
//! | `Closed` | the session's owner is done | revokes the tokens that were minted here, once, in 2 s at most | |
//!
//! A task owns the state; readers take the current token without a lock and ask the task only where there is none.
//! The task starts with the first reader, in that reader's runtime; if the runtime ends, or nobody drives it where somebody
//! waits for the task, the next reader starts another that goes on with the same token. It ends with the last handle.

mod actor;
mod ahead;
mod asking;
mod desk;
mod failure;
mod logging_in;
mod renewing;
mod retiring;
mod running;
mod shared;
mod state;
mod timing;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use strongroom_core::{AuthMethod, ClientIdentity, Error, ErrorKind, Grant, LoginServer, Secret, recallable};
use tokio::time::{Instant, timeout};

use crate::sync::{Arc, Mutex, lock};
use actor::Actor;
use desk::{Asked, Desk, Unowned};
use retiring::Retired;
use running::{LOOK, Running};
pub(crate) use shared::Key;
pub use shared::Sessions;

/// What a session asks of the server about a token.
#[async_trait]
pub(crate) trait TokenServer: fmt::Debug + Send + Sync + 'static {
    /// The server as a login sees it.
    fn login_server(&self) -> &dyn LoginServer;
    /// Renews a token and gives its new lease.
    async fn renew(&self, token: &Secret, identity: Option<&ClientIdentity>) -> Result<Lease, Error>;
    /// Asks what a token is. Costs a use of a use-limited one.
    async fn look_up(&self, token: &Secret) -> Result<Lease, Error>;
    /// Ends a token.
    async fn revoke(&self, token: &Secret) -> Result<(), Error>;
}

/// What the server says of a token's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    /// How long it lives from now; none for ever.
    pub(crate) ttl: Option<Duration>,
    /// Whether it can be renewed.
    pub(crate) renewable: bool,
    /// How many requests it is good for; none for any number.
    pub(crate) uses: Option<u64>,
}

/// A token as it was obtained. Readers share it.
pub(crate) struct Snapshot {
    pub(crate) grant: Grant,
    /// Counts logins, so that a late rejection of an older token is told from one of this.
    pub(crate) epoch: u64,
    /// When the request that obtained the present lease was sent.
    pub(crate) since: Instant,
    /// Shared with the same token's earlier leases, which readers may still hold.
    uses_left: Option<Arc<AtomicU64>>,
}

impl Snapshot {
    fn new(grant: Grant, epoch: u64, since: Instant) -> Self {
        let uses_left = grant.uses.map(|uses| Arc::new(AtomicU64::new(uses)));
        Self { grant, epoch, since, uses_left }
    }

    /// The same token with what is known of its life now. Uses that are gone stay gone.
    fn again(&self, grant: Grant, since: Instant) -> Self {
        let again = Self::new(grant, self.epoch, since);
        match (&self.uses_left, again.uses_left) {
            (Some(left), Some(_)) => Self { uses_left: Some(left.clone()), ..again },
            (_, uses_left) => Self { uses_left, ..again },
        }
    }

    /// The token to send; none where a local proxy adds one.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.grant.token.as_ref()
    }

    /// How long the token lives; none where it does not end, or that is not known.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.grant.lease.map(|lease| (self.since + lease).saturating_duration_since(Instant::now()))
    }

    fn has_time(&self) -> bool {
        self.grant.lease.is_none_or(|lease| self.since.elapsed() < timing::ends_at(lease))
    }

    fn has_uses(&self) -> bool {
        self.uses_left.as_ref().is_none_or(|left| left.load(Ordering::Acquire) > 0)
    }

    /// Whether it may still be sent.
    fn is_alive(&self) -> bool {
        self.has_time() && self.has_uses()
    }

    /// Whether it may be sent once more. Counts that use.
    fn take_use(&self) -> bool {
        if !self.has_time() {
            return false;
        }
        let Some(left) = &self.uses_left else { return true };
        left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    }

    /// Whether so few uses are left that another token is due.
    fn is_nearly_spent(&self) -> bool {
        self.uses_left.as_ref().is_some_and(|left| left.load(Ordering::Acquire) <= 2)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("epoch", &self.epoch)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// What a session answers to a reader.
pub(crate) type Verdict = desk::Verdict<Arc<Snapshot>>;

/// A handle on a session. The session ends with its last handle.
#[derive(Clone)]
pub(crate) struct Session(Arc<Shared>);

struct Shared {
    core: Arc<Core>,
    /// How many vaults use the session.
    users: AtomicUsize,
}

/// What handles and task share. It keeps no task alive.
struct Core {
    auth: Arc<dyn AuthMethod>,
    server: Arc<dyn TokenServer>,
    current: ArcSwapOption<Snapshot>,
    desk: Arc<Desk<Arc<Snapshot>, Error>>,
    /// What one task leaves to the next.
    kept: Mutex<Kept>,
    /// The task that was started last.
    running: Mutex<Option<Running>>,
}

#[derive(Default)]
struct Kept {
    /// When the last login began.
    last_login: Option<Instant>,
    /// When the next login would be due if they came one in a period.
    due: Option<Instant>,
    /// A configured token that the server has rejected: another login would give it again.
    dead: Option<Secret>,
    /// Tokens that others have replaced and that were not given back yet.
    retired: Vec<Retired>,
}

/// How long the end of a session waits for its task. Enough for a login that is under way, and to give its token back.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// How soon the task's runtime has to give a sign of life at the end of a session, so that there is time left to give
/// tokens back from elsewhere.
const END_PATIENCE: Duration = Duration::from_millis(500);

impl Session {
    pub(crate) fn new(auth: Arc<dyn AuthMethod>, server: Arc<dyn TokenServer>) -> Self {
        let (current, desk, kept) = (ArcSwapOption::empty(), Arc::new(Desk::new()), Mutex::default());
        let core = Arc::new(Core { auth, server, current, desk, kept, running: Mutex::default() });
        Self(Arc::new(Shared { core, users: AtomicUsize::new(1) }))
    }

    /// The login method.
    pub(crate) fn auth(&self) -> &Arc<dyn AuthMethod> {
        &self.0.core.auth
    }

    /// The token in use, if there is one, without a login.
    pub(crate) fn current(&self) -> Option<Arc<Snapshot>> {
        self.0.core.current.load_full().filter(|snapshot| snapshot.has_time())
    }

    /// The token to send with the next request, which counts as a use of it.
    pub(crate) async fn token(&self) -> Result<Arc<Snapshot>, Error> {
        for _ in 0..3 {
            if let Some(snapshot) = self.0.core.current.load_full() {
                if snapshot.take_use() {
                    if snapshot.is_nearly_spent() {
                        self.0.core.desk.spent(snapshot.epoch);
                        self.start()?;
                    }
                    return Ok(snapshot);
                }
            }
            if let Verdict::Token(fresh) = self.ask(None).await? {
                if fresh.take_use() {
                    return Ok(fresh);
                }
            }
        }
        Err(Error::new(ErrorKind::Unauthenticated, "each token is spent before it can be used").transient())
    }

    /// Reports that the server rejected a token like a dead one, and waits for what that means.
    pub(crate) async fn rejected(&self, snapshot: &Snapshot) -> Result<Verdict, Error> {
        if let Some(current) =
            self.0.core.current.load_full().filter(|current| current.epoch > snapshot.epoch)
        {
            return Ok(Verdict::Token(current));
        }
        self.ask(Some(snapshot.epoch)).await
    }

    /// Counts another vault as a user. False where the last one has left already.
    fn enter(&self) -> bool {
        let more = |users: usize| (users > 0).then_some(users + 1);
        self.0.users.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// One vault needs the session no more. The last one ends it.
    pub(crate) async fn leave(&self) {
        let fewer = |users: usize| users.checked_sub(1);
        if self.0.users.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer) == Ok(1) {
            self.close().await;
        }
    }

    /// Ends the session: the tokens that were minted here are revoked, and nobody gets one any more.
    pub(crate) async fn close(&self) {
        let core = &self.0.core;
        core.desk.close();
        let elsewhere = core.running_elsewhere().map(|running| (running.ask_for_a_sign(), running));
        let soon = timeout(END_PATIENCE, core.desk.left()).await;
        match elsewhere {
            Some((sign, running)) if soon.is_err() && !sign.is_given() => running.take_back(),
            _ if soon.is_err() => {
                let _ = timeout(END_DEADLINE.saturating_sub(END_PATIENCE), core.desk.left()).await;
            }
            _ => {}
        }
        // Where there is no task any more that would have done it.
        core.revoke().await;
    }

    /// Asks the task, and another one where it ended with its runtime meanwhile.
    async fn ask(&self, rejected: Option<u64>) -> Result<Verdict, Error> {
        let mut asked = self.0.core.desk.ask(rejected);
        for _ in 0..3 {
            self.start()?;
            if let Ok(answer) = self.answer(&mut asked).await {
                return answer;
            }
        }
        Err(closed())
    }

    /// Waits for an answer, or for there to be no task any more: one that nobody drives is taken back.
    async fn answer(
        &self,
        asked: &mut Asked<'_, Arc<Snapshot>, Error>,
    ) -> Result<Result<Verdict, Error>, Unowned> {
        loop {
            if let Ok(answer) = timeout(LOOK, &mut *asked).await {
                return answer;
            }
            if let Some(running) = self.0.core.running_elsewhere().filter(Running::is_lost) {
                running.take_back();
            }
        }
    }

    /// Starts the task where there is none.
    fn start(&self) -> Result<(), Error> {
        let core = &self.0.core;
        if core.desk.is_owned() {
            return Ok(());
        }
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::new(ErrorKind::Internal, "logging in needs a tokio runtime"))?;
        match Desk::own(&core.desk) {
            Some(owner) => {
                let (task, recall) = recallable(Actor::new(core.clone(), owner).run());
                *lock(&core.running) = Some(Running::new(runtime.clone(), recall));
                drop(runtime.spawn(task));
            }
            None if core.desk.is_closed() => return Err(closed()),
            None => {}
        }
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The task goes with the last handle.
        self.core.desk.close();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("auth", &self.0.core.auth).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the vault was closed")
}

#[cfg(test)]
mod tests;
