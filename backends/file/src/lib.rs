//! The files of a directory as a Strongroom backend.
//!
//! `{vault://my-files/db.json/password}` is the field `password` of the JSON file `db.json`;
//! `{vault://my-files/tls/key.pem/}`, which ends in `/`, is the whole file `tls/key.pem`, bytes as they stand. Files may
//! be rewritten, replaced or swapped by a link, as the kubelet does with secrets that it mounts: handles follow within
//! a quarter of a second where the kernel tells of changes, or else within five, without any `ttl`.
//!
//! No reference leaves the directory, whatever links lie in it and whoever changes them meanwhile. Links that stay
//! inside are followed. Only regular files of at most [`MAX_LEN`] bytes are read.
//!
//! ```
//! use strongroom_core::Registry;
//! use strongroom_file::FileVault;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder().vault("my-files", FileVault::new(env!("CARGO_MANIFEST_DIR"))).build()?;
//! let manifest = registry.get("{vault://my-files/Cargo.toml/}").await?;
//! assert!(manifest.as_str()?.contains("strongroom-file"));
//!
//! let error = registry.get("{vault://my-files/no-such.json/password}").await.unwrap_err();
//! assert_eq!(error.kind(), strongroom_core::ErrorKind::NotFound);
//! # Ok::<_, strongroom_core::Error>(())
//! # }).unwrap();
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `beneath` | opening a path that cannot lead out of a directory |
//! | `directory` | reading one file, and why it could not be read |
//! | `fault` | what a failure means, and what to do about it |
//! | `follow` | what was read, and noticing that it looks different |
//! | `watch` | what the kernel tells of changes |

#[cfg(not(unix))]
compile_error!("strongroom-file needs a Unix system: only there can a path be kept inside a directory");

mod beneath;
mod directory;
mod factory;
mod fault;
mod follow;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Changes, Description, Document, Error, ErrorKind, Health, Probe, ReadRequest,
    VaultBackend, VersionPoll, escaped,
};

use directory::Directory;
pub use factory::FileFactory;
use follow::Followed;

/// The largest file that is read, in bytes: as much as a Kubernetes secret may hold.
pub const MAX_LEN: usize = 1024 * 1024;

/// A directory whose files are secrets, read afresh at each read.
#[derive(Clone, Debug)]
pub struct FileVault {
    directory: Arc<Directory>,
    followed: Arc<Followed>,
}

impl FileVault {
    /// The files in and below `directory`. Nothing is looked at yet.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = Arc::new(Directory::new(directory.into()));
        Self { followed: Arc::new(Followed::new(directory.clone())), directory }
    }
}

/// Runs on a thread that may wait: a file on a network mount may keep it waiting for long.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        Error::new(ErrorKind::Unavailable, "reading was interrupted: the runtime is ending").transient()
    })
}

#[async_trait]
impl VaultBackend for FileVault {
    fn describe(&self) -> Description {
        Description::new("file").at(escaped(&self.directory.path().to_string_lossy()).to_string())
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        if request.version.is_some() {
            let message = "a file has no versions: leave out `#` and what follows it";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        // One name for each file, whatever the system would take for another.
        if request.resource.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(fault::of_name(&request.resource));
        }
        let (followed, resource) = (self.followed.clone(), request.resource.clone());
        blocking(move || followed.read(&resource)).await?.map(Document::opaque)
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        let directory = self.directory.clone();
        blocking(move || directory.check()).await?.map(|()| Health::default())
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        None
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        Some(self)
    }

    async fn close(&self) {}
}

#[async_trait]
impl ChangeFeed for FileVault {
    async fn changed(&self, mark: u64) -> Changes {
        self.followed.changed(mark).await
    }
}
