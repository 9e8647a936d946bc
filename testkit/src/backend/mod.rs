//! The trials of a backend: which there are, and what they share.

mod missing;
mod names;
mod outage;
mod readers;
mod rotation;
mod secrecy;
mod values;
mod versions;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Registry, Secret, VaultBackend};

use crate::report::{Verdict, start};
use crate::{Capabilities, Fixture, Outcome, Report, Versions};

/// In every value that the trials write, so that it is found wherever it must not be.
const CANARY: &str = "canary-5f1c";

/// How long a trial waits for what has to come, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

type Trial = fn(Arc<Bench>) -> Pin<Box<dyn Future<Output = Verdict> + Send>>;
type Needs = fn(Capabilities, &dyn VaultBackend) -> bool;

/// A subject, a trial's name, what it needs, and the trial.
type Entry = (&'static str, &'static str, Needs, Trial);

macro_rules! trials {
    ($($subject:literal { $($name:literal $(if $needs:expr)? => $trial:path;)* })*) => {
        &[$($(($subject, $name, trials!(@needs $($needs)?), |bench| Box::pin($trial(bench))),)*)*]
    };
    (@needs) => { |_, _| true };
    (@needs $needs:expr) => { $needs };
}

/// What may run at the same time, each trial with resources of its own.
const TRIALS: &[Entry] = trials! {
    "values" {
        "a value is found" => values::found;
        "a whole document keeps the order of its fields" => values::whole;
        "numbers and booleans are given by their text" => values::literals;
        "large numbers keep their digits" if |can, _| can.exact_numbers => values::digits;
        "values of any script and the empty one come back as they are" => values::unicode;
        "a long value comes back whole" => values::long;
    }
    "names" {
        "folders are kept apart" if |can, _| can.folders => names::folders;
        "resources of any name are found" if |can, _| can.any_name => names::any;
        "hostile names are errors and give nothing" => names::hostile;
        "what no reference can name is not given either" => names::unreachable;
        "an unknown option is refused" => names::unknown_option;
    }
    "missing" {
        "a missing resource is not found" => missing::resource;
        "a missing key is not found" => missing::key;
        "a deleted resource is gone" if |can, _| can.changes => missing::deleted;
        "what is written again after that is found" if |can, _| can.changes => missing::written_again;
    }
    "denied" {
        "what may not be read is denied, and what is missing is not" if |can, _| can.denial => missing::denied;
    }
    "versions" {
        "old versions are read by number" if |can, _| can.versions == Versions::EachWrite => versions::old;
        "a missing version is not found" if |can, _| can.versions == Versions::EachWrite => versions::missing;
        "a version of what has none is refused" if |can, _| can.versions == Versions::No => versions::none;
    }
    "readers" {
        "many readers at once are served" => readers::many;
        "readers see all of a change or nothing" if |can, _| can.changes => readers::whole;
        "a reader that goes away harms nobody" => readers::cancelled;
        "a batch answers each of its requests" if |_, backend| backend.batch().is_some() => readers::batch;
    }
    "rotation" {
        "a changed value is seen" if |can, _| can.changes => rotation::changed;
        "a handle follows within its ttl" if |can, _| can.changes => rotation::by_ttl;
        "a handle follows what the backend notices, without a ttl"
            if |can, backend| can.changes && backend.changes().is_some() => rotation::by_notice;
        "a poll tells versions and no values"
            if |can, backend| can.changes && backend.versions().is_some() => rotation::by_poll;
    }
    "secrecy" {
        "a check succeeds and tells no secret" => secrecy::checked;
        "nothing shows a value" => secrecy::silent;
    }
};

/// What the others must not be in the way of.
const ALONE: &[Entry] = trials! {
    "outage" {
        "an outage is a failure that may pass" if |can, _| can.outage => outage::may_pass;
        "the last good value is served meanwhile, as stale" if |can, _| can.outage => outage::stale;
    }
};

/// The vault under test behind a registry, and the product behind it.
struct Bench {
    fixture: Box<dyn Fixture>,
    registry: Registry,
}

