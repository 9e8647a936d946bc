//! The credentials of Strongroom logins: configured as text or as a file, read afresh, checked, never printed.
//!
//! What a token, a secret id, a JWT or a key has to look like, written once for every login. What it means is the
//! login's matter.
//!
//! ```
//! use strongroom_credential::Credential;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // The newline that editors leave at the end of a file is taken off, and nothing else.
//! assert_eq!(Credential::text("token", "hvs.example\n").line().await?.as_bytes(), b"hvs.example");
//!
//! // What cannot be a token is refused by name and not shown.
//! let error = Credential::text("token", "hvs.exam\nple").line().await.unwrap_err();
//! assert!(error.to_string().starts_with("the token holds a control character"));
//!
//! let error = Credential::file("token", "/no/such/file").line().await.unwrap_err();
//! assert!(error.to_string().starts_with("the token file `/no/such/file` cannot be read"));
//! # Ok::<_, strongroom_core::Error>(())
//! # }).unwrap();
//! ```

mod ca;
mod file;
mod jwt;
mod oauth2;
mod open;

use std::fmt;
use std::path::PathBuf;

use strongroom_core::factory::{Field, Settings};
use strongroom_core::{Error, ErrorKind, Secret};

use file::CredentialFile;
pub use jwt::check_jwt;
pub use oauth2::OAuth2;

/// The largest credential that is taken, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// A credential, or the file that holds it.
pub struct Credential {
    /// What it is, for messages: `token`, `secret id`.
    what: &'static str,
    source: Source,
}

enum Source {
    Text(Secret),
    File(CredentialFile),
}

impl Credential {
    /// The credential itself; `what` is its name for messages.
    #[must_use]
    pub fn text(what: &'static str, text: impl Into<Secret>) -> Self {
        Self { what, source: Source::Text(text.into()) }
    }

    /// A file that holds it, read afresh each time. Nothing is read yet.
    #[must_use]
    pub fn file(what: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { what, source: Source::File(CredentialFile::new(what, path.into())) }
    }

    /// The credential that one of two settings configures; none where neither is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where both are set.
    pub fn from_settings(
        what: &'static str,
        settings: &Settings,
        text: &Field,
        file: &Field,
    ) -> Result<Option<Self>, Error> {
        match (settings.secret(text)?, settings.text(file)?) {
            (Some(text), None) => Ok(Some(Self::text(what, text))),
            (None, Some(path)) => Ok(Some(Self::file(what, path))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(settings.error(file, &format!("cannot stand beside `{}`: set one of them", text.name)))
            }
        }
    }

    /// The credential that one of two settings has to configure. A text that is no line is refused here already,
    /// since it cannot change.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where neither or both are set, and where a text is no line.
    pub fn required_line(
        what: &'static str,
        settings: &Settings,
        text: &Field,
        file: &Field,
    ) -> Result<Self, Error> {
        let credential = Self::from_settings(what, settings, text, file)?
            .ok_or_else(|| settings.error(text, &format!("is required, or `{}`", file.name)))?;
        if let Source::Text(secret) = &credential.source {
            line(what, secret).map_err(|error| settings.error(text, &error.to_string()))?;
        }
        Ok(credential)
    }

    /// The credential as one line of text, without the one newline that editors leave at the end of a file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`] where the file is missing or not regular, or where the credential is empty,
    /// longer than [`MAX_LEN`], or no line of text. The message names the file and holds nothing of it.
    pub async fn line(&self) -> Result<Secret, Error> {
        self.read(line).await
    }

    /// The credential as a JWT, as [`check_jwt`] has it.
    ///
    /// # Errors
    ///
    /// As [`line`](Self::line), and where it is no JWT or has expired.
    pub async fn jwt(&self) -> Result<Secret, Error> {
        self.read(|what, bytes| {
            let token = line(what, bytes)?;
            check_jwt(what, &token)?;
            Ok(token)
        })
        .await
    }

    /// The credential as text of several lines, such as PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`] where the file is missing or not regular, or where the credential is blank,
    /// longer than [`MAX_LEN`], or not text.
    pub async fn text_block(&self) -> Result<Secret, Error> {
        self.read(block).await
    }

    async fn read(&self, check: impl Fn(&str, &Secret) -> Result<Secret, Error>) -> Result<Secret, Error> {
        match &self.source {
            Source::Text(secret) => check(self.what, secret),
            Source::File(file) => {
                let bytes = file.read().await?;
                check(self.what, &bytes)
                    .map_err(|error| error.at(format_args!("the file `{}`", file.path().display())))
            }
        }
    }

    /// What tells this credential from another: the text, or the file's path.
    #[must_use]
    pub fn identity(&self) -> [&[u8]; 2] {
        match &self.source {
            Source::Text(secret) => [b"text", secret.as_bytes()],
            Source::File(file) => [b"file", file.path().as_os_str().as_encoded_bytes()],
        }
    }

    /// Completes when the file no longer looks as it did when it was last read, or can be read where it could not; never
    /// for a text.
    pub async fn changed(&self) {
        match &self.source {
            Source::Text(_) => std::future::pending().await,
            Source::File(file) => file.changed().await,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Text(_) => write!(f, "Credential({}, <redacted>)", self.what),
            Source::File(file) => write!(f, "Credential({}, {:?})", self.what, file.path()),
        }
    }
}

/// Tells the operator that a new credential cannot be used, so that the one before it goes on serving.
pub fn warn_previous_serves(what: &str, error: &Error) {
    tracing::warn!("the new {what} cannot be used, the previous one serves: {error}");
}

/// Checks that a credential is one line of text, and takes off the one newline at its end.
fn line(what: &str, secret: &Secret) -> Result<Secret, Error> {
    let bytes = secret.as_bytes();
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
    let fault = match std::str::from_utf8(bytes) {
        _ if bytes.is_empty() => "is empty",
        _ if bytes.len() > MAX_LEN => "is longer than 64 KiB",
        Err(_) => "is not UTF-8 text",
        Ok(text) if text.chars().any(char::is_control) => {
            "holds a control character (a line break inside, perhaps)"
        }
        Ok(text) if text.trim().len() != text.len() => "begins or ends with white space",
        Ok(_) => return Ok(Secret::new(bytes)),
    };
    Err(refused(what, fault))
}

fn block(what: &str, secret: &Secret) -> Result<Secret, Error> {
    let fault = match std::str::from_utf8(secret.as_bytes()) {
        _ if secret.len() > MAX_LEN => "is longer than 64 KiB",
        Err(_) => "is not UTF-8 text",
        Ok(text) if text.trim().is_empty() => "is empty",
        Ok(_) => return Ok(secret.clone()),
    };
    Err(refused(what, fault))
}

fn refused(what: &str, fault: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("the {what} {fault}"))
}

#[cfg(test)]
mod tests;
