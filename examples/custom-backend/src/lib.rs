//! Secrets that a helper program prints: called with `--` and a name, it prints one JSON object, or says by its exit
//! status what went wrong (`sysexits.h`: 66 for no such secret, 77 for a denial; anything else may pass).

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::factory::{BackendFactory, Factories, Field, Settings, Shape};
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, Probe, ReadRequest, Vault,
    VaultBackend, VersionPoll, escaped,
};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

/// The most that a program may print, in bytes, and the longest it may take.
const LIMITS: (usize, Duration) = (64 * 1024, Duration::from_secs(10));

/// Secrets that a program prints.
#[derive(Clone, Debug)]
pub struct HelperVault(PathBuf);

impl HelperVault {
    /// Nothing is started yet.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self(program.into())
    }

    async fn run(&self, name: &str) -> Result<Document, Error> {
        let failed = |what| Error::new(ErrorKind::Unavailable, format!("the helper {what}")).transient();
        let mut command = Command::new(&self.0);
        // The name is one argument, never a piece of a command line. A reader that goes away ends the program.
        command.arg("--").arg(name).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.kill_on_drop(true).spawn().map_err(|error| failed(format!("did not start: {error}")))?;
        // Wiped on drop, and never grown, which would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(LIMITS.0 + 64));
        let stdout = child.stdout.take().ok_or_else(|| failed("has no output".into()))?;
        let read = stdout.take(LIMITS.0 as u64 + 1).read_to_string(&mut text).await;
        if read.is_err() || text.len() > LIMITS.0 {
            let message = "the helper printed more than 64 KiB, or no text";
            return Err(Error::new(ErrorKind::InvalidResponse, message));
        }
        let status = child.wait().await.map_err(|error| failed(format!("was lost: {error}")))?;
        let said = |what: &str| format!("the helper says that `{}` {what}", escaped(name));
        match status.code() {
            Some(0) => Document::from_json(&text),
            Some(66) => Err(Error::new(ErrorKind::NotFound, said("does not exist"))),
            Some(77) => Err(Error::new(ErrorKind::PermissionDenied, said("may not be read"))),
            _ => Err(failed(format!("failed: {status}"))),
        }
    }
}

#[async_trait]
impl VaultBackend for HelperVault {
    fn describe(&self) -> Description {
        Description::new("helper").at(self.0.display().to_string())
    }
    fn options(&self) -> &'static [&'static str] {
        &[]
    }
    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        if request.version.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "a helper's secrets have no versions"));
        }
        // No reference can ask for these. Who asks all the same gets nothing.
        if request.resource.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(Error::new(ErrorKind::NotFound, "no secret has a name with empty or dot segments"));
        }
        let late = |_| Error::new(ErrorKind::Timeout, "the helper took longer than 10 s").transient();
        tokio::time::timeout(LIMITS.1, self.run(&request.resource)).await.map_err(late)?
    }
    async fn check(&self, _: Probe) -> Result<Health, Error> {
        // That it knows no such secret is an answer too.
        match self.read(&ReadRequest::new("strongroom-check")).await {
            Err(error) if error.is_retryable() => Err(error),
            _ => Ok(Health::default()),
        }
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

/// Makes them from configuration: `name: helper`.
#[derive(Clone, Copy, Debug)]
pub struct HelperFactory;

const PROGRAM: Field = Field::new("program", Shape::Text, "The program that prints secrets; required.");

impl BackendFactory for HelperFactory {
    fn name(&self) -> &'static str {
        "helper"
    }
    fn fields(&self) -> &'static [Field] {
        &[PROGRAM]
    }
    fn logs_in(&self) -> bool {
        false
    }
    fn build(&self, settings: &Settings, _: &Factories) -> Result<Vault, Error> {
        Ok(HelperVault::new(settings.required(&PROGRAM)?).into())
    }
}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/write-a-backend.md")]
struct Guide;
