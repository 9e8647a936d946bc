//! Giving tokens back: one that another has replaced after the requests that carry it have had their time, and all
//! there are at the end of a session.

use std::time::Duration;

use strongroom_core::Origin;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Core, Snapshot};
use crate::sync::{Arc, Mutex, lock};

/// How long the requests that carry a replaced token have.
const GRACE: Duration = Duration::from_secs(30);

/// How long giving a replaced token back may take while the session goes on.
const RETIRE_DEADLINE: Duration = Duration::from_secs(2);

/// How long giving everything back may take at the end.
const REVOKE_DEADLINE: Duration = Duration::from_millis(1_500);

/// A token that another has replaced.
#[derive(Clone)]
pub(super) struct Retired {
    token: Arc<Snapshot>,
    /// When it is given back.
    due: Instant,
}

/// What waits for the times of replaced tokens. It ends with the session's task; the tokens stay with the session.
#[derive(Default)]
pub(super) struct Retiring(Mutex<JoinSet<()>>);

impl Retiring {
    /// Takes up what an earlier task of the session has left.
    pub(super) fn take_up(&self, core: &Arc<Core>) {
        let left = lock(&core.kept).retired.clone();
        left.into_iter().for_each(|retired| self.wait(core, retired));
    }

    /// Notes that `old` was replaced.
    pub(super) fn add(&self, core: &Arc<Core>, old: Arc<Snapshot>) {
        core.retire(old).into_iter().for_each(|retired| self.wait(core, retired));
    }

    /// Nothing is given back from here any more.
    pub(super) fn stop(&self) {
        lock(&self.0).abort_all();
    }

    fn wait(&self, core: &Arc<Core>, Retired { token, due }: Retired) {
        let core = core.clone();
        let mut waiting = lock(&self.0);
        while waiting.try_join_next().is_some() {}
        waiting.spawn(async move {
            sleep_until(due).await;
            if let Some(secret) = token.token() {
                let _ = timeout(RETIRE_DEADLINE, core.server.revoke(secret)).await;
            }
            // Not before: a session that ends meanwhile has to do it.
            lock(&core.kept).retired.retain(|retired| retired.token.epoch != token.epoch);
        });
    }
}

impl Core {
    /// Keeps a replaced token until it is given back; none where it is not to be.
    pub(super) fn retire(&self, old: Arc<Snapshot>) -> Option<Retired> {
        if !is_ours(&old) {
            return None;
        }
        let grace = old.left().map_or(GRACE, |left| left.min(GRACE));
        let retired = Retired { token: old, due: Instant::now() + grace };
        lock(&self.kept).retired.push(retired.clone());
        Some(retired)
    }

    /// Gives back what was minted here, all at once. Bounded and silent: nobody can do anything about a failure.
    pub(super) async fn revoke(&self) {
        let retired = std::mem::take(&mut lock(&self.kept).retired);
        let current = self.current.swap(None).filter(|token| is_ours(token));
        let mut revoking = JoinSet::new();
        for token in current.into_iter().chain(retired.into_iter().map(|retired| retired.token)) {
            let server = self.server.clone();
            revoking.spawn(async move {
                if let Some(secret) = token.token() {
                    let _ = server.revoke(secret).await;
                }
            });
        }
        let _ = timeout(REVOKE_DEADLINE, async { while revoking.join_next().await.is_some() {} }).await;
    }
}

/// Whether a token is the session's own to end. A batch token cannot be.
fn is_ours(token: &Snapshot) -> bool {
    token.grant.origin == Origin::Minted && !token.grant.batch
}
