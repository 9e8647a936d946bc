//! A real directory, read without the privileges of root, whom the kernel otherwise lets read everything.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use strongroom::file::FileVault;
use strongroom_core::Vault;
use strongroom_testkit::{Capabilities, Fixture, Report, Versions, run};
use tempfile::TempDir;

use super::Named;

#[derive(Debug)]
struct Directory {
    dir: TempDir,
    written: AtomicU64,
}

impl Directory {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("vault")).unwrap();
        Self { dir, written: AtomicU64::new(0) }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }
}

#[async_trait]
impl Fixture for Directory {
    fn vault(&self) -> Vault {
        FileVault::new(self.at("vault")).into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().with_versions(Versions::No)
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    async fn write(&self, resource: &str, json: &str) {
        let new = self.at(&format!("new-{}", self.written.fetch_add(1, Ordering::Relaxed)));
        let place = self.at("vault").join(resource);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&new, json).unwrap();
        fs::rename(new, place).unwrap();
    }

    async fn delete(&self, resource: &str) {
        fs::remove_file(self.at("vault").join(resource)).unwrap();
    }

    async fn deny(&self, resource: &str) {
        fs::set_permissions(self.at("vault").join(resource), Permissions::from_mode(0o0)).unwrap();
    }

    async fn cut(&self) {
        fs::rename(self.at("vault"), self.at("aside")).unwrap();
    }

    async fn mend(&self) {
        // It may have been mended already.
        let _ = fs::rename(self.at("aside"), self.at("vault"));
    }
}

pub(super) fn report() -> Named {
    let report = std::thread::spawn(|| {
        let mut mine = capabilities(None).unwrap();
        mine.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, mine).unwrap();
        // Its threads are made by this one, and may no more than it may.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(Directory::new()))
    });
    let report: Report = report.join().unwrap();
    ("`file`", report)
}
