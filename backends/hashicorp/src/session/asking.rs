//! Asking what a token is: one that nobody told us about, and one that the server rejected.

use std::time::Duration;

use strongroom_core::{Error, ErrorKind};
use tokio::time::Instant;

use super::Snapshot;
use super::actor::Actor;
use super::ahead::{Ahead, Due, Login};
use super::failure::ends_renewals;
use super::state::State;
use super::timing::{self, FLOOR};
use crate::sync::Arc;

impl Actor {
    /// A token that nobody told us about: how long it lives decides what is due.
    pub(super) async fn look_up(&self, token: Arc<Snapshot>, login: Option<Login>) -> State {
        let unknown = Ahead::default().with(login);
        let Some(secret) = token.token().cloned() else { return State::Active { token, ahead: unknown } };
        let (core, since) = (self.core.clone(), Instant::now());
        let lookup = async move { core.server.look_up(&secret).await };
        let Some(result) = self.while_serving(lookup, &token).await else { return State::Closed };
        match result {
            Ok(lease) => {
                let known = self.with_lease(&token, lease, since);
                // One that never ends, as root tokens do, is not asked about again.
                let ends = known.grant.lease.is_some();
                State::active(known, ends, login)
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                self.is_dead(token, unknown.failed_logins())
            }
            Err(error) if ends_renewals(&error) => {
                // Alive, but not allowed to ask about itself.
                tracing::debug!("the token's lease cannot be known: {error}");
                State::Active { token, ahead: unknown }
            }
            Err(error) => {
                tracing::debug!("the token's lease is asked for later: {error}");
                let wait = told_to_wait(&error).unwrap_or_else(|| timing::look_up_again(&mut fastrand::f64));
                let own = Some((Instant::now() + wait, Due::LookUp));
                State::Active { token, ahead: Ahead { own, login } }
            }
        }
    }

    /// The token was rejected like a dead one: one question settles it for everybody.
    pub(super) async fn suspect(&self, token: Arc<Snapshot>, ahead: Ahead) -> State {
        let limited = token.grant.uses.is_some();
        let failures = ahead.failed_logins();
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
                State::Active { token, ahead }
            }
            result => {
                // Alive, or nobody can say: in both cases another login would not help.
                if let Err(error) = result {
                    tracing::debug!("whether the token is alive is not known: {error}");
                }
                self.desk.acquit();
                State::Active { token, ahead }
            }
        }
    }
}

/// For how long a question about a token waits, where the server wants to be left alone.
fn told_to_wait(error: &Error) -> Option<Duration> {
    let told = error.retry_after().or_else(|| (error.kind() == ErrorKind::RateLimited).then_some(FLOOR))?;
    error.is_retryable().then_some(told.clamp(FLOOR, timing::REFUSED_CAP))
}
