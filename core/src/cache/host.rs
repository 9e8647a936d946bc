//! The runtime on which background work runs: the one that hosts the registry, or the first that asked.
//!
//! What somebody waits for runs on the host only where that was chosen, and else on the reader's own runtime: the
//! first that asked may be one that nobody drives any more.

use std::sync::Mutex;

use tokio::runtime::{Handle, Id};

use crate::sync::lock;
use crate::{Error, ErrorKind};

/// Where tasks of a registry run.
#[derive(Debug, Default)]
pub(crate) struct Host(Mutex<Place>);

#[derive(Debug, Default)]
struct Place {
    handle: Option<Handle>,
    /// Whether somebody hosts the registry there on purpose.
    chosen: bool,
    /// How often a host was chosen.
    choices: u32,
}

impl Host {
    /// The host, which is the caller's runtime if there is none yet.
    ///
    /// # Errors
    ///
    /// There is none, and the caller is in no runtime.
    pub(crate) fn home(&self) -> Result<Handle, Error> {
        let mut host = lock(&self.0);
        match &host.handle {
            Some(handle) => Ok(handle.clone()),
            None => Ok(host.handle.insert(Handle::try_current().map_err(|_| no_runtime())?).clone()),
        }
    }

    /// The runtime for what the caller waits for.
    ///
    /// # Errors
    ///
    /// There is no host, and the caller is in no runtime.
    pub(crate) fn nearest(&self) -> Result<Handle, Error> {
        self.nearest_and_whether_here().map(|(runtime, _)| runtime)
    }

    /// The same, and whether it is the caller's own.
    pub(crate) fn nearest_and_whether_here(&self) -> Result<(Handle, bool), Error> {
        let here = Handle::try_current().ok();
        let mut host = lock(&self.0);
        let Place { handle, chosen, .. } = &mut *host;
        match (handle, here) {
            (Some(handle), Some(here)) => {
                let is_here = !*chosen || handle.id() == here.id();
                Ok((if is_here { here } else { handle.clone() }, is_here))
            }
            (Some(handle), None) => Ok((handle.clone(), false)),
            (none, Some(here)) => Ok((none.insert(here).clone(), true)),
            (None, None) => Err(no_runtime()),
        }
    }

    /// Makes the caller's runtime the host, if it is in one.
    pub(crate) fn move_here(&self) -> Option<Id> {
        let handle = Handle::try_current().ok()?;
        let id = handle.id();
        let mut host = lock(&self.0);
        *host = Place { handle: Some(handle), chosen: true, choices: host.choices.wrapping_add(1) };
        Some(id)
    }

    /// Whether what has ended in a runtime can begin anew: there is another host, or the caller is in another runtime.
    pub(crate) fn is_other_than(&self, left: Id) -> bool {
        let here = || Handle::try_current().ok().map(|here| here.id());
        self.id().or_else(here).is_some_and(|id| id != left)
    }

    pub(crate) fn id(&self) -> Option<Id> {
        lock(&self.0).handle.as_ref().map(Handle::id)
    }

    /// Leaves a host, and says which runtime it was, and by which choice if it was chosen.
    pub(super) fn leave(&self, id: Id) -> Option<(Handle, Option<u32>)> {
        let mut host = lock(&self.0);
        let Place { handle, chosen, choices } = &mut *host;
        let left = handle.take_if(|handle| handle.id() == id)?;
        Some((left, std::mem::take(chosen).then_some(*choices)))
    }

    /// Makes a runtime that was left the host again, unless another has taken its place: one that was chosen last gives way
    /// to none that was not. Says whether it is.
    pub(super) fn resume(&self, here: Handle, choice: Option<u32>) -> bool {
        let mut host = lock(&self.0);
        let chosen = choice == Some(host.choices);
        let is_here = host.handle.as_ref().is_some_and(|host| host.id() == here.id());
        if !is_here && host.handle.is_some() && (host.chosen || !chosen) {
            return false;
        }
        host.chosen = chosen || (is_here && host.chosen);
        host.handle = Some(here);
        true
    }
}

fn no_runtime() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "there is no tokio runtime to read on: call from within one, or let one host `Registry::run`",
    )
    .transient()
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    #[test]
    fn what_was_chosen_last_is_the_host_again_whoever_comes_back_first() {
        let runtime = || Builder::new_current_thread().build().unwrap();
        let (first, second, third) = (runtime(), runtime(), runtime());
        let host = Host::default();
        let choose = |runtime: &Runtime| {
            let _inside = runtime.enter();
            host.move_here().unwrap()
        };
        let (one, two) = (choose(&first), choose(&second));
        assert!(host.leave(one).is_none(), "it is no longer the host");
        let one = choose(&first);
        let (_, by_the_first) = host.leave(one).unwrap();
        assert_eq!(choose(&second), two);
        let (_, by_the_second) = host.leave(two).unwrap();
        assert!(host.resume(first.handle().clone(), by_the_first) && host.id() == Some(one));
        assert!(!host.resume(third.handle().clone(), None), "there is one");
        assert!(host.resume(second.handle().clone(), by_the_second) && host.id() == Some(two));
        assert!(!host.resume(first.handle().clone(), by_the_first), "it was chosen before");
        assert!(host.resume(second.handle().clone(), None), "it is that already");
        let _inside = third.enter();
        assert_eq!(
            host.nearest_and_whether_here().map(|(runtime, here)| (runtime.id(), here)).unwrap(),
            (two, false)
        );
    }
}
