//! Working with the vaults: a runtime that starts when it is needed, and an orderly end.

use std::path::PathBuf;
use std::time::Duration;

use strongroom::Registry;
use strongroom::config::Config;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::discover;
use crate::exit::Failure;

/// How long tokens that were obtained here may take to be given back.
const SHUTDOWN: Duration = Duration::from_secs(3);

/// The configuration of this call, default vaults included.
pub(crate) fn config(named: &[PathBuf]) -> Result<Config, Failure> {
    Ok(discover::config(named)?.default_vaults()?)
}

/// Does `work`, then closes all vaults.
pub(crate) fn with<T>(registry: &Registry, work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("could not start the runtime", &error))?;
    let result = runtime.block_on(async {
        let result = work.await;
        // What is not given back by then ends with its lease.
        let _ = timeout(SHUTDOWN, registry.shutdown()).await;
        result
    });
    // A name look-up that hangs must not keep the process.
    runtime.shutdown_background();
    Ok(result)
}
