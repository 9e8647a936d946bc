//! What a registry tells of its rotation as it goes, without values.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};

/// How many events wait for a receiver before it misses the oldest of them.
const WAITING: usize = 1024;

/// Something that became of a secret in memory. Never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationEvent {
    /// The prefix of the vault.
    pub prefix: Arc<str>,
    /// The resource, as references name it, decoded.
    pub resource: Arc<str>,
    /// The version that references ask for; none for those who follow the current one.
    pub pinned: Option<NonZeroU64>,
    /// What became of it.
    pub kind: RotationKind,
    /// The version that was in memory; none where there was no value, or the vault keeps no versions.
    pub old: Option<u64>,
    /// The version that is in memory now; none where there is no value, or the vault keeps no versions.
    pub new: Option<u64>,
}

/// What became of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RotationKind {
    /// It has another value, or has one again after it was gone.
    Changed,
    /// It was deleted or denied: there is no value any more.
    Gone,
    /// It cannot be read at present; the last good value is served within its limits.
    Failing,
    /// It can be read again.
    Recovered,
}

impl RotationKind {
    /// A stable name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Recovered => "recovered",
        }
    }
}

impl fmt::Display for RotationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a receiver of events is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something has happened.
    Event(RotationEvent),
    /// The receiver was too slow, or an observer of logs or figures was: so many events have been dropped. Look
    /// at what is of interest.
    Missed(u64),
}

/// Receives the events of a registry from when it was made on. Up to 1,024 of them wait for it.
///
/// ```
/// # use strongroom_core::{Heard, MemoryVault, Registry, RotationKind};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let vault = std::sync::Arc::new(MemoryVault::new());
/// # vault.set("db", r#"{"password": "1"}"#)?;
/// # let registry = Registry::builder().vault("my-vault", strongroom_core::Vault::shared(vault.clone())).build()?;
/// let mut events = registry.events();
/// registry.get("{vault://my-vault/db/password}").await?;
/// # vault.set("db", r#"{"password": "2"}"#)?;
/// registry.refresh("{vault://my-vault/db/password}").await?;
///
/// let Some(Heard::Event(event)) = events.next().await else { panic!("something has changed") };
/// assert_eq!((&*event.resource, event.kind), ("db", RotationKind::Changed));
/// assert_eq!((event.old, event.new), (Some(1), Some(2)));
/// # Ok::<_, strongroom_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct RotationEvents(Receiver<Heard>);

impl RotationEvents {
    pub(crate) fn of(sender: &Sender<Heard>) -> Self {
        Self(sender.subscribe())
    }

    /// The next event; none once the registry and all of its handles are gone. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(heard) => Some(heard),
            Err(RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// An event that is there already, without waiting.
    pub fn try_next(&mut self) -> Option<Heard> {
        match self.0.try_recv() {
            Ok(heard) => Some(heard),
            Err(TryRecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

/// Where the events come from.
pub(crate) fn source() -> Sender<Heard> {
    Sender::new(WAITING)
}
