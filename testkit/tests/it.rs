//! The suite passes what conforms and catches what does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, MemoryVault, Probe, ReadRequest,
    Vault, VaultBackend, VersionPoll,
};
use strongroom_testkit::{Capabilities, Fixture, Outcome, run};

/// What a backend may do wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    CallsMissingTransient,
    DeniesInsteadOfNotFound,
    IgnoresVersions,
    ShowsValues,
    Panics,
    NeverForgets,
}

#[derive(Clone)]
struct Faulty {
    memory: Arc<MemoryVault>,
    fault: Fault,
    kept: Arc<std::sync::Mutex<Vec<(ReadRequest, Document)>>>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept.lock().unwrap();
        let shown =
            kept.iter().map(|(_, document)| String::from_utf8_lossy(document.as_bytes())).collect::<String>();
        f.write_str(if self.fault == Fault::ShowsValues { &shown } else { "Faulty" })
    }
}

#[async_trait]
impl VaultBackend for Faulty {
    fn describe(&self) -> Description {
        self.memory.describe()
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        if self.fault == Fault::Panics && &*request.resource == "found" {
            panic!("as the test asks");
        }
        let mut request = request.clone();
        if self.fault == Fault::IgnoresVersions {
            request.version = None;
        }
        let mut kept = self.kept.lock().unwrap().clone();
        if self.fault == Fault::NeverForgets {
            if let Some((_, document)) = kept.drain(..).find(|(other, _)| *other == request) {
                return Ok(document);
            }
        }
        let document = self.memory.read(&request).await.map_err(|error| match self.fault {
            Fault::CallsMissingTransient => error.transient(),
            Fault::DeniesInsteadOfNotFound => error.with_kind(ErrorKind::PermissionDenied),
            _ => error,
        })?;
        self.kept.lock().unwrap().push((request, document.clone()));
        Ok(document)
    }
    async fn check(&self, probe: Probe) -> Result<Health, Error> {
        self.memory.check(probe).await
    }
    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }
    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }
    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }
    async fn close(&self) {}
}

#[async_trait]
impl Fixture for Faulty {
    fn vault(&self) -> Vault {
        Vault::new(self.clone())
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }
    async fn write(&self, resource: &str, json: &str) {
        self.memory.set(resource, json).unwrap();
    }
    async fn delete(&self, resource: &str) {
        self.memory.delete(resource);
    }
}

/// The trials that a fault fails.
async fn failed(fault: Fault) -> Vec<&'static str> {
    let report = run(Faulty { memory: Arc::default(), fault, kept: Arc::default() }).await;
    assert!(report.passed() > 8, "{report}");
    report
        .outcomes()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(name, _)| name)
        .collect()
}

#[tokio::test]
async fn what_conforms_passes_and_each_fault_is_caught_by_name() {
    assert!(failed(Fault::None).await.is_empty());
    assert!(failed(Fault::CallsMissingTransient).await.contains(&"a missing resource is not found"));
    assert!(failed(Fault::DeniesInsteadOfNotFound).await.contains(&"a missing resource is not found"));
    assert!(failed(Fault::IgnoresVersions).await.contains(&"old versions are read by number"));
    assert_eq!(failed(Fault::ShowsValues).await, ["nothing shows a value"]);
    assert_eq!(failed(Fault::Panics).await, ["a value is found"]);
    let stale = failed(Fault::NeverForgets).await;
    assert!(
        stale.contains(&"a changed value is seen") && stale.contains(&"a deleted resource is gone"),
        "{stale:?}"
    );
}
