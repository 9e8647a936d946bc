//! Opening a file without being held up by it, and what it looked like.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// What a file looked like: enough to tell that it was replaced or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    /// What the file at `path` looks like now, if it is there.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { modified: metadata.modified().ok(), length: metadata.len(), inode }
    }
}

/// Opens for reading. A pipe or device that nobody writes to does not hold us up, and a link is not followed: who may
/// make one where a credential lies must not choose the file. The kubelet's links alone are: `token -> ..data/token`,
/// where `..data` is a folder that it swaps whole.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match open_itself(path) {
        Err(_) if path.is_symlink() => open_itself(&behind(path)?),
        opened => opened,
    }
}

#[cfg(unix)]
fn open_itself(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// The file behind a link of the kubelet's.
#[cfg(unix)]
fn behind(link: &Path) -> io::Result<std::path::PathBuf> {
    use std::path::Component::Normal;

    let target = std::fs::read_link(link)?;
    let parts: Vec<_> = target.components().collect();
    match parts[..] {
        [Normal(data), Normal(_)] if data == "..data" => Ok(link.with_file_name(target)),
        _ => Err(io::Error::other("it is a link, which is not followed; name the file that it leads to")),
    }
}

#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether every user of the machine may read it.
#[cfg(unix)]
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o004 != 0
}

#[cfg(not(unix))]
pub(crate) fn is_open_to_others(_: &Metadata) -> bool {
    false
}
