//! Backends that do one thing wrong.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, MemoryVault, Probe, ReadRequest,
    Vault, VaultBackend, VersionPoll,
};
use strongroom_testkit::{Capabilities, Fixture, run};

use super::failed;

/// What a backend may do wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    CallsMissingTransient,
    DeniesInsteadOfNotFound,
    HidesDenials,
    IgnoresVersions,
    ShowsValues,
    ShowsItsToken,
    Panics,
    NeverForgets,
    Tears,
    DecodesTwice,
    ClimbsOut,
    CallsOutagesLasting,
    ChecksNothing,
}

#[derive(Clone)]
struct Faulty {
    memory: Arc<MemoryVault>,
    fault: Fault,
    kept: Arc<Mutex<Vec<(ReadRequest, Document)>>>,
    denied: Arc<Mutex<Vec<String>>>,
    cut: Arc<AtomicBool>,
}

impl Faulty {
    fn outage(&self) -> Result<(), Error> {
        if !self.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let said = if self.fault == Fault::ShowsItsToken { "no route with hvs.token" } else { "no route" };
        let error = Error::new(ErrorKind::Unavailable, said);
        Err(if self.fault == Fault::CallsOutagesLasting { error } else { error.transient() })
    }
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
        self.outage()?;
        assert!(self.fault != Fault::Panics || &*request.resource != "found", "as the test asks");
        let mut request = request.clone();
        match self.fault {
            Fault::IgnoresVersions => request.version = None,
            Fault::DecodesTwice => request.resource = request.resource.replace("%2e", ".").into(),
            Fault::ClimbsOut => request.resource = request.resource.trim_start_matches("../").into(),
            _ => {}
        }
        if self.denied.lock().unwrap().iter().any(|denied| **denied == *request.resource) {
            let denial = ErrorKind::PermissionDenied;
            let kind = if self.fault == Fault::HidesDenials { ErrorKind::NotFound } else { denial };
            return Err(Error::new(kind, "permission denied"));
        }
        let mut kept = self.kept.lock().unwrap().clone();
        let before = kept.drain(..).rfind(|(other, _)| *other == request);
        if let (Fault::NeverForgets, Some((_, document))) = (self.fault, &before) {
            return Ok(document.clone());
        }
        let mut document = self.memory.read(&request).await.map_err(|error| match self.fault {
            Fault::CallsMissingTransient => error.transient(),
            Fault::DeniesInsteadOfNotFound => error.with_kind(ErrorKind::PermissionDenied),
            _ => error,
        })?;
        if let (Fault::Tears, Some((_, before)), Ok(password)) =
            (self.fault, before, document.get("password"))
        {
            let user = before.get("user").unwrap();
            let (user, password) = (user.as_str().unwrap(), password.as_str().unwrap());
            document =
                Document::from_json(&format!(r#"{{"user":"{user}","password":"{password}"}}"#)).unwrap();
        }
        self.kept.lock().unwrap().push((request, document.clone()));
        tokio::task::yield_now().await;
        Ok(document)
    }
    async fn check(&self, probe: Probe) -> Result<Health, Error> {
        if self.fault != Fault::ChecksNothing {
            self.outage()?;
        }
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
    fn secrets(&self) -> Vec<String> {
        vec!["hvs.token".into()]
    }
    async fn write(&self, resource: &str, json: &str) {
        self.memory.set(resource, json).unwrap();
    }
    async fn delete(&self, resource: &str) {
        self.memory.delete(resource);
    }
    async fn deny(&self, resource: &str) {
        self.denied.lock().unwrap().push(resource.into());
    }
    async fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
    async fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

/// The trials that a fault fails.
async fn trial(fault: Fault) -> Vec<&'static str> {
    let report = run(Faulty {
        memory: Arc::default(),
        fault,
        kept: Arc::default(),
        denied: Arc::default(),
        cut: Arc::default(),
    })
    .await;
    assert!(report.passed() > 15, "{report}");
    failed(&report)
}

#[tokio::test]
async fn what_conforms_passes() {
    assert!(trial(Fault::None).await.is_empty());
}

#[tokio::test]
async fn each_fault_is_caught_by_name() {
    let outage = "an outage is a failure that may pass";
    let trials = [
        (Fault::CallsMissingTransient, "a missing resource is not found"),
        (Fault::DeniesInsteadOfNotFound, "a missing resource is not found"),
        (Fault::HidesDenials, "what may not be read is denied, and what is missing is not"),
        (Fault::IgnoresVersions, "old versions are read by number"),
        (Fault::ShowsValues, "nothing shows a value"),
        (Fault::ShowsItsToken, outage),
        (Fault::Panics, "a value is found"),
        (Fault::Tears, "readers see all of a change or nothing"),
        (Fault::DecodesTwice, "resources of any name are found"),
        (Fault::ClimbsOut, "what no reference can name is not given either"),
        (Fault::CallsOutagesLasting, outage),
        (Fault::ChecksNothing, outage),
    ];
    let running: Vec<_> = trials.map(|(fault, name)| (fault, name, tokio::spawn(trial(fault)))).into();
    for (fault, name, running) in running {
        let failed = running.await.unwrap();
        assert!(failed.contains(&name), "{fault:?}: {failed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_forgets_is_caught() {
    let stale = trial(Fault::NeverForgets).await;
    for name in ["a changed value is seen", "a deleted resource is gone", "a handle follows within its ttl"] {
        assert!(stale.contains(&name), "{stale:?}");
    }
}
