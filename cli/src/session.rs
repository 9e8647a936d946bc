//! Working with the vaults: a runtime that starts when it is needed, and an orderly end.

use std::io;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use strongroom::Registry;
use strongroom::config::Config;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::discover;
use crate::exit::{Exit, Failure};

/// How long tokens that were obtained here may take to be given back.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// The configuration of this call, default vaults included.
pub(crate) fn config(named: &[PathBuf]) -> Result<Config, Failure> {
    Ok(discover::config(named)?.default_vaults()?)
}

/// Does `work`, then closes all vaults, also where a signal ends the work early.
pub(crate) fn with<T>(registry: &Registry, work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = check_descriptors().and_then(|()| Builder::new_current_thread().enable_all().build());
    let runtime = runtime.map_err(|error| Failure::io("could not start the runtime", &error))?;
    let result = runtime.block_on(async {
        let result = tokio::select! {
            result = work => Ok(result),
            exit = asked_to_end() => Err(Failure::new(exit, "ended by a signal")),
        };
        // What is not given back by then ends with its lease.
        let _ = timeout(SHUTDOWN, registry.shutdown()).await;
        result
    });
    // A name look-up that hangs must not keep the process.
    runtime.shutdown_background();
    result
}

/// Whether as many files can be opened as the runtime needs: where it cannot listen for signals, it panics.
#[cfg(unix)]
fn check_descriptors() -> io::Result<()> {
    // As many at once: those for the signals, and about as many again for all else.
    let pairs: io::Result<Vec<_>> = (0..3).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

#[cfg(not(unix))]
fn check_descriptors() -> io::Result<()> {
    Ok(())
}

/// Waits for a signal that asks the process to end.
#[cfg(unix)]
async fn asked_to_end() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};

    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    // Where nobody can listen, signals end the process as ever.
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    }
}

#[cfg(not(unix))]
async fn asked_to_end() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
