//! A prefix and the vault behind it, which may be replaced while others read.

use std::sync::PoisonError;

use super::folders::Folders;
use super::line::Line;
use super::notice::Pulse;
use crate::sync::{Arc, AtomicBool, AtomicU32, Ordering, RwLock, Swap};
use crate::{Error, ErrorKind, Vault, escaped};

/// What a prefix stands for, for as long as it stands for anything.
#[derive(Debug)]
pub(crate) struct Mount {
    prefix: Box<str>,
    /// None once the vault was removed.
    current: Swap<Option<Arc<Mounted>>>,
    /// Held by who puts another in its place, and shared by those who publish what it says. Locked for moments, never
    /// across an await.
    replacing: RwLock<()>,
    /// Whether it was said that handles do not follow by themselves.
    said: AtomicBool,
    /// What is due in the background.
    pub(super) line: Line,
    pub(super) folders: Folders,
    /// How the vault has answered lately.
    pub(crate) pulse: Pulse,
    /// The generation whose changes somebody listens to; 0 for none.
    pub(super) followed: AtomicU32,
}

/// A vault and which one it is of those that a prefix has had.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Counts from 1.
    pub(crate) generation: u32,
    pub(crate) vault: Vault,
}

impl Mount {
    pub(crate) fn new(prefix: &str, vault: Vault) -> Self {
        let mounted = Mounted { generation: 1, vault };
        Self {
            prefix: prefix.into(),
            current: Swap::new(Arc::new(Some(Arc::new(mounted)))),
            replacing: RwLock::new(()),
            said: AtomicBool::new(false),
            line: Line::default(),
            folders: Folders::default(),
            pulse: Pulse::of(1),
            followed: AtomicU32::new(0),
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn current(&self) -> Option<Arc<Mounted>> {
        (*self.current.load()).clone()
    }

    /// The vault, or the error that there is none any more.
    pub(crate) fn mounted(&self) -> Result<Arc<Mounted>, Error> {
        self.look(Arc::clone)
    }

    /// Looks at the vault without counting on it, which is for a moment; or the error that there is none any more.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Arc<Mounted>) -> R) -> Result<R, Error> {
        let current = self.current.load();
        current.as_ref().map(look).ok_or_else(|| {
            let message =
                format!("vault `{}` was removed, or its registry was shut down", escaped(&self.prefix));
            Error::new(ErrorKind::Closed, message)
        })
    }

    /// Puts another vault in the place of the present one, which it gives back.
    pub(crate) fn replace(&self, vault: Vault) -> Option<Arc<Mounted>> {
        let _alone = self.replacing.write().unwrap_or_else(PoisonError::into_inner);
        let before = self.current()?;
        let generation = before.generation.wrapping_add(1).max(1);
        self.pulse.restart(generation);
        drop(self.current.swap(Arc::new(Some(Arc::new(Mounted { generation, vault })))));
        Some(before)
    }

    /// Leaves the prefix without a vault.
    pub(crate) fn unmount(&self) -> Option<Arc<Mounted>> {
        let _alone = self.replacing.write().unwrap_or_else(PoisonError::into_inner);
        // A registry that ends asks this of every secret's mount, and what was replaced costs a fence on all threads.
        let before = self.current()?;
        self.pulse.restart(0);
        drop(self.current.swap(Arc::default()));
        Some(before)
    }

    /// Says once that a value without a ttl changes by hand alone.
    pub(crate) fn say_that_it_stays(&self) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::info!(
                prefix = self.prefix(),
                "this vault has no ttl: what is watched changes only when it is refreshed by hand"
            );
        }
    }

    /// Does something while no other vault can take the place of this generation's; nothing if one already has.
    pub(crate) fn while_current<R>(&self, generation: u32, publish: impl FnOnce(&Mounted) -> R) -> Option<R> {
        let _shared = self.replacing.read().unwrap_or_else(PoisonError::into_inner);
        self.current.load().as_deref().filter(|mounted| mounted.generation == generation).map(publish)
    }

    /// Puts the vault in front of what went wrong in it.
    pub(crate) fn place(&self, error: Error, vault: &Vault) -> Error {
        let error =
            error.at(format_args!("vault `{}` ({})", escaped(&self.prefix), vault.backend.describe()));
        match &vault.note {
            Some(note) => error.note(note),
            None => error,
        }
    }
}
