//! Where a result goes: standard output, or a file that changes all at once or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure};
use crate::input::STANDARD;
use crate::output;

/// What a file with secrets in it may be read by, unless somebody said otherwise.
const PRIVATE: u32 = 0o600;

/// Writes a result to a file, or to standard output where none is named.
///
/// The file gets `mode`, else the mode that it has, else one that lets nobody but its owner read it.
pub(crate) fn write(bytes: &[u8], path: Option<&Path>, mode: Option<u32>) -> Result<(), Failure> {
    match path.filter(|path| path.as_os_str() != STANDARD) {
        None => output::print(|out| out.write_all(bytes)),
        Some(path) => replace(bytes, path, mode)
            .map_err(|error| Failure::io(&format!("could not write {}", path.display()), &error)),
    }
}

/// Refuses what cannot be replaced, before any secret is read for it.
pub(crate) fn check(path: Option<&Path>) -> Result<(), Failure> {
    match path.filter(|path| path.as_os_str() != STANDARD).map(|path| (path, target(path))) {
        Some((path, Err(error))) => {
            Err(Failure::new(Exit::Usage, format!("could not write {}", path.display()))
                .with(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Whoever reads the file meanwhile sees the old one or the new one. What was begun is removed where it fails.
fn replace(bytes: &[u8], path: &Path, mode: Option<u32>) -> io::Result<()> {
    let (path, old) = target(path)?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::with_prefix_in(".strongroom-", directory)?;
    file.write_all(bytes)?;
    set_access(file.as_file(), old.as_ref(), mode)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    // The file is there; a file system that cannot sync a directory will do it in its own time.
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// The file itself where the path is a link to it, and what is there now.
fn target(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    let path = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((path.to_owned(), None)),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.is_symlink() => fs::canonicalize(path)?,
        Ok(_) => path.to_owned(),
    };
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        let what = "it is there and no regular file, so that it cannot be replaced: leave out -o to print";
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    Ok((path, Some(metadata)))
}

#[cfg(unix)]
fn set_access(file: &File, old: Option<&Metadata>, mode: Option<u32>) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    let mut mode = mode.or_else(|| Some(old?.mode() & 0o777)).unwrap_or(PRIVATE);
    let new = file.metadata()?;
    if let Some(old) = old.filter(|old| (old.uid(), old.gid()) != (new.uid(), new.gid())) {
        // A group that did not have the file before must not get it now.
        if fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
            mode &= !0o070;
        }
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_access(_: &File, _: Option<&Metadata>, _: Option<u32>) -> io::Result<()> {
    Ok(())
}
