//! Reading one file of the directory: a regular one, of bounded size, all of it as it was at one moment.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use strongroom_core::Error;
use zeroize::Zeroizing;

use crate::{MAX_LEN, beneath, fault};

/// How often a file is read that changes meanwhile.
const TRIES: usize = 5;

#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// What a file looks like: enough to tell that it was replaced or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    place: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            len: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file that was written so short a while ago may be written again within the same step of the kernel's clock, which is
/// 10 ms at most, and look the same.
const YOUNG: Duration = Duration::from_millis(50);

impl Stamp {
    /// Whether the file was written just now, so that it may change without looking different.
    pub(crate) fn is_young(&self) -> bool {
        let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else { return false };
        [self.modified, self.changed].into_iter().any(|(seconds, nanos)| {
            let written = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            (now.as_nanos() as i128 - written).unsigned_abs() < YOUNG.as_nanos()
        })
    }
}

impl Directory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory as it is now: it may have been replaced since.
    pub(crate) fn open(&self) -> Result<OwnedFd, Error> {
        beneath::root(&self.path).map_err(|error| fault::of_directory(&self.path, error))
    }

    /// Whether the directory is there.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.open().map(drop)
    }

    /// A file's bytes, and what it looked like.
    pub(crate) fn read(&self, resource: &str) -> Result<(Vec<u8>, Stamp), Error> {
        let root = self.open()?;
        for _ in 0..TRIES {
            let (mut file, before) = open(&root, resource)?;
            // A buffer that grows would leave copies behind. One byte more tells that the file has grown.
            let room = usize::try_from(before.len()).unwrap_or(MAX_LEN).min(MAX_LEN) + 1;
            let mut bytes = Zeroizing::new(vec![0; room]);
            let len = fill(&mut file, &mut bytes).map_err(|error| of_io(resource, &error))?;
            let stamp = Stamp::from(&before);
            let after = file.metadata().map_err(|error| of_io(resource, &error))?;
            if len > MAX_LEN {
                return Err(fault::too_long(resource));
            }
            if stamp == Stamp::from(&after) && len as u64 == after.len() {
                bytes.truncate(len);
                return Ok((std::mem::take(&mut *bytes), stamp));
            }
        }
        Err(fault::unsettled(resource))
    }

    /// What a file looks like; none where it cannot be read.
    pub(crate) fn look(&self, resource: &str) -> Option<Stamp> {
        let (_, metadata) = open(&self.open().ok()?, resource).ok()?;
        Some(Stamp::from(&metadata))
    }
}

fn open(root: &OwnedFd, resource: &str) -> Result<(File, Metadata), Error> {
    let file = File::from(beneath::file(root, resource).map_err(|error| fault::of_file(resource, error))?);
    let metadata = file.metadata().map_err(|error| of_io(resource, &error))?;
    if !metadata.is_file() {
        return Err(fault::not_a_file(resource, metadata.is_dir()));
    }
    if metadata.len() > MAX_LEN as u64 {
        return Err(fault::too_long(resource));
    }
    Ok((file, metadata))
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

fn of_io(resource: &str, error: &std::io::Error) -> Error {
    fault::of_file(resource, Errno::from_io_error(error).unwrap_or(Errno::IO))
}
