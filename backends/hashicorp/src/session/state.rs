//! The states of a session. The table of their transitions is in the module above.

use std::sync::Arc;

use strongroom_core::Error;
use tokio::time::Instant;

use super::Snapshot;

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
    /// What is due next, and when; none for a token that does not end.
    Active {
        token: Arc<Snapshot>,
        next: Option<(Instant, Due)>,
    },
    Renewing {
        token: Arc<Snapshot>,
        failures: u32,
    },
    Draining {
        token: Arc<Snapshot>,
        failures: u32,
    },
    /// With what is due next if the token turns out to be alive.
    Suspect {
        token: Arc<Snapshot>,
        next: Option<(Instant, Due)>,
    },
    Closed,
}

/// What the next point in a token's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask what a configured token is: nobody has told us.
    LookUp,
    /// Renew, the count of failures so far.
    Renew(u32),
    /// Log in anew while the token still serves, the count of failures so far.
    Replace(u32),
    /// The token is at its end.
    End,
}

impl Due {
    /// How many logins in a row have failed before it.
    pub(super) const fn failed_logins(self) -> u32 {
        match self {
            Self::Replace(failures) => failures,
            Self::LookUp | Self::Renew(_) | Self::End => 0,
        }
    }
}
