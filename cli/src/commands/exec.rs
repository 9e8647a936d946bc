//! `exec`: a command in the place of this process, with the references in its environment resolved.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom::text::{Occurrence, values};
use strongroom::{Error, ErrorKind, Secret};

use crate::args::Exec;
use crate::exit::{Exit, Failure, unresolved};
use crate::log::Warnings;
use crate::{env_file, input, output, session};

/// What Strongroom reads its own credentials from, so that the command has no use for it.
const CREDENTIALS: [&str; 2] = ["VAULT_TOKEN", "BAO_TOKEN"];
const CREDENTIALS_OF_VAULTS: &str = "STRONGROOM_VAULT_";

pub(crate) fn run(args: &Exec, named: &[PathBuf], warnings: &Warnings) -> Result<(), Failure> {
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::new(Exit::Usage, "no command to run: name one behind `--`"));
    };
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for path in &args.env_file {
        let (name, bytes) = input::read(path)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| env_file::failure(&name, "it is not UTF-8 text"))?;
        let read = env_file::parse(text).map_err(|error| env_file::failure(&name, &error.to_string()))?;
        variables.extend(read.into_iter().map(|(name, value)| (name.into(), value.as_str().into())));
    }
    let config = session::config(named)?;
    if !args.keep_credentials {
        variables.retain(|name, _| !is_credential(name, config.variables()));
    }
    let registry = config.build()?;
    let (names, references): (Vec<_>, Vec<_>) = references(&variables).into_iter().unzip();
    if !references.is_empty() {
        let resolved = session::with(&registry, values(&registry, &references))?
            .map_err(|failures| unresolved(&failures, "the environment", named))?;
        for ((name, reference), value) in names.into_iter().zip(&references).zip(resolved) {
            let value = variable_of(&value).map_err(|error| {
                let failure = reference.failed(error);
                Failure::new(Exit::Failed, "could not put a value into the environment")
                    .with(failure.to_string())
            })?;
            variables.insert(name, value);
        }
    }
    // Nobody is there to show them afterwards, unless the command cannot be run: then its error comes first.
    if is_runnable(program, variables.get(OsStr::new("PATH")).map(OsString::as_os_str)) {
        output::warn(&warnings.take());
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(variables);
    Err(replaced_by(command, program))
}

fn is_credential<'a>(name: &OsStr, mut used: impl Iterator<Item = &'a str>) -> bool {
    let name = name.to_string_lossy();
    CREDENTIALS.contains(&&*name)
        || name.starts_with(CREDENTIALS_OF_VAULTS)
        || used.any(|variable| variable == name)
}

/// The variables that are references. One that is not UTF-8 fails as an invalid reference does.
fn references(variables: &BTreeMap<OsString, OsString>) -> Vec<(OsString, Occurrence)> {
    let found = variables.iter().filter_map(|(name, value)| {
        let text = value.to_string_lossy();
        let mut found =
            strongroom::is_reference(&text).then(|| Occurrence::new(name.to_string_lossy(), &*text))?;
        if value.to_str().is_none() {
            found.reference = Err(Error::new(ErrorKind::InvalidReference, "the reference is not UTF-8"));
        }
        Some((name.clone(), found))
    });
    found.collect()
}

/// A value as a variable holds it: anything but NUL.
fn variable_of(value: &Secret) -> Result<OsString, Error> {
    let unfit = |what| Err(Error::new(ErrorKind::InvalidValue, what));
    if value.as_bytes().contains(&0) {
        return unfit("the value holds a NUL byte, which no variable can");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;

        Ok(OsStr::from_bytes(value.as_bytes()).to_owned())
    }
    #[cfg(not(unix))]
    match value.as_str() {
        Ok(text) => Ok(text.into()),
        Err(_) => unfit("the value is not UTF-8 text"),
    }
}

/// Whether the system would find a command that it may run, and the interpreter of a script.
fn is_runnable(program: &OsStr, path: Option<&OsStr>) -> bool {
    if program.to_string_lossy().contains('/') {
        return is_executable(Path::new(program));
    }
    // Where there is no `PATH`, the system has one of its own.
    let path = path.unwrap_or_else(|| OsStr::new("/bin:/usr/bin"));
    env::split_paths(path).any(|directory| is_executable(&directory.join(program)))
}

fn is_executable(file: &Path) -> bool {
    let may_run = file.is_file() && is_allowed(file);
    may_run && interpreter(file).is_none_or(|interpreter| interpreter.is_file() && is_allowed(&interpreter))
}

#[cfg(unix)]
fn is_allowed(file: &Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_allowed(_: &Path) -> bool {
    true
}

/// What the first line of a script names; none where the file is no script, or cannot be read.
fn interpreter(file: &Path) -> Option<PathBuf> {
    let mut first = Vec::new();
    File::open(file).ok()?.take(256).read_to_end(&mut first).ok()?;
    let line = first.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let name = String::from_utf8_lossy(line).split_whitespace().next()?.to_owned();
    Some(name.into())
}

/// Why the command did not take the place of this process, which else does not return.
#[cfg(unix)]
fn replaced_by(mut command: Command, program: &OsStr) -> Failure {
    use std::os::unix::process::CommandExt;

    let error = command.exec();
    // As `env` has it.
    let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NoCommand } else { Exit::CannotRun };
    Failure::new(exit, format!("could not run {}", program.display())).with(error.to_string())
}

#[cfg(not(unix))]
fn replaced_by(_: Command, program: &OsStr) -> Failure {
    let top = format!("could not run {}", program.display());
    Failure::new(Exit::CannotRun, top).with("no process can take the place of another on this system")
}
