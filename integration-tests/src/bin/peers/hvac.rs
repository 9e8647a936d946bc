//! hvac in a Python process of its own, which takes orders: `scripts/hvac_reader.py`.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use strongroom_integration_tests::binary::target_directory;

use crate::child::Again;
use crate::load::{Load, summary};
use crate::reader::Target;

const VERSION: &str = "2.4.0";

pub(crate) struct Hvac(RefCell<Again>);

/// How an order was carried out.
#[derive(Deserialize)]
pub(crate) struct Done {
    pub(crate) seconds: f64,
    cpu: f64,
    times: Vec<u64>,
    pub(crate) failed: Vec<String>,
}

impl Hvac {
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hvac_reader.py");
        Self(RefCell::new(Again::run(Command::new("python3").arg(script).env("PYTHONPATH", installed()))))
    }

    /// Has secrets read by so many threads.
    pub(crate) fn read(&self, target: &Target, paths: &[String], reads: usize, threads: usize) -> Done {
        let (address, token) = (&target.address, &target.token);
        let order =
            json!({"address": address, "token": token, "paths": paths, "reads": reads, "threads": threads});
        let mut process = self.0.borrow_mut();
        writeln!(process.input(), "{order}").unwrap();
        serde_json::from_str(&process.line()).unwrap()
    }

    /// The same as a line of figures.
    pub(crate) fn load(&self, target: &Target, paths: &[String], reads: usize, threads: usize) -> Load {
        let mut done = self.read(target, paths, reads, threads);
        assert!(done.failed.is_empty(), "hvac: {:?}", done.failed);
        summary(&mut done.times, Duration::from_secs_f64(done.seconds), Duration::from_secs_f64(done.cpu))
    }
}

/// Where hvac is, fetched into the target directory the first time.
fn installed() -> PathBuf {
    let directory = target_directory().join(format!("peers/hvac-{VERSION}"));
    if !directory.join("hvac").is_dir() {
        eprintln!("fetching hvac {VERSION} with pip ...");
        let status = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
            .arg(format!("hvac=={VERSION}"))
            .arg("--target")
            .arg(&directory)
            .status();
        let done = status.is_ok_and(|status| status.success());
        assert!(
            done,
            "pip could not fetch hvac {VERSION}: install python3 with pip, or leave these tables out"
        );
    }
    directory
}
