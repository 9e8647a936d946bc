//! Renewing a token, and what its new lease or a failure means for it.

use strongroom_core::{ErrorKind, Origin};
use tokio::time::Instant;

use super::actor::Actor;
use super::ahead::{Ahead, Due, Login};
use super::failure::ends_renewals;
use super::state::State;
use super::{Lease, Snapshot, timing};
use crate::sync::Arc;

impl Actor {
    pub(super) async fn renewing(&self, token: Arc<Snapshot>, failures: u32, login: Option<Login>) -> State {
        let Some(secret) = token.token().cloned() else {
            return State::Active { token, ahead: Ahead::default().with(login) };
        };
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
                let ahead = Ahead::of(&renewed, false).with(login);
                // A login that has failed has its own wait.
                if (shrank || !renewed.grant.renewable) && login.is_none() {
                    State::Draining { token: renewed, failures: 0, own: ahead.own }
                } else {
                    State::Active { token: renewed, ahead }
                }
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                self.is_dead(token, login.map_or(0, |login| login.failures))
            }
            Err(error) if ends_renewals(&error) => {
                tracing::debug!("the token cannot be renewed: {error}");
                let mut lasting = token.grant.clone();
                lasting.renewable = false;
                let lasting = Arc::new(token.again(lasting, token.since));
                self.core.current.store(Some(lasting.clone()));
                State::active(lasting, false, login)
            }
            Err(error) => {
                tracing::debug!("renewing the token failed: {error}");
                renewal_failed(token, failures + 1, login)
            }
        }
    }

    /// The same token with what the server now says of its life.
    pub(super) fn with_lease(&self, token: &Snapshot, lease: Lease, since: Instant) -> Arc<Snapshot> {
        let mut grant = token.grant.clone();
        (grant.lease, grant.renewable) = (lease.ttl, lease.renewable);
        if grant.uses.is_none() {
            grant.uses = lease.uses;
        }
        let token = Arc::new(token.again(grant, since));
        self.core.current.store(Some(token.clone()));
        token
    }
}

/// Tries again while the token lives, and logs in before it does not.
fn renewal_failed(token: Arc<Snapshot>, failures: u32, login: Option<Login>) -> State {
    let lease = token.grant.lease.unwrap_or_default();
    let remaining = token.left().unwrap_or_default();
    let wait = timing::renew_backoff(failures, remaining, &mut fastrand::f64);
    let (again, end) = (Instant::now() + wait, token.since + timing::ends_at(lease));
    // Another login would give a configured token again.
    let replaceable = token.grant.origin != Origin::Supplied;
    let own = match again < end {
        true => Some((again, Due::Renew(failures))),
        false if replaceable => None,
        false => Some((end, Due::End)),
    };
    if replaceable && login.is_none() && wait >= remaining.saturating_sub(lease.mul_f64(0.1)) {
        return State::Draining { token, failures: 0, own };
    }
    State::Active { token, ahead: Ahead { own, login } }
}
