//! `check`: whether each declared vault can be reached and lets us in. References are another file's matter.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use strongroom::core::Description;
use strongroom::{Error, ErrorKind, Health, Probe, Registry};

use crate::args::Check;
use crate::exit::{Exit, Failure, causes};
use crate::{output, session};

use super::references;

pub(crate) fn run(args: &Check, named: &[PathBuf]) -> Result<(), Failure> {
    if let Some(document) = &args.references {
        return references::run(args, document, named);
    }
    let config = session::config(named)?;
    let prefixes: Vec<_> = config.declared().into_iter().map(|vault| vault.prefix).collect();
    let registry = config.build()?;
    let probe = if args.login { Probe::LogIn } else { Probe::Careful };
    let vaults = session::with(&registry, check_all(&registry, prefixes, probe))??;
    if vaults.is_empty() {
        output::warn(&["no vault is declared: name a file with --config, or set VAULT_ADDR and VAULT_TOKEN"]);
    }
    output::print(|out| if args.json { write_json(out, &vaults) } else { write_table(out, &vaults) })?;
    verdict(&vaults)
}

struct Checked {
    prefix: String,
    vault: Description,
    health: Result<Health, Error>,
}

/// All vaults at once: one that does not answer keeps no other waiting.
async fn check_all(registry: &Registry, prefixes: Vec<String>, probe: Probe) -> Result<Vec<Checked>, Error> {
    let mut checks = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        let vault = registry.vault(&prefix)?.backend().describe();
        let registry = registry.clone();
        checks.push(tokio::spawn(async move {
            let health = registry.check(&prefix, probe).await;
            Checked { prefix, vault, health }
        }));
    }
    let mut checked = Vec::with_capacity(checks.len());
    for check in checks {
        let broken = |_| Error::new(ErrorKind::Internal, "the check of a vault broke down");
        checked.push(check.await.map_err(broken)?);
    }
    Ok(checked)
}

fn verdict(vaults: &[Checked]) -> Result<(), Failure> {
    let failures: Vec<_> = vaults.iter().filter_map(|vault| vault.health.as_ref().err()).collect();
    if failures.is_empty() {
        return Ok(());
    }
    let top = format!("{} of {} vaults failed", failures.len(), vaults.len());
    let exit = Exit::of_all(failures.iter().copied());
    Err(failures.into_iter().map(one_line).fold(Failure::new(exit, top), Failure::with))
}

fn one_line(error: &Error) -> String {
    causes(error).fold(error.to_string(), |line, cause| line + ": " + &cause)
}

#[derive(Serialize)]
struct Object<'a> {
    prefix: &'a str,
    backend: &'a str,
    address: Option<&'a str>,
    ok: bool,
    error: Option<String>,
    error_kind: Option<&'a str>,
    login: Option<&'a str>,
    token_ttl: Option<u64>,
    engine: Option<&'a str>,
}

impl<'a> From<&'a Checked> for Object<'a> {
    fn from(Checked { prefix, vault, health }: &'a Checked) -> Self {
        let error = health.as_ref().err();
        let health = health.as_ref().ok();
        Self {
            prefix,
            backend: vault.kind,
            address: vault.address.as_deref(),
            ok: health.is_some(),
            error: error.map(one_line),
            error_kind: error.map(|error| error.kind().as_str()),
            login: health.and_then(|health| health.login.as_deref()),
            token_ttl: health.and_then(|health| health.token_ttl).map(|ttl| ttl.as_secs()),
            engine: health.and_then(|health| health.engine.as_deref()),
        }
    }
}

fn write_json(out: &mut dyn Write, vaults: &[Checked]) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &vaults.iter().map(Object::from).collect::<Vec<_>>())?;
    out.write_all(b"\n")
}

fn write_table(out: &mut dyn Write, vaults: &[Checked]) -> io::Result<()> {
    let rows: Vec<_> = vaults.iter().map(row).collect();
    output::table(out, &rows)
}

const COLUMNS: usize = 7;

fn row(Checked { prefix, vault, health }: &Checked) -> [String; COLUMNS] {
    let dash = || "-".to_owned();
    let address = vault.address.clone().unwrap_or_else(dash);
    let front = [prefix.clone(), vault.kind.to_owned(), address];
    let behind = match health {
        Err(error) => {
            [format!("failed: {}", error.kind().as_str().replace('_', " ")), dash(), dash(), dash()]
        }
        Ok(health) => [
            "reachable".to_owned(),
            health.login.as_ref().map_or_else(dash, |login| format!("login {login}")),
            health.token_ttl.map_or_else(dash, |ttl| format!("token lives {}", rounded(ttl))),
            health.engine.clone().unwrap_or_else(dash),
        ],
    };
    let [prefix, backend, address] = front;
    let [state, login, token, engine] = behind;
    [prefix, backend, address, state, login, token, engine]
}

/// The two largest units of a duration, which is all that a person wants to know.
fn rounded(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m {}s", seconds % 60),
        3600..86400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_what_matters() {
        let rounded = |seconds| rounded(Duration::from_secs(seconds));
        assert_eq!(rounded(59), "59s");
        assert_eq!(rounded(60), "1m 0s");
        assert_eq!(rounded(3599), "59m 59s");
        assert_eq!(rounded(7260), "2h 1m");
        assert_eq!(rounded(768 * 3600), "32d 0h");
    }
}
