//! Which configuration is read.
//!
//! A file that is found rather than named has to be ours: whoever could write it would choose where credentials go.

use std::env;
use std::fs::File;
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
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
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

/// What to do about an unknown prefix where a Kong file lies there unread.
pub(crate) fn unread_kong_file(error: &Error, named: &[PathBuf]) -> Option<String> {
    let names_it = |path: &PathBuf| path.file_name().is_some_and(|name| name == KONG_FILE);
    let unread = error.kind() == ErrorKind::UnknownPrefix
        && !named.iter().any(names_it)
        && Path::new(KONG_FILE).is_file();
    unread.then(|| format!("a Kong file is read only where it is named: --config {KONG_FILE}"))
}

/// The file that is checked is the file that is read, whatever happens to its name meanwhile.
fn load_found(name: &str) -> Result<Config, Error> {
    let unreadable = |error: io::Error| fault(name, format_args!("cannot be read: {error}"));
    check_owner(name, &Path::new(name).symlink_metadata().map_err(unreadable)?)?;
    let file = File::open(name).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    check_owner(name, &metadata)?;
    check_mode(name, &metadata)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MORE_THAN_ENOUGH).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| fault(name, "is not UTF-8 text"))?;
    let format = Format::from_path(Path::new(name)).ok_or_else(|| fault(name, "is of no known format"))?;
    Config::new().and_parse(name, text, format)
}

#[cfg(unix)]
fn check_owner(name: &str, metadata: &std::fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;

    let owner = metadata.uid();
    if owner == 0 || owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(fault(name, format_args!("was found here and belongs to another user (uid {owner}): to read it, name it with --config")))
}

#[cfg(unix)]
fn check_mode(name: &str, metadata: &std::fs::Metadata) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;

    if metadata.mode() & 0o002 == 0 {
        return Ok(());
    }
    Err(fault(name, format_args!("was found here and every user can write it: `chmod o-w {name}`, or name it with --config")))
}

#[cfg(not(unix))]
fn check_owner(_: &str, _: &std::fs::Metadata) -> Result<(), Error> {
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &str, _: &std::fs::Metadata) -> Result<(), Error> {
    Ok(())
}

fn fault(name: &str, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{name} {what}"))
}
