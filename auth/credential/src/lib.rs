//! Credential files for Strongroom logins: read afresh, checked, never printed.
//!
//! What a file of a token, a secret id or a JWT has to be, written once for every login: a regular file of at
//! most 64 KiB that holds one line of text. What the text means is the login's matter.

mod jwt;
mod open;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

pub use jwt::check_jwt;
use open::{Stamp, open};
use strongroom_core::{Error, ErrorKind, Secret};
use zeroize::Zeroizing;

/// The largest credential that is read, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// How often a file is looked at for a change.
const POLL: Duration = Duration::from_secs(5);

/// A file that holds a credential.
pub struct CredentialFile {
    /// What the credential is, for messages: `token`, `secret id`.
    what: &'static str,
    path: PathBuf,
    /// What the file looked like when it was last read.
    seen: Mutex<Option<Stamp>>,
    /// Whether it was already said that others may read it.
    warned: Mutex<bool>,
}

impl CredentialFile {
    /// A file at `path`; `what` is the credential's name for messages. Nothing is read yet.
    #[must_use]
    pub fn new(what: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { what, path: path.into(), seen: Mutex::new(None), warned: Mutex::new(false) }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file as it is now, without the one newline at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`] where the file is missing, not regular, empty, longer than [`MAX_LEN`] or
    /// no line of text. The message names the file.
    pub async fn read(&self) -> Result<Secret, Error> {
        let path = self.path.clone();
        // A file on a network mount may block for long.
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        let (bytes, stamp, open_to_others) = read
            .map_err(|_| self.error("reading it was interrupted"))?
            .map_err(|error| self.error(&format!("cannot be read: {error}")))?;
        *lock(&self.seen) = Some(stamp);
        if open_to_others && !std::mem::replace(&mut *lock(&self.warned), true) {
            tracing::warn!(
                "the {} file `{}` can be read by every user of this machine",
                self.what,
                self.path.display()
            );
        }
        line(self.what, bytes).map_err(|error| error.at(format_args!("the file `{}`", self.path.display())))
    }

    /// Completes when the file no longer looks as it did when it was last read.
    pub async fn changed(&self) {
        loop {
            tokio::time::sleep(POLL).await;
            let path = self.path.clone();
            let now = tokio::task::spawn_blocking(move || Stamp::of(&path)).await.ok().flatten();
            if now.is_some() && now != *lock(&self.seen) {
                return;
            }
        }
    }

    fn error(&self, what: &str) -> Error {
        let message = format!("the {} file `{}` {what}", self.what, self.path.display());
        Error::new(ErrorKind::Unauthenticated, message)
    }
}

impl fmt::Debug for CredentialFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialFile")
            .field("what", &self.what)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Checks that a credential is one line of text, and takes off the one newline that editors leave at its end.
///
/// # Errors
///
/// [`ErrorKind::Unauthenticated`] where it is empty, longer than [`MAX_LEN`], or holds a control character. The
/// message names `what` and holds nothing of it.
pub fn line(what: &str, bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Secret, Error> {
    let mut bytes = bytes.into();
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let fault = match std::str::from_utf8(&bytes) {
        _ if bytes.is_empty() => "is empty",
        _ if bytes.len() > MAX_LEN => "is longer than 64 KiB",
        Err(_) => "is not UTF-8 text",
        Ok(text) if text.chars().any(char::is_control) => {
            "holds a control character (a line break inside, perhaps)"
        }
        Ok(text) if text.trim().len() != text.len() => "begins or ends with white space",
        Ok(_) => return Ok(Secret::from(bytes)),
    };
    Err(Error::new(ErrorKind::Unauthenticated, format!("the {what} {fault}")))
}

fn read(path: &Path) -> std::io::Result<(Zeroizing<Vec<u8>>, Stamp, bool)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    // Room for all that is taken: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN + 4));
    // One more than allowed, and a line end, tell a long file from one that just fits.
    file.take(MAX_LEN as u64 + 3).read_to_end(&mut bytes)?;
    Ok((bytes, Stamp::from(&metadata), open::is_open_to_others(&metadata)))
}

/// A lock that a panic elsewhere cannot poison: what it guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, CredentialFile) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, content).unwrap();
        (dir, CredentialFile::new("token", path))
    }

    async fn read(content: &[u8]) -> Result<Vec<u8>, String> {
        let (_dir, file) = file(content);
        file.read().await.map(|secret| secret.as_bytes().to_vec()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn one_newline_is_taken_off_and_no_more() {
        assert_eq!(read(b"hvs.x").await.unwrap(), b"hvs.x");
        assert_eq!(read(b"hvs.x\n").await.unwrap(), b"hvs.x");
        assert_eq!(read(b"hvs.x\r\n").await.unwrap(), b"hvs.x");
        assert!(read(b"hvs.x\n\n").await.unwrap_err().contains("control character"));
    }

    #[tokio::test]
    async fn what_is_no_line_of_text_is_refused_by_name_and_not_shown() {
        for (content, fault) in [
            (&b""[..], "is empty"),
            (b"\n", "is empty"),
            (b"can\nary", "control character"),
            (b"can\0ary", "control character"),
            (b" canary", "white space"),
            (b"canary\xff", "not UTF-8"),
        ] {
            let error = read(content).await.unwrap_err();
            assert!(
                error.contains(fault) && error.contains("token` the token ") || error.contains(fault),
                "{error}"
            );
            assert!(error.contains("/token`") && !error.contains("canary"), "{error}");
        }
        let longest = vec![b'a'; MAX_LEN];
        assert_eq!(read(&[&longest[..], b"\r\n"].concat()).await.unwrap(), longest);
        assert!(read(&[&longest[..], b"a"].concat()).await.unwrap_err().contains("longer than 64 KiB"));
    }

    #[tokio::test]
    async fn missing_files_directories_and_pipes_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = |path: PathBuf| async move {
            let file = CredentialFile::new("token", path);
            file.read().await.unwrap_err().to_string()
        };
        assert!(error(dir.path().join("missing")).await.contains("missing` cannot be read: No such file"));
        assert!(error(dir.path().to_path_buf()).await.contains("not a regular file"));
        #[cfg(unix)]
        {
            let pipe = dir.path().join("pipe");
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
            assert!(error(pipe).await.contains("not a regular file"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_noticed_and_an_unchanged_one_is_not() {
        let (_dir, file) = file(b"one");
        file.read().await.unwrap();
        let unchanged = tokio::time::timeout(POLL * 10, file.changed()).await;
        assert!(unchanged.is_err(), "nothing changed");
        fs::write(file.path(), b"another").unwrap();
        tokio::time::timeout(POLL * 2, file.changed()).await.unwrap();
        assert_eq!(file.read().await.unwrap().as_bytes(), b"another");
    }
}
