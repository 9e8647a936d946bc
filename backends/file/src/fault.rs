//! What a failure to read a file means, and what to do about it. The messages name the path and hold no content.

use std::path::Path;

use rustix::io::Errno;
use strongroom_core::{Error, ErrorKind, escaped};

/// Why a file of the directory could not be opened or read.
pub(crate) fn of_file(resource: &str, fault: Errno) -> Error {
    use ErrorKind::{InvalidValue, NotFound, PermissionDenied};
    let (kind, what) = match fault {
        Errno::NOENT | Errno::NAMETOOLONG => (NotFound, "there is no such file".into()),
        Errno::NOTDIR => (NotFound, "there is no such file: part of the path is a file itself".into()),
        Errno::ACCESS | Errno::PERM => (
            PermissionDenied,
            format!(
                "it may not be read by user {}: look at its owner and mode, and at those of the directories on the way",
                rustix::process::geteuid().as_raw()
            ),
        ),
        Errno::XDEV => {
            (PermissionDenied, "it leads out of the vault's directory, which is never followed".into())
        }
        Errno::LOOP => (InvalidValue, "its links lead in a circle".into()),
        Errno::NXIO => (InvalidValue, NOT_REGULAR.into()),
        other => return transient(resource, &format!("it cannot be read: {other}")),
    };
    error(kind, resource, &what)
}

/// The name has a segment that no file has.
pub(crate) fn of_name(resource: &str) -> Error {
    error(ErrorKind::NotFound, resource, "there is no such file: part of its path is empty, `.` or `..`")
}

const NOT_REGULAR: &str = "it is not a regular file";

/// The path is something else than a file.
pub(crate) fn not_a_file(resource: &str, is_directory: bool) -> Error {
    let what = if is_directory {
        "it is a directory: name a file in it and end the reference in `/`, as in `{vault://my-files/directory/file/}`"
    } else {
        NOT_REGULAR
    };
    error(ErrorKind::InvalidValue, resource, what)
}

/// The file is larger than any that is read.
pub(crate) fn too_long(resource: &str) -> Error {
    error(ErrorKind::InvalidValue, resource, "it is longer than 1 MiB, the most that is read")
}

/// The file was written whenever we read it.
pub(crate) fn unsettled(resource: &str) -> Error {
    transient(
        resource,
        "it changes while it is read; replace it by renaming, so that readers see all of it or nothing",
    )
}

/// Why the directory itself could not be opened. One that is missing may be a volume that is not mounted yet, so what
/// was read before is not taken away.
pub(crate) fn of_directory(path: &Path, fault: Errno) -> Error {
    let message = format!(
        "the vault's directory `{}` cannot be opened by user {}: {fault}",
        escaped(&path.to_string_lossy()),
        rustix::process::geteuid().as_raw()
    );
    match fault {
        Errno::ACCESS | Errno::PERM => Error::new(ErrorKind::PermissionDenied, message),
        _ => Error::new(ErrorKind::Unavailable, message).transient(),
    }
}

fn transient(resource: &str, what: &str) -> Error {
    error(ErrorKind::Unavailable, resource, what).transient()
}

fn error(kind: ErrorKind, resource: &str, what: &str) -> Error {
    Error::new(kind, format!("the file `{}`: {what}", escaped(resource)))
}
