//! The trials, each a sentence about backends and the reads that prove it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Probe, ReadRequest, Registry, Secret, VaultBackend};

use crate::{Capabilities, Fixture, Outcome, Report};

/// In every value that the trials write, so that it is found wherever it must not be.
const CANARY: &str = "canary-5f1c";

type Verdict = Result<(), String>;
type Trial = fn(Arc<Bench>) -> Pin<Box<dyn Future<Output = Verdict> + Send>>;
type Needs = fn(Capabilities) -> bool;

/// The vault under test behind a registry, and the product behind it.
struct Bench {
    fixture: Box<dyn Fixture>,
    registry: Registry,
}

const TRIALS: &[(&str, Needs, Trial)] = &[
    ("a value is found", |_| true, |bench| Box::pin(found(bench))),
    ("a whole document keeps the order of its fields", |_| true, |bench| Box::pin(whole(bench))),
    ("numbers and booleans are given by their text", |_| true, |bench| Box::pin(literals(bench))),
    ("large numbers keep their digits", |can| can.exact_numbers, |bench| Box::pin(digits(bench))),
    (
        "values of any script and the empty one come back as they are",
        |_| true,
        |bench| Box::pin(unicode(bench)),
    ),
    ("a missing resource is not found", |_| true, |bench| Box::pin(missing_resource(bench))),
    ("a missing key is not found", |_| true, |bench| Box::pin(missing_key(bench))),
    ("a changed value is seen", |_| true, |bench| Box::pin(changed(bench))),
    ("a deleted resource is gone", |_| true, |bench| Box::pin(deleted(bench))),
    ("folders are kept apart", |can| can.folders, |bench| Box::pin(folders(bench))),
    ("resources of any name are found", |can| can.any_name, |bench| Box::pin(names(bench))),
    ("old versions are read by number", |can| can.versions, |bench| Box::pin(versions(bench))),
    ("a missing version is not found", |can| can.versions, |bench| Box::pin(missing_version(bench))),
    ("a version of what has none is refused", |can| !can.versions, |bench| Box::pin(no_versions(bench))),
    ("an unknown option is refused", |_| true, |bench| Box::pin(unknown_option(bench))),
    ("many readers at once are served", |_| true, |bench| Box::pin(concurrent(bench))),
    ("a reader that goes away harms nobody", |_| true, |bench| Box::pin(cancelled(bench))),
    ("a check succeeds and tells no secret", |_| true, |bench| Box::pin(checked(bench))),
    ("nothing shows a value", |_| true, |bench| Box::pin(silent(bench))),
];

/// Runs all trials against one fixture.
pub async fn run(fixture: impl Fixture) -> Report {
    let mut report = Report::default();
    let registry = match Registry::builder().vault("under-test", fixture.vault()).build() {
        Ok(registry) => registry,
        Err(error) => {
            report.add("the vault is accepted", Outcome::Failed(error.to_string()));
            return report;
        }
    };
    let capabilities = fixture.capabilities();
    let bench = Arc::new(Bench { fixture: Box::new(fixture), registry });
    for (name, needs, trial) in TRIALS {
        let outcome = if needs(capabilities) {
            // A panic is a failed trial like any other.
            match tokio::spawn(trial(bench.clone())).await {
                Ok(Ok(())) => Outcome::Passed,
                Ok(Err(what)) => Outcome::Failed(what),
                Err(error) => Outcome::Failed(error.to_string()),
            }
        } else {
            Outcome::LeftOut
        };
        report.add(name, outcome);
    }
    bench.registry.shutdown().await;
    report
}

impl Bench {
    /// Reads from the backend, whatever the registry remembers.
    async fn get(&self, path: &str) -> Result<Secret, Error> {
        let fetched = self.registry.refresh(format!("{{vault://under-test/{path}}}")).await;
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
            Err(error) if format!("{error:?}").contains(CANARY) => {
                Err(format!("{path}: an error that shows a value"))
            }
            Err(error) if !kinds.contains(&error.kind()) => {
                Err(format!("{path}: {error:?} instead of {kinds:?}"))
            }
            Err(error) if error.is_retryable() => Err(format!("{path}: {error:?} is said to pass by itself")),
            Err(_) => Ok(()),
        }
    }
}

fn value(of: &str) -> String {
    format!("{CANARY}-{of}")
}

