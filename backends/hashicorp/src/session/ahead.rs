//! What lies ahead of a token that serves: a point in its own life, and a login for another one. Neither puts the other
//! off: a token is renewed while the logins that are to replace it fail.

use std::time::Duration;

use strongroom_core::Origin;
use tokio::time::Instant;

use super::Snapshot;
use super::timing::{self, FLOOR};

/// How soon a configured token is looked up: later than a command that reads once and ends.
const LOOK_UP_AFTER: Duration = Duration::from_secs(1);

/// Nothing for a token that does not end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    /// In the token's own life.
    pub(super) own: Option<(Instant, Due)>,
    /// The login for another one.
    pub(super) login: Option<Login>,
}

/// A login that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    pub(super) at: Instant,
    /// How many in a row have failed before it.
    pub(super) failures: u32,
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

impl Ahead {
    /// What the lease of `token` says. `first` is the first lease of a login.
    pub(super) fn of(token: &Snapshot, first: bool) -> Self {
        let dice = &mut fastrand::f64;
        let grant = &token.grant;
        let after = |wait| (token.since + wait).max(Instant::now() + FLOOR);
        let own = |wait, due| Self { own: Some((after(wait), due)), login: None };
        match (grant.lease, grant.origin) {
            (None, Origin::Supplied) if first && grant.uses.is_none() => own(LOOK_UP_AFTER, Due::LookUp),
            (None, _) => Self::default(),
            (Some(lease), _) if grant.renewable && !grant.batch => {
                own(timing::renew_at(lease, first, dice), Due::Renew(0))
            }
            // Another login would give the same token.
            (Some(lease), Origin::Supplied) => own(timing::ends_at(lease), Due::End),
            (Some(lease), _) => {
                let login = Login { at: after(timing::replace_at(lease, dice)), failures: 0 };
                Self { own: None, login: Some(login) }
            }
        }
    }

    /// The same with a login that is due already, which keeps its time.
    pub(super) fn with(self, login: Option<Login>) -> Self {
        Self { login: login.or(self.login), ..self }
    }

    /// What comes first.
    pub(super) fn next(self) -> Option<(Instant, Due)> {
        let login = self.login.map(|login| (login.at, Due::Replace(login.failures)));
        self.own.into_iter().chain(login).min_by_key(|(at, _)| *at)
    }

    /// How many logins in a row have failed.
    pub(super) fn failed_logins(self) -> u32 {
        self.login.map_or(0, |login| login.failures)
    }
}