/// Runs all trials against one fixture. They take some seconds, since some wait for what must not happen.
pub async fn run(fixture: impl Fixture) -> Report {
    let mut report = Report::default();
    let capabilities = fixture.capabilities();
    let vault = fixture.vault();
    let backend = vault.backend().clone();
    let mut policy = vault.policy().clone();
    policy.ttl = Some(Duration::from_secs(1));
    let rotating = fixture.vault().with_policy(policy);
    let registry = match Registry::builder().vault("under-test", vault).vault("rotating", rotating).build() {
        Ok(registry) => registry,
        Err(error) => {
            report.add("values", "the vault is accepted", Outcome::Failed(error.to_string()));
            return report;
        }
    };
    let bench = Arc::new(Bench { fixture: Box::new(fixture), registry });
    let started: Vec<_> = TRIALS
        .iter()
        .map(|(.., needs, trial)| needs(capabilities, &*backend).then(|| start(trial(bench.clone()))))
        .collect();
    for ((subject, name, ..), started) in TRIALS.iter().zip(started) {
        let outcome = match started {
            Some(started) => started.await,
            None => Outcome::LeftOut,
        };
        report.add(subject, name, outcome);
    }
    for (subject, name, needs, trial) in ALONE {
        let outcome = if needs(capabilities, &*backend) {
            let outcome = start(trial(bench.clone())).await;
            // Whatever came of it, the next one finds the product in reach.
            bench.fixture.mend().await;
            outcome
        } else {
            Outcome::LeftOut
        };
        report.add(subject, name, outcome);
    }
    bench.registry.shutdown().await;
    report
}

impl Bench {
    async fn write(&self, resource: &str, of: &str) {
        self.fixture.write(resource, &object(of)).await;
    }

    /// Reads from the backend, whatever the registry remembers.
    async fn get(&self, path: &str) -> Result<Secret, Error> {
        let fetched = self.registry.refresh(under_test(path)).await;
        fetched.map(|fetched| fetched.value)
    }

    /// The backend itself, for what the registry would spare it.
    fn backend(&self) -> Result<Arc<dyn VaultBackend>, String> {
        let vault = self.registry.vault("under-test").map_err(|error| format!("{error:?}"))?;
        Ok(vault.backend().clone())
    }

    async fn expect(&self, path: &str, expected: &str) -> Verdict {
        let secret = self.get(path).await.map_err(|error| format!("{path}: {error:?}"))?;
        let same = secret.as_bytes() == expected.as_bytes();
        if same { Ok(()) } else { Err(format!("{path}: {} bytes that are not `{expected}`", secret.len())) }
    }

    async fn expect_error(&self, path: &str, kinds: &[ErrorKind]) -> Verdict {
        match self.get(path).await {
            Ok(_) => Err(format!("{path}: a value instead of an error")),
            Err(error) => {
                self.judge(path, &error, kinds)?;
                lasting(path, &error)
            }
        }
    }

    /// That an error is of the right kind, is one line, and shows nothing.
    fn judge(&self, path: &str, error: &Error, kinds: &[ErrorKind]) -> Verdict {
        let said = format!("{error:?}");
        self.hides(path, &said)?;
        if said.contains(char::is_control) {
            return Err(format!("{path}: an error with a control character: {said:?}"));
        }
        if kinds.contains(&error.kind()) {
            Ok(())
        } else {
            Err(format!("{path}: {said} instead of {kinds:?}"))
        }
    }

    /// That a text shows neither a value nor a credential.
    fn hides(&self, what: &str, text: &str) -> Verdict {
        let secrets = self.fixture.secrets();
        let shown = secrets.iter().map(String::as_str).chain([CANARY]).any(|secret| text.contains(secret));
        if shown { Err(format!("{what}: it shows a value or a credential")) } else { Ok(()) }
    }
}

fn lasting(path: &str, error: &Error) -> Verdict {
    if error.is_retryable() { Err(format!("{path}: {error:?} is said to pass by itself")) } else { Ok(()) }
}

fn under_test(path: &str) -> String {
    format!("{{vault://under-test/{path}}}")
}

fn value(of: &str) -> String {
    format!("{CANARY}-{of}")
}

fn object(of: &str) -> String {
    format!(r#"{{"name":"{}"}}"#, value(of))
}

/// That something comes within a minute.
async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, coming)
        .await
        .map_err(|_| format!("{what} did not come within {} s", PATIENCE.as_secs()))
}
