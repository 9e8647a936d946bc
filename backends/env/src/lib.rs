//! Environment variables as a Strongroom backend.
//!
//! `{vault://my-env/pg-password}` is the variable `PG_PASSWORD`: the resource in upper case, `-` turned into `_`,
//! behind the vault's `prefix`. A key picks a field of the variable's JSON text; `#2` reads `<VAR>_PREVIOUS`.
//!
//! ```
//! use strongroom_core::Registry;
//! use strongroom_env::EnvVault;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let registry = Registry::builder().vault("my-env", EnvVault::new().prefix("cargo-pkg-")?).build()?;
//! assert_eq!(registry.get("{vault://my-env/name}").await?.as_str()?, "strongroom-env");
//! # Ok::<_, strongroom_core::Error>(())
//! # }).unwrap();
//! ```

mod factory;

use std::ffi::OsString;

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, Probe, ReadRequest, VaultBackend,
    VersionPoll, escaped,
};

pub use factory::EnvFactory;

/// The process's own environment, read at each read.
#[derive(Clone, Debug, Default)]
pub struct EnvVault {
    prefix: Option<String>,
}

impl EnvVault {
    /// All variables, under their own names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only variables whose names begin with `prefix`, which references leave out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where it holds anything but ASCII letters, digits, `_` and `-`, or begins
    /// with a digit.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Result<Self, Error> {
        let prefix = prefix.into();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !prefix.bytes().all(allowed) || prefix.starts_with(|first: char| first.is_ascii_digit()) {
            let what = "expected letters, digits, `_` or `-`, not beginning with a digit";
            return Err(Error::new(ErrorKind::InvalidConfig, format!("the prefix of an env vault: {what}")));
        }
        self.prefix = (!prefix.is_empty()).then_some(prefix);
        Ok(self)
    }

    /// The variable that a request means.
    fn variable(&self, request: &ReadRequest) -> Result<String, Error> {
        let prefix = self.prefix.as_deref().or_else(|| request.option("prefix")).unwrap_or_default();
        let name = format!("{prefix}{}", request.resource).to_ascii_uppercase().replace('-', "_");
        match request.version.map(u64::from) {
            None | Some(1) => Ok(name),
            Some(2) => Ok(format!("{name}_PREVIOUS")),
            Some(version) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("an env vault knows version 1 (current) and 2 (previous), not {version}"),
            )),
        }
    }
}

#[async_trait]
impl VaultBackend for EnvVault {
    fn describe(&self) -> Description {
        match &self.prefix {
            Some(prefix) => Description::new("env").detail(format!("prefix `{prefix}`")),
            None => Description::new("env"),
        }
    }

    fn options(&self) -> &'static [&'static str] {
        // A vault that fences its variables in with a prefix lets no reference climb out.
        if self.prefix.is_none() { &["prefix"] } else { &[] }
    }

    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        let name = self.variable(request)?;
        // The standard library has no promise for these names, which no variable can have.
        let value = if name.contains(['=', '\0']) { None } else { std::env::var_os(&name) };
        let value = value.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("the environment variable `{}` is not set", escaped(&name)),
            )
        })?;
        Ok(Document::opaque(into_bytes(value)))
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
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

#[cfg(unix)]
fn into_bytes(value: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(value)
}

#[cfg(not(unix))]
fn into_bytes(value: OsString) -> Vec<u8> {
    value.into_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn variable(vault: &EnvVault, request: ReadRequest) -> String {
        vault.variable(&request).unwrap()
    }

    #[test]
    fn names_follow_kong() {
        let bare = EnvVault::new();
        assert_eq!(variable(&bare, ReadRequest::new("pg-password")), "PG_PASSWORD");
        assert_eq!(variable(&bare, ReadRequest::new("my_Var")), "MY_VAR");
        assert_eq!(variable(&bare, ReadRequest::new("cert").with_option("prefix", "ssl-")), "SSL_CERT");
        let fenced = EnvVault::new().prefix("app-").unwrap();
        assert_eq!(
            variable(&fenced, ReadRequest::new("x").with_version(NonZeroU64::new(2))),
            "APP_X_PREVIOUS"
        );
        assert_eq!(variable(&fenced, ReadRequest::new("x").with_version(NonZeroU64::new(1))), "APP_X");
    }

    #[test]
    fn a_prefix_that_the_vault_sets_is_not_the_references_to_choose() {
        assert_eq!(EnvVault::new().options(), ["prefix"]);
        assert!(EnvVault::new().prefix("app_").unwrap().options().is_empty());
        for bad in ["1a", "a b", "a=", "é"] {
            assert_eq!(EnvVault::new().prefix(bad).unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_missing_variable_is_named() {
        let error = EnvVault::new().read(&ReadRequest::new("no-such-thing")).await.unwrap_err();
        assert_eq!(error.to_string(), "the environment variable `NO_SUCH_THING` is not set");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let odd = EnvVault::new().read(&ReadRequest::new("a=b")).await.unwrap_err();
        assert_eq!(odd.kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn only_two_versions_are_known() {
        let request = ReadRequest::new("path").with_version(NonZeroU64::new(3));
        assert_eq!(EnvVault::new().read(&request).await.unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[tokio::test]
    async fn a_variable_is_read_as_it_stands() {
        let document = EnvVault::new().read(&ReadRequest::new("cargo-pkg-name")).await.unwrap();
        assert_eq!(document.as_bytes(), b"strongroom-env");
        assert_eq!(document.version(), None);
    }
}
