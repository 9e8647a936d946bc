//! Which configuration is read.
//!
//! A file that is found rather than named has to be ours: whoever could write it would choose where credentials go.

use std::env;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind as IoErrorKind, Read};
use std::path::{Path, PathBuf};

use strongroom::config::{Config, Format};
use strongroom::{Error, ErrorKind};
use zeroize::Zeroizing;

const VARIABLE: &str = "STRONGROOM_CONFIG";

/// What is looked for in the working directory. No name that a Kong user's repository may have.
const NAMES: [&str; 4] = ["strongroom.toml", "strongroom.yaml", "strongroom.yml", "strongroom.json"];

const KONG_FILE: &str = "kong.yaml";

/// More than any configuration file may have, which the library says when it gets it.
const MORE_THAN_ENOUGH: u64 = (16 << 20) + 1;

/// The vaults of the named files, else of the file that the environment names, else of one that is found, else none.
pub(crate) fn config(named: &[PathBuf]) -> Result<Config, Error> {
    if !named.is_empty() {
        return named.iter().try_fold(Config::new(), Config::and_load);
    }
    if let Some(path) = named_by_variable() {
        return Config::load(path).map_err(|error| error.note(format_args!("{VARIABLE} names this file")));
    }
    for name in NAMES {
        match Path::new(name).symlink_metadata() {
            Ok(_) => return load_found(name),
            Err(error) if error.kind() == IoErrorKind::NotFound => {}
            Err(error) => return Err(fault(name, format_args!("cannot be looked for: {error}"))),
        }
    }
    Ok(Config::new())
}

fn named_by_variable() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// What to do about an unknown prefix where a Kong file lies there unread.
pub(crate) fn unread_kong_file(error: &Error, named: &[PathBuf]) -> Option<String> {
    let variable = named_by_variable();
    let mut named = named.iter().chain(&variable);
    let unread = error.kind() == ErrorKind::UnknownPrefix
        && !named.any(|path| path.file_name().is_some_and(|name| name == KONG_FILE))
        && Path::new(KONG_FILE).is_file();
    unread.then(|| format!("a Kong file is read only where it is named: --config {KONG_FILE}"))
}

/// The file that is checked is the file that is read, whatever happens to its name meanwhile.
fn load_found(name: &str) -> Result<Config, Error> {
    let unreadable = |error: io::Error| fault(name, format_args!("cannot be read: {error}"));
    check(name, &Path::new(name).symlink_metadata().map_err(unreadable)?)?;
    let file = File::open(name).map_err(unreadable)?;
    check(name, &file.metadata().map_err(unreadable)?)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MORE_THAN_ENOUGH).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| fault(name, "is not UTF-8 text"))?;
    let format = Format::from_path(Path::new(name)).ok_or_else(|| fault(name, "is of no known format"))?;
    Config::new().and_parse(name, text, format)
}

#[cfg(unix)]
fn check(name: &str, metadata: &Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;

    // A link's own mode says nothing; whose it is does.
    let mode = if metadata.is_symlink() { 0 } else { metadata.mode() };
    match distrust((metadata.uid(), metadata.gid()), mode, rustix::process::geteuid().as_raw()) {
        None => Ok(()),
        Some(why) => Err(fault(name, format_args!("lies here and {why}: name it with --config to read it"))),
    }
}

#[cfg(not(unix))]
fn check(_: &str, _: &Metadata) -> Result<(), Error> {
    Ok(())
}

/// Why a file may say what somebody else wants.
#[cfg(unix)]
fn distrust((owner, group): (u32, u32), mode: u32, user: u32) -> Option<String> {
    if owner != user && owner != 0 {
        return Some(format!("belongs to another user (uid {owner})"));
    }
    if mode & 0o002 != 0 {
        return Some("every user of this machine can write it (`chmod o-w` ends that)".to_owned());
    }
    // A group with its owner's number is the one that systems make for each user, and has no other member.
    (mode & 0o020 != 0 && group != owner)
        .then(|| format!("its group (gid {group}) can write it (`chmod g-w` ends that)"))
}

fn fault(name: &str, what: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{name} {what}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_and_root_may_write_a_file_that_is_found() {
        let (mine, roots, shared) = ((1000, 1000), (0, 0), (1000, 100));
        for (ids, mode, user) in [
            (mine, 0o100_644, 1000),
            (mine, 0o100_664, 1000),
            (roots, 0o100_664, 1000),
            (roots, 0o100_600, 0),
            (shared, 0o100_644, 1000),
        ] {
            assert_eq!(distrust(ids, mode, user), None);
        }
        assert!(distrust((1001, 1001), 0o100_600, 1000).unwrap().contains("another user"));
        assert!(distrust(mine, 0o100_600, 0).unwrap().contains("another user"));
        assert!(distrust(mine, 0o100_646, 1000).unwrap().contains("every user"));
        assert!(distrust(shared, 0o100_664, 1000).unwrap().contains("its group (gid 100)"));
        assert!(distrust((0, 27), 0o100_660, 1000).unwrap().contains("its group (gid 27)"));
    }
}
