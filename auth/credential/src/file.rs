//! A file that holds a credential: a regular one of bounded size, whose changes are noticed.

use std::io::Read;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Secret};
use zeroize::Zeroizing;

use crate::MAX_LEN;
use crate::open::{Stamp, open, openness};

/// How often a file is looked at for a change.
pub(crate) const POLL: Duration = Duration::from_secs(5);

pub(crate) struct CredentialFile {
    what: &'static str,
    path: PathBuf,
    seen: Mutex<Seen>,
}

/// What was noticed of the file so far.
#[derive(Default)]
struct Seen {
    last: Look,
    /// Whether it was said that others may read or write it.
    warned: bool,
}

/// What the file looked like, and whether it could be read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    stamp: Option<Stamp>,
    read: bool,
}

impl CredentialFile {
    pub(crate) fn new(what: &'static str, path: PathBuf) -> Self {
        Self { what, path, seen: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it is now; one byte more than allowed where it is too long.
    pub(crate) async fn read(&self) -> Result<Secret, Error> {
        let stamp = self.apart(Stamp::of).await.flatten();
        // What cannot be read, or is not read to its end in time, has been looked at too.
        self.note(|last| if last.stamp == stamp { *last } else { Look { stamp, read: false } });
        let read = self.apart(read).await.ok_or_else(|| self.error("reading it was interrupted"))?;
        let (bytes, stamp, openness) = read.map_err(|error| {
            self.note(|_| Look { stamp, read: false });
            self.error(&format!("cannot be read: {error}"))
        })?;
        self.note(|_| Look { stamp: Some(stamp), read: true });
        if let Some(openness) = openness.filter(|_| !mem::replace(&mut self.seen().warned, true)) {
            tracing::warn!("the {} file `{}` {openness}", self.what, self.path.display());
        }
        Ok(bytes)
    }

    pub(crate) async fn changed(&self) {
        loop {
            tokio::time::sleep(POLL).await;
            // That a file can be read now is not always seen from outside: only trying tells.
            let look = if self.seen().last.read { Look::at } else { Look::into };
            let now = self.apart(look).await.unwrap_or_default();
            if now.stamp.is_some() && now != self.seen().last {
                return;
            }
        }
    }

    /// What `job` makes of the path, away from the runtime's threads: a file on a network mount may block for long.
    async fn apart<T: Send + 'static>(&self, job: fn(&Path) -> T) -> Option<T> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || job(&path)).await.ok()
    }

    fn note(&self, look: impl FnOnce(&Look) -> Look) {
        let mut seen = self.seen();
        seen.last = look(&seen.last);
    }

    /// A panic elsewhere cannot poison it: what the lock guards is whole at every moment.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, what: &str) -> Error {
        let message = format!("the {} file `{}` {what}", self.what, self.path.display());
        Error::new(ErrorKind::Unauthenticated, message)
    }
}

impl Look {
    /// From outside, at a file that could be read.
    fn at(path: &Path) -> Self {
        Self { stamp: Stamp::of(path), read: true }
    }

    /// Into a file that could not be read.
    fn into(path: &Path) -> Self {
        match read(path) {
            Ok((_, stamp, _)) => Self { stamp: Some(stamp), read: true },
            Err(_) => Self { stamp: Stamp::of(path), read: false },
        }
    }
}

fn read(path: &Path) -> std::io::Result<(Secret, Stamp, Option<String>)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    // One byte more than allowed, and a line end, tell a long file from one that just fits. A buffer that grows
    // would leave copies behind.
    let most = MAX_LEN + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 32));
    file.take(most as u64).read_to_end(&mut bytes)?;
    Ok((Secret::new(mem::take(&mut *bytes)), Stamp::from(&metadata), openness(&metadata)))
}
