//! Renewing a token, and what its new lease or a failure means for it.

use strongroom_core::{ErrorKind, Origin};
use tokio::time::Instant;

use super::actor::Actor;
use super::failure::ends_renewals;
use super::state::{Due, State};
use super::{Lease, Snapshot, timing};
use crate::sync::Arc;

impl Actor {
    pub(super) async fn renewing(&self, token: Arc<Snapshot>, failures: u32) -> State {
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
            Err(error) if ends_renewals(&error) => {
                tracing::debug!("the token cannot be renewed: {error}");
                let mut lasting = token.grant.clone();
                lasting.renewable = false;
                let lasting = Arc::new(token.again(lasting, token.since));
                self.core.current.store(Some(lasting.clone()));
                self.active(lasting, false)
            }
            Err(error) => {
                tracing::debug!("renewing the token failed: {error}");
                Self::renewal_failed(token, failures + 1)
            }
        }
    }

    /// Tries again while there is time, and logs in before there is none.
    fn renewal_failed(token: Arc<Snapshot>, failures: u32) -> State {
        let lease = token.grant.lease.unwrap_or_default();
        let remaining = token.left().unwrap_or_default();
        let wait = timing::renew_backoff(failures, remaining, &mut fastrand::f64);
        // Another login would give a configured token again.
        let replaceable = token.grant.origin != Origin::Supplied;
        if replaceable && wait >= remaining.saturating_sub(lease.mul_f64(0.1)) {
            return State::Draining { token, failures: 0 };
        }
        let (again, end) = (Instant::now() + wait, token.since + timing::ends_at(lease));
        let next = if again < end { (again, Due::Renew(failures)) } else { (end, Due::End) };
        State::Active { token, next: Some(next) }
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
