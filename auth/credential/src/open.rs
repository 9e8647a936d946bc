//! Opening a file without being held up by it, and what it looked like.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

#[cfg(unix)]
use rustix::fs::{Mode, OFlags};

/// What a file looked like: enough to tell that it was replaced or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    /// What the file at `path` looks like now, if there is one. A folder or pipe is none, and changes with every use.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|metadata| Self::from(&metadata))
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

/// The same for what is no secret: wherever links lead.
#[cfg(unix)]
pub(crate) fn open_through_links(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::empty())
}

#[cfg(unix)]
fn open_itself(path: &Path) -> io::Result<File> {
    open_with(path, OFlags::NOFOLLOW)
}

#[cfg(unix)]
fn open_with(path: &Path, more: OFlags) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | more;
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

#[cfg(not(unix))]
pub(crate) fn open_through_links(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Who but its owner can get at it, as what can be said of it; none where nobody can. Root can anyway, and owns what
/// orchestrators mount.
#[cfg(unix)]
pub(crate) fn openness(metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let (mode, owner) = (metadata.permissions().mode(), metadata.uid());
    let user = rustix::process::geteuid().as_raw();
    openness_of(mode, owner, user)
}

#[cfg(unix)]
pub(crate) fn openness_of(mode: u32, owner: u32, user: u32) -> Option<String> {
    let mut said = Vec::new();
    if mode & 0o004 != 0 {
        said.push("can be read by every user of this machine".to_owned());
    }
    if mode & 0o002 != 0 {
        said.push("can be written by every user of this machine".to_owned());
    } else if mode & 0o020 != 0 {
        said.push("can be written by its group".to_owned());
    }
    if owner != user && owner != 0 {
        said.push(format!("belongs to user {owner}, and not to user {user}, who reads it"));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(not(unix))]
pub(crate) fn openness(_: &Metadata) -> Option<String> {
    None
}
