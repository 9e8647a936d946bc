//! Configuration that follows its secrets.

mod follow;
mod sources;
mod state;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use state::Shared;

use super::{ResolveError, Resolver, Template};
use crate::{Error, Registry};

/// A program's configuration that follows the secrets in it: when one of them rotates, it is built anew, validated
/// and swapped in.
///
/// ```
/// # use std::time::Duration;
/// # use strongroom_core::{MemoryVault, Policy, Registry, Secret, Vault};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// #[derive(serde::Deserialize)]
/// struct Database {
///     user: String,
///     password: Secret,
/// }
///
/// let vault = std::sync::Arc::new(MemoryVault::new());
/// vault.set("db/creds", r#"{"user": "app", "password": "old"}"#)?;
/// let registry = Registry::builder().vault("my-vault", Vault::shared(vault.clone())).build()?;
/// let document = serde_json::json!({
///     "user": "{vault://my-vault/db/creds/user}",
///     "password": "{vault://my-vault/db/creds/password}",
/// });
///
/// let mut config = registry.watch_config::<Database>(&document).await?;
/// assert_eq!(config.current()?.password.as_str()?, "old");
///
/// // Somebody rotates the secret. A vault with a `ttl` is asked in the background; here it is done by hand.
/// vault.set("db/creds", r#"{"user": "app2", "password": "new"}"#)?;
/// config.refresh().await?;
///
/// config.changed().await?;
/// let database = config.current()?; // an `Arc`: of one moment, user and password always of the same version
/// assert_eq!((database.user.as_str(), database.password.as_str()?), ("app2", "new"));
/// # Ok::<_, strongroom_core::Error>(())
/// # }).unwrap();
/// ```
///
/// **What is swapped in** was built from values that belong together, and has passed the program's own
/// [validation](Registry::watch_config_with). Where building fails the last good configuration stays in service,
/// [`error`](Self::error) says why, and a warning is logged. It is tried again when a secret changes again.
///
/// **Fail closed.** The last good configuration is served for as long as each value in it may be: not once
/// one of its secrets was deleted or denied, is past `ttl` and `resurrect_ttl` or its own expiry, or lost its vault.
/// [`current`](Self::current) is an error then that names the field, within 50 ms of the registry's
/// learning of it, until all secrets are there again. Whoever holds an `Arc` from before keeps it.
///
/// Threads may share a handle; each clone has its own idea of which configuration it has [seen](Self::changed).
/// Secrets stay in memory while a handle lives. The work is done by one task on the runtime that hosts the registry,
/// which ends with the last handle; if that runtime ends, the next use within another one goes on there. The runtime
/// needs its timer (`enable_time`).
pub struct LiveConfig<T> {
    shared: Arc<Shared<T>>,
    /// Which swap was seen last.
    seen: u64,
}

/// What a program says of a configuration before it is swapped in.
type Validate<T> = dyn Fn(&T) -> Result<(), Box<dyn StdError + Send + Sync>> + Send + Sync;

impl<T: DeserializeOwned + Send + Sync + 'static> LiveConfig<T> {
    async fn new(
        resolver: Resolver,
        template: Result<Arc<Template>, ResolveError>,
        validate: Box<Validate<T>>,
    ) -> Result<Self, ResolveError> {
        let template = template?;
        let gathered = resolver.gather(&template).await?;
        let shared = Shared::new(&resolver, template, gathered, validate)?;
        Ok(Self { seen: shared.swaps(), shared })
    }

    /// The present configuration: no lock, no await, no allocation.
    ///
    /// It is of one moment, so take it once for a piece of work and not once for each field.
    ///
    /// # Errors
    ///
    /// The field whose value may not be served any more, and why.
    pub fn current(&self) -> Result<Arc<T>, Error> {
        self.shared.current()
    }

    /// Completes when another configuration was swapped in than when the handle was made, or than when this
    /// completed last; or when it was taken away, which [`current`](Self::current) explains.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) once the vault of a secret was removed; and where the runtime that
    /// follows the secrets has ended and this is called from none.
    pub async fn changed(&mut self) -> Result<(), Error> {
        loop {
            let news = self.shared.news.seen();
            self.shared.is_open()?;
            let swaps = self.shared.swaps();
            if swaps != self.seen {
                self.seen = swaps;
                return Ok(());
            }
            self.shared.keep_following()?;
            self.shared.news.news(news).await;
        }
    }

    /// Why the secrets as they are now give no configuration; none where they do. Meanwhile
    /// [`current`](Self::current) gives the last good one.
    #[must_use]
    pub fn error(&self) -> Option<ResolveError> {
        self.shared.failure()
    }

    /// Whether the present configuration holds a value that is older than its `ttl`, or than what the vault gave
    /// last.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shared.is_stale()
    }

    /// Reads all of its secrets from their vaults, whatever is known of them, and builds it anew if one is another
    /// now.
    ///
    /// # Errors
    ///
    /// What could not be read, or why the configuration could not be built. What was there stays in service within
    /// its limits.
    pub async fn refresh(&self) -> Result<(), ResolveError> {
        self.shared.refresh().await
    }
}

impl<T> Clone for LiveConfig<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), seen: self.seen }
    }
}

/// Shows nothing of the configuration.
impl<T> fmt::Debug for LiveConfig<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConfig").field("references", &self.shared.references()).finish_non_exhaustive()
    }
}

impl Registry {
    /// A program's configuration as by [`extract`](Self::extract), which is built anew whenever one of its secrets
    /// rotates. See [`LiveConfig`].
    ///
    /// # Errors
    ///
    /// As [`extract`](Self::extract).
    pub fn watch_config<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>> {
        self.watch_config_with(document, |_| Ok::<(), String>(()))
    }

    /// The same with a validation of the program's own, which each configuration has to pass before it is swapped
    /// in, the first one too.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let vault = MemoryVault::new();
    /// # vault.set("db", r#"{"pool": "0"}"#)?;
    /// # let registry = Registry::builder().vault("my-vault", vault).build()?;
    /// #[derive(Debug, serde::Deserialize)]
    /// struct Database {
    ///     pool: u16,
    /// }
    ///
    /// let document = serde_json::json!({"pool": "{vault://my-vault/db/pool}"});
    /// let validate = |database: &Database| match database.pool {
    ///     0 => Err("a pool of no connections"),
    ///     _ => Ok(()),
    /// };
    /// let error = registry.watch_config_with(&document, validate).await.unwrap_err();
    /// assert_eq!(error.to_string(), "the document: its validation failed: a pool of no connections");
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// What the validation says is shown and logged, with values masked that it quotes in full, of four bytes at least.
    ///
    /// # Errors
    ///
    /// As [`extract`](Self::extract), and what the validation says.
    pub fn watch_config_with<T, E>(
        &self,
        document: &(impl Serialize + ?Sized),
        validate: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let resolver = self.resolver();
        let template = resolver.template(document);
        LiveConfig::new(resolver, template, Box::new(move |config| validate(config).map_err(Into::into)))
    }
}

impl Resolver {
    /// As [`Registry::watch_config`].
    ///
    /// # Errors
    ///
    /// As [`Registry::watch_config`].
    pub fn watch_config<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>> {
        self.watch_config_with(document, |_| Ok::<(), String>(()))
    }

    /// As [`Registry::watch_config_with`].
    ///
    /// # Errors
    ///
    /// As [`Registry::watch_config_with`].
    pub fn watch_config_with<T, E>(
        &self,
        document: &(impl Serialize + ?Sized),
        validate: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let template = self.template(document);
        LiveConfig::new(self.clone(), template, Box::new(move |config| validate(config).map_err(Into::into)))
    }
}
