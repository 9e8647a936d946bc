//! `check`: whether each declared vault can be reached and lets us in.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use strongroom::{Error, ErrorKind, Health, Registry};

use crate::args::Check;
use crate::exit::{Exit, Failure, causes};
use crate::{output, session};

pub(crate) fn run(args: &Check, named: &[PathBuf]) -> Result<(), Failure> {
    let config = session::config(named)?;
    let prefixes: Vec<_> = config.declared().into_iter().map(|vault| vault.prefix).collect();
    let registry = config.build()?;
    let healths = session::with(&registry, check_all(&registry, &prefixes))?;
    let outcomes = prefixes.into_iter().zip(healths);
    let vaults: Vec<_> = outcomes.map(|(prefix, health)| Vault::new(prefix, health, &registry)).collect();
    if vaults.is_empty() {
        output::note("no vault is declared: name a file with --config, or set VAULT_ADDR and VAULT_TOKEN");
    }
    output::print(|out| if args.json { write_json(out, &vaults) } else { write_table(out, &vaults) })?;
    verdict(&vaults)
}

/// All vaults at once: one that does not answer keeps no other waiting.
async fn check_all(registry: &Registry, prefixes: &[String]) -> Vec<Result<Health, Error>> {
    let checks = prefixes.iter().cloned().map(|prefix| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.check(&prefix).await })
    });
    let mut healths = Vec::with_capacity(prefixes.len());
    for check in checks.collect::<Vec<_>>() {
        let health = check.await;
        let broken = |_| Err(Error::new(ErrorKind::Internal, "the check broke down"));
        healths.push(health.unwrap_or_else(broken));
    }
    healths
}

/// What is said about one vault.
#[derive(Serialize)]
struct Vault {
    prefix: String,
    backend: &'static str,
    address: Option<String>,
    ok: bool,
    /// The path of causes on one line.
    error: Option<String>,
    kind: Option<&'static str>,
    login: Option<String>,
    /// Seconds.
    token_ttl: Option<u64>,
    engine: Option<String>,
    #[serde(skip)]
    failure: Option<Error>,
}

impl Vault {
    fn new(prefix: String, health: Result<Health, Error>, registry: &Registry) -> Self {
        let description = registry.vault(&prefix).map(|vault| vault.backend().describe());
    }
}
