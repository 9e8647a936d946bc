//! A directory of a server's own, for its configuration, certificates, sockets and data.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::random;

/// Removed on drop; the watchdog removes it where nobody is left to drop it.
pub(super) struct Directory(PathBuf);

impl Directory {
    /// The system's directory for such things, whose name is short enough for the path of a unix socket.
    pub(super) fn new() -> Result<Self, String> {
        let path = env::temp_dir().join(format!("strongroom-{:016x}", random()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| format!("could not create {}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
