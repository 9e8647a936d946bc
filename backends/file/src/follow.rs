//! What was read, and noticing that it looks different now.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_core::{Changes, Error};

use crate::blocking;
use crate::directory::{Directory, Stamp};
use crate::watch::Watch;

/// How often we ask whether the kernel has told of anything.
const TICK: Duration = Duration::from_millis(250);

/// How often all files are looked at, whatever the kernel tells.
const LOOK: Duration = Duration::from_secs(5);

/// How many files are followed, and how many names that are none. What is too much is refreshed by its `ttl` alone.
const MOST: (usize, usize) = (4096, 1024);

pub(crate) struct Followed {
    directory: Arc<Directory>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    entries: HashMap<Box<str>, Entry>,
    missing: usize,
    /// Counts what was noticed.
    mark: u64,
    looked: Option<Instant>,
    watch: Watch,
}

struct Entry {
    /// What it looked like last; none where it could not be read.
    stamp: Option<Stamp>,
    /// Whether it may have changed since without looking different.
    was_young: bool,
    /// When it was noticed last to look different.
    noticed: u64,
}

impl Followed {
    pub(crate) fn new(directory: Arc<Directory>) -> Self {
        Self { directory, known: Mutex::default() }
    }

    /// A file's bytes. From now on it is followed.
    pub(crate) fn read(&self, resource: &str) -> Result<Vec<u8>, Error> {
        // First the watch, so that no change falls between.
        if let Ok(root) = self.directory.open() {
            self.known().watch.add(&root, resource);
        }
        let read = self.directory.read(resource);
        self.known().see(resource, read.as_ref().ok().map(|(_, stamp)| *stamp), true);
        read.map(|(bytes, _)| bytes)
    }

    /// Completes when a file looks different than at `mark`.
    pub(crate) async fn changed(self: &Arc<Self>, mark: u64) -> Changes {
        loop {
            if self.known().is_due() {
                let followed = self.clone();
                // If the runtime is ending, so is this.
                let _ = blocking(move || followed.look()).await;
            }
            let changes = self.known().since(mark);
            if !changes.resources.is_empty() {
                return changes;
            }
            // A floor on the period, whatever happens in the directory.
            tokio::time::sleep(TICK).await;
        }
    }

    /// Looks at all files.
    fn look(&self) {
        let resources: Vec<_> = self.known().entries.keys().cloned().collect();
        let root = self.directory.open();
        for resource in resources {
            if let Ok(root) = &root {
                self.known().watch.add(root, &resource);
            }
            let stamp = self.directory.look(&resource);
            self.known().see(&resource, stamp, false);
        }
    }

    /// A panic elsewhere cannot poison it: what the lock guards is whole at every moment.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether the files are to be looked at: the kernel told of something, or it is time.
    fn is_due(&mut self) -> bool {
        let news = self.watch.has_news();
        let due = news || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK);
        if due {
            self.looked = Some(Instant::now());
        }
        due && !self.entries.is_empty()
    }

    fn see(&mut self, resource: &str, stamp: Option<Stamp>, is_new: bool) {
        let is_young = stamp.is_some_and(|stamp| stamp.is_young());
        if let Some(entry) = self.entries.get_mut(resource) {
            if entry.stamp == stamp {
                let was_young = std::mem::replace(&mut entry.was_young, is_young);
                if was_young && !is_young && !is_new {
                    self.mark += 1;
                    entry.noticed = self.mark;
                }
                return;
            }
            self.missing = self.missing + usize::from(stamp.is_none()) - usize::from(entry.stamp.is_none());
            self.mark += 1;
            *entry = Entry { stamp, was_young: is_young, noticed: self.mark };
        } else if is_new && self.has_room(stamp.is_none()) {
            self.missing += usize::from(stamp.is_none());
            self.entries.insert(resource.into(), Entry { stamp, was_young: is_young, noticed: 0 });
        }
    }

    /// Whether one more is followed. A file takes the place of a name that is none.
    fn has_room(&mut self, missing: bool) -> bool {
        if missing {
            return self.missing < MOST.1 && self.entries.len() < MOST.0;
        }
        if self.entries.len() >= MOST.0 {
            let gone = self.entries.iter().find(|(_, entry)| entry.stamp.is_none());
            let Some(gone) = gone.map(|(name, _)| name.clone()) else { return false };
            self.entries.remove(&gone);
            self.missing -= 1;
        }
        true
    }

    fn since(&self, mark: u64) -> Changes {
        let noticed = self.entries.iter().filter(|(_, entry)| entry.noticed > mark);
        Changes::new(self.mark, noticed.map(|(resource, _)| resource.clone()).collect())
    }
}

/// Names of secrets are not shown.
impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("files", &self.known().entries.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Option<Stamp> {
        Some(Stamp::from(&std::fs::metadata(env!("CARGO_MANIFEST_DIR")).unwrap()))
    }

    #[test]
    fn names_that_are_none_leave_room_for_files() {
        let mut known = Known::default();
        for name in 0..10_000 {
            known.see(&format!("guessed-{name}"), None, true);
        }
        assert_eq!((known.entries.len(), known.missing), (MOST.1, MOST.1));
        for name in 0..10_000 {
            known.see(&format!("file-{name}"), stamp(), true);
        }
        assert_eq!((known.entries.len(), known.missing), (MOST.0, 0));
    }

    #[test]
    fn what_was_written_just_before_it_was_looked_at_is_read_once_more() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let stamp = Some(Stamp::from(&file.path().metadata().unwrap()));
        let mut known = Known::default();
        known.see("a", stamp, true);
        assert!(known.since(0).resources.is_empty());
        std::thread::sleep(Duration::from_millis(100));
        // On a kernel with a coarse clock another text of the same length looks so too.
        known.see("a", stamp, false);
        assert_eq!(known.since(0).resources, ["a".into()]);
        known.see("a", stamp, false);
        assert!(known.since(1).resources.is_empty());
    }

    #[test]
    fn what_looks_different_is_told_to_each_who_asks() {
        let mut known = Known::default();
        known.see("a", stamp(), true);
        known.see("b", None, true);
        assert!(known.since(0).resources.is_empty());
        known.see("a", None, false);
        known.see("unknown", stamp(), false);
        let first = known.since(0);
        assert_eq!((first.mark, &first.resources[..]), (1, &["a".into()][..]));
        assert_eq!(known.since(0), first, "whoever asks again with the same mark hears the same");
        known.see("b", stamp(), true);
        assert_eq!(known.since(first.mark).resources, ["b".into()]);
        assert!(known.since(2).resources.is_empty());
    }
}
