//! Sessions that several vaults share, because they log in alike.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use strongroom_core::Identity;

use super::{Session, Shared};
use crate::transport::Trust;

/// The logins of several vaults: those that log in alike, at the same server, share one token. A clone is the same
/// collection. Vaults that one [`HashicorpFactory`](crate::HashicorpFactory) makes share anyway.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Mutex<Vec<Entry>>>);

/// A session that lives as long as somebody uses it.
type Entry = (Key, Weak<Shared>);

/// What makes logins alike.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) addresses: Vec<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) server_name: Option<String>,
    pub(crate) identity: Identity,
}

impl Sessions {
    /// No vault has logged in yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The session of those who log in alike, or a new one.
    pub(crate) fn join(&self, key: Key, make: impl FnOnce() -> Session) -> Session {
        // A panic elsewhere cannot poison it: what the lock guards is whole at every moment.
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|(_, session)| session.strong_count() > 0);
        let alike =
            sessions.iter().filter(|(other, _)| *other == key).filter_map(|(_, session)| session.upgrade());
        if let Some(session) = alike.map(Session).find(Session::enter) {
            return session;
        }
        let session = make();
        sessions.push((key, Arc::downgrade(&session.0)));
        session
    }
}