fn object(of: &str) -> String {
    format!(r#"{{"name":"{}"}}"#, value(of))
}

async fn found(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("found", &object("found")).await;
    bench.expect("found/name", &value("found")).await
}

async fn whole(bench: Arc<Bench>) -> Verdict {
    let json = format!(r#"{{"a":"{CANARY}","b":"2","c":"3"}}"#);
    bench.fixture.write("whole", &json).await;
    bench.expect("whole", &json).await?;
    bench.expect("whole/", &json).await
}

async fn literals(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("literals", r#"{"n":8200,"t":true,"f":false,"z":null,"o":{"k":"v"}}"#).await;
    bench.expect("literals/n", "8200").await?;
    bench.expect("literals/t", "true").await?;
    bench.expect("literals/f", "false").await?;
    bench.expect("literals/o?pointer=/k", "v").await?;
    bench.expect_error("literals/z", &[ErrorKind::InvalidValue]).await?;
    bench.expect_error("literals/o", &[ErrorKind::InvalidValue]).await
}

async fn digits(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("digits", r#"{"n":12345678901234567890}"#).await;
    bench.expect("digits/n", "12345678901234567890").await
}

async fn unicode(bench: Arc<Bench>) -> Verdict {
    let text = "pässwörd \u{1f511} \u{65e5}\u{672c}";
    bench.fixture.write("unicode", &format!(r#"{{"text":"{text}","empty":"","lines":"a\nb\t\"c\\"}}"#)).await;
    bench.expect("unicode/text", text).await?;
    bench.expect("unicode/empty", "").await?;
    bench.expect("unicode/lines", "a\nb\t\"c\\").await
}

async fn missing_resource(bench: Arc<Bench>) -> Verdict {
    bench.expect_error("never-written/name", &[ErrorKind::NotFound]).await
}

async fn missing_key(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("keyless", &object("keyless")).await;
    bench.expect_error("keyless/nmae", &[ErrorKind::NotFound]).await
}

async fn changed(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("changed", &object("old")).await;
    bench.expect("changed/name", &value("old")).await?;
    bench.fixture.write("changed", &object("new")).await;
    bench.expect("changed/name", &value("new")).await
}

async fn deleted(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("deleted", &object("deleted")).await;
    bench.expect("deleted/name", &value("deleted")).await?;
    bench.fixture.delete("deleted").await;
    bench.expect_error("deleted/name", &[ErrorKind::NotFound, ErrorKind::Deleted]).await
}

async fn folders(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("folder/a", &object("a")).await;
    bench.fixture.write("folder/a/b", &object("ab")).await;
    bench.expect("folder/a/name", &value("a")).await?;
    bench.expect("folder/a/b/name", &value("ab")).await
}

async fn names(bench: Arc<Bench>) -> Verdict {
    for (name, encoded) in [
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("what?", "what%3F"),
        ("c#", "c%23"),
        ("one+one", "one+one"),
        ("%2e%2e", "%252e%252e"),
        ("semi;colon", "semi%3Bcolon"),
        ("é", "é"),
        ("\u{65e5}\u{672c}", "\u{65e5}\u{672c}"),
    ] {
        bench.fixture.write(name, &object("named")).await;
        bench.expect(&format!("{encoded}/name"), &value("named")).await?;
    }
    Ok(())
}

async fn versions(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("versioned", &object("one")).await;
    bench.fixture.write("versioned", &object("two")).await;
    bench.expect("versioned/name#1", &value("one")).await?;
    bench.expect("versioned/name#2", &value("two")).await?;
    bench.expect("versioned/name", &value("two")).await?;
    match bench.registry.fetch("{vault://under-test/versioned/name}").await {
        Ok(fetched) if fetched.version == Some(2) => Ok(()),
        Ok(fetched) => Err(format!("the current version is said to be {:?}, not 2", fetched.version)),
        Err(error) => Err(format!("{error:?}")),
    }
}

async fn missing_version(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("few-versions", &object("one")).await;
    bench.expect_error("few-versions/name#99", &[ErrorKind::NotFound]).await
}

async fn no_versions(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("unversioned", &object("one")).await;
    bench.expect_error("unversioned/name#1", &[ErrorKind::Unsupported]).await
}

async fn unknown_option(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("optional", &object("optional")).await;
    bench.expect_error("optional/name?host=evil.example", &[ErrorKind::InvalidReference]).await
}

async fn concurrent(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("shared", &object("shared")).await;
    let backend = bench.backend()?;
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let backend = backend.clone();
            tokio::spawn(async move { backend.read(&ReadRequest::new("shared")).await })
        })
        .collect();
    for reader in readers {
        let document = reader.await.map_err(|error| error.to_string())?;
        let read = document.and_then(|document| document.get("name"));
        match read {
            Ok(secret) if secret.as_bytes() == value("shared").as_bytes() => {}
            Ok(_) => return Err("a reader among many got another value".into()),
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok(())
}

async fn cancelled(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("cancelled", &object("cancelled")).await;
    let backend = bench.backend()?;
    for micros in [0, 50, 200, 1000] {
        let request = ReadRequest::new("cancelled");
        // However far it came, nobody waits for it.
        let _ = tokio::time::timeout(Duration::from_micros(micros), backend.read(&request)).await;
    }
    bench.expect("cancelled/name", &value("cancelled")).await
}

async fn checked(bench: Arc<Bench>) -> Verdict {
    match bench.registry.check("under-test", Probe::Careful).await {
        Ok(health) if format!("{health:?}").contains(CANARY) => Err("the health shows a value".into()),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error:?}")),
    }
}

async fn silent(bench: Arc<Bench>) -> Verdict {
    bench.fixture.write("silent", &object("silent")).await;
    let secret = bench.get("silent/name").await.map_err(|error| format!("{error:?}"))?;
    let vault = bench.registry.vault("under-test").map_err(|error| format!("{error:?}"))?;
    let shown = format!("{secret:?} {:?} {vault:?} {}", bench.registry, vault.backend().describe());
    if shown.contains(CANARY) { Err("`Debug` or the description shows a value".into()) } else { Ok(()) }
}
