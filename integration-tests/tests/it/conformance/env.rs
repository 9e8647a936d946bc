//! The environment of a process of its own, since one's own cannot be changed safely while it is read: the suite runs
//! against a vault in memory to see what it writes, then again in a child that has all of that in its environment.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use strongroom::env::EnvVault;
use strongroom_core::{MemoryVault, Vault};
use strongroom_testkit::{Capabilities, Fixture, Report, Versions, run};

use super::Named;

const PREFIX: &str = "conformance-";

/// Set in the child.
const CHILD: &str = "STRONGROOM_CONFORMANCE_CHILD";

fn can() -> Capabilities {
    Capabilities::all()
        .with_versions(Versions::Own)
        .without_any_name()
        .without_folders()
        .without_changes()
        .without_denial()
        .without_outage()
}

fn variable(resource: &str) -> String {
    format!("{PREFIX}{resource}").to_ascii_uppercase().replace('-', "_")
}

/// Keeps what is written, to be put into an environment.
#[derive(Clone, Debug, Default)]
struct Recording {
    memory: Arc<MemoryVault>,
    written: Arc<Mutex<HashMap<String, String>>>,
}

#[async_trait]
impl Fixture for Recording {
    fn vault(&self) -> Vault {
        Vault::shared(self.memory.clone())
    }
    fn capabilities(&self) -> Capabilities {
        can()
    }
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    async fn write(&self, resource: &str, json: &str) {
        self.memory.set(resource, json).unwrap();
        let before = self.written.lock().unwrap().insert(variable(resource), json.to_owned());
        assert!(before.is_none(), "`{resource}` is written twice");
    }
    async fn delete(&self, _: &str) {}
    async fn deny(&self, _: &str) {}
    async fn cut(&self) {}
    async fn mend(&self) {}
}

/// The environment, in which everything is written already.
#[derive(Debug)]
struct Environment;

#[async_trait]
impl Fixture for Environment {
    fn vault(&self) -> Vault {
        EnvVault::new().prefix(PREFIX).unwrap().into()
    }
    fn capabilities(&self) -> Capabilities {
        can()
    }
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    async fn write(&self, resource: &str, json: &str) {
        assert_eq!(std::env::var(variable(resource)).as_deref(), Ok(json));
    }
    async fn delete(&self, _: &str) {}
    async fn deny(&self, _: &str) {}
    async fn cut(&self) {}
    async fn mend(&self) {}
}

fn run_here(fixture: impl Fixture) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    std::thread::spawn(move || runtime.block_on(run(fixture))).join().unwrap()
}

pub(super) fn report() -> Named {
    let name = "`env`";
    if std::env::var_os(CHILD).is_some() {
        return (name, run_here(Environment));
    }
    let recording = Recording::default();
    let expected = run_here(recording.clone());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "conformance::a_process_environment", "--nocapture"])
        .env(CHILD, "1")
        .envs(recording.written.lock().unwrap().iter())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    // The child has passed every trial that was left to it.
    (name, expected)
}
