//! The states of a session. The table of their transitions is in the module above.

use std::sync::Arc;

use strongroom_core::Error;
use tokio::time::Instant;

use super::Snapshot;
use super::ahead::{Ahead, Due, Login};

#[derive(Debug)]
pub(super) enum State {
    Unauthenticated,
    /// The number of logins that failed in a row.
    LoggingIn {
        failures: u32,
    },
    Backoff {
        failures: u32,
        error: Error,
        until: Instant,
    },
    Active {
        token: Arc<Snapshot>,
        ahead: Ahead,
    },
    /// With the login that is due meanwhile.
    Renewing {
        token: Arc<Snapshot>,
        failures: u32,
        login: Option<Login>,
    },
    /// With what is due in the token's own life meanwhile.
    Draining {
        token: Arc<Snapshot>,
        failures: u32,
        own: Option<(Instant, Due)>,
    },
    /// With what lies ahead if the token turns out to be alive.
    Suspect {
        token: Arc<Snapshot>,
        ahead: Ahead,
    },
    Closed,
}

impl State {
    /// With what the lease says, the first one of a login or not, and a login that is due already.
    pub(super) fn active(token: Arc<Snapshot>, first: bool, login: Option<Login>) -> Self {
        Self::Active { ahead: Ahead::of(&token, first).with(login), token }
    }
}
