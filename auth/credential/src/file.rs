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
    /// What it looked like when it was last read.
    stamp: Option<Stamp>,
    /// Whether it was said that others may read or write it.
    warned: bool,
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
        let path = self.path.clone();
        // A file on a network mount may block for long.
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let (bytes, stamp, openness) = read
            .map_err(|_| self.error("reading it was interrupted"))?
            .map_err(|error| self.error(&format!("cannot be read: {error}")))?;
        let mut seen = self.seen();
        seen.stamp = Some(stamp);
        if let Some(openness) = openness.filter(|_| !mem::replace(&mut seen.warned, true)) {
            tracing::warn!("the {} file `{}` {openness}", self.what, self.path.display());
        }
        Ok(bytes)
    }

    pub(crate) async fn changed(&self) {
        loop {
            tokio::time::sleep(POLL).await;
            let path = self.path.clone();
            let now = tokio::task::spawn_blocking(move || Stamp::of(&path)).await.ok().flatten();
            if now.is_some() && now != self.seen().stamp {
                return;
            }
        }
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
