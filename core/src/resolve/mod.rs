//! Documents that hold references, and configuration types that are made of them.
//!
//! | file | holds |
//! |---|---|
//! | `serialize` | anything that serializes, as a tree |
//! | `tree` | the tree, and its references cut out of it |
//! | `path` | where a field stands in its document |
//! | `failure` | everything that is wrong with a document, at once |
//! | `deserialize`, `access`, `key` | a resolved document as the type that a program asks for |
//! | `refusal` | why a type refused a document, told without any value |
//! | `mask` | what a program's own code says, without the values that it quotes |
//! | `live` | configuration that follows its secrets |

mod access;
mod deserialize;
mod failure;
mod key;
mod live;
mod mask;
mod path;
mod refusal;
mod serialize;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use failure::Fault;
pub use failure::{Failure, Origins, ResolveError};
pub use live::LiveConfig;
pub use path::{FieldPath, Step};
use tree::Template;

use crate::registry::Gathered;
use crate::{Reference, Registry, Secret};

impl Registry {
    /// Resolves every string of a document that is a reference. The document is anything that serializes, such as
    /// a `serde_json::Value`; its keys stay, and values are never looked through for references again.
    ///
    /// All secrets are read at the same time, each once, however many fields refer to it; fields that refer to one
    /// secret belong together.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let vault = MemoryVault::new();
    /// # vault.set("db/creds", r#"{"user": "app", "password": "hunter2"}"#)?;
    /// # let registry = Registry::builder().vault("my-vault", vault).build()?;
    /// let document = serde_json::json!({
    ///     "database": {"user": "{vault://my-vault/db/creds/user}", "pool": 8},
    /// });
    /// let resolved = registry.resolve(&document).await?;
    /// let resolved: serde_json::Value = resolved.extract()?;
    /// assert_eq!(resolved, serde_json::json!({"database": {"user": "app", "pool": 8}}));
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Every field whose reference is invalid or cannot be resolved.
    pub fn resolve(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<Resolved, ResolveError>> {
        let resolver = self.resolver();
        let template = resolver.template(document);
        resolver.finish(template)
    }

    /// A program's configuration from a document that holds references: a number, a boolean, an enum's variant or
    /// a [`Secret`] may come from a reference wherever `T` asks for one.
    ///
    /// ```
    /// # use strongroom_core::{MemoryVault, Registry, Secret};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let vault = MemoryVault::new();
    /// # vault.set("db/creds", r#"{"user": "app", "password": "hunter2", "port": "5432"}"#)?;
    /// # let registry = Registry::builder().vault("my-vault", vault).build()?;
    /// #[derive(serde::Deserialize)]
    /// struct Database {
    ///     user: String,
    ///     password: Secret, // never shown, wiped on drop
    ///     port: u16,
    /// }
    ///
    /// let document = serde_json::json!({
    ///     "user": "{vault://my-vault/db/creds/user}",
    ///     "password": "{vault://my-vault/db/creds/password}",
    ///     "port": "{vault://my-vault/db/creds/port}",
    /// });
    /// let database: Database = registry.extract(&document).await?;
    /// assert_eq!((database.user.as_str(), database.port), ("app", 5432));
    /// assert_eq!(database.password.as_str()?, "hunter2");
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// A [`Secret`] is wiped and never shown; a `String` is the program's own and is not.
    ///
    /// What came from a reference becomes a number if it is one as JSON writes it, and a boolean if it is `true` or
    /// `false`; a string that stands in the document itself stays a string. Within `#[serde(flatten)]`, untagged
    /// and internally tagged types serde looks at values before it knows what is asked for: there a reference gives
    /// a string or a [`Secret`] alone, and what serde holds meanwhile is not wiped.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve); or the first field that `T` refuses, by path and reason and without any
    /// value: what a type's own code says once it has seen a secret is not shown.
    pub fn extract<T: DeserializeOwned>(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, ResolveError>> {
        let resolved = self.resolve(document);
        async move { resolved.await?.extract() }
    }

    /// Resolves documents in another way than [`resolve`](Self::resolve) and [`extract`](Self::extract) do.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        Resolver { registry: self.clone(), embedded: false, origins: None }
    }
}

/// Resolves documents: how to find the references in them, and how to name their fields in messages.
#[derive(Clone)]
pub struct Resolver {
    registry: Registry,
    embedded: bool,
    origins: Option<Arc<dyn Origins>>,
}

impl Resolver {
    /// Resolves references within longer strings too: `postgres://app:{vault://my-vault/db/creds/password}@db/`. There a
    /// literal `{vault://` is written `{{vault://`.
    #[must_use]
    pub fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// Says in messages where fields were written.
    ///
    /// ```
    /// # use strongroom_core::{FieldPath, MemoryVault, Registry};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let registry = Registry::builder().vault("my-vault", MemoryVault::new()).build()?;
    /// let document = serde_json::json!({"auth": {"password": "{vault://my-vault/nope/password}"}});
    /// let origins = |path: &FieldPath| (path.to_string() == "auth").then(|| "app.yaml:7".to_owned());
    /// let error = registry.resolver().origins(origins).resolve(&document).await.unwrap_err();
    /// assert!(error.to_string().starts_with("auth.password (app.yaml:7): could not resolve {vault://"));
    /// # Ok::<_, strongroom_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn origins(mut self, origins: impl Origins + 'static) -> Self {
        self.origins = Some(Arc::new(origins));
        self
    }

    /// As [`Registry::resolve`].
    ///
    /// # Errors
    ///
    /// As [`Registry::resolve`].
    pub fn resolve(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<Resolved, ResolveError>> {
        // The document is not needed any more when the future is polled, so it need not be shared by threads.
        self.clone().finish(self.template(document))
    }

    /// As [`Registry::extract`].
    ///
    /// # Errors
    ///
    /// As [`Registry::extract`].
    pub fn extract<T: DeserializeOwned>(
        &self,
        document: &(impl Serialize + ?Sized),
    ) -> impl Future<Output = Result<T, ResolveError>> {
        let resolved = self.resolve(document);
        async move { resolved.await?.extract() }
    }

    async fn finish(self, template: Result<Arc<Template>, ResolveError>) -> Result<Resolved, ResolveError> {
        let template = template?;
        let gathered = self.gather(&template).await?;
        let values = gathered.into_iter().map(|gathered| gathered.value).collect();
        Ok(Resolved { template, values, origins: self.origins })
    }

    fn template(&self, document: &(impl Serialize + ?Sized)) -> Result<Arc<Template>, ResolveError> {
        let root = serialize::to_tree(document).map_err(|error| {
            let message = format!("it cannot be walked: {}", crate::escaped(&error.to_string()));
            self.error(vec![Fault::invalid(FieldPath::root(), message)])
        })?;
        Ok(Arc::new(Template::new(root, self.embedded)))
    }

    /// The value of each reference, or all that is wrong.
    async fn gather(&self, template: &Template) -> Result<Vec<Gathered>, ResolveError> {
        let gathered = self.registry.gather(&template.references).await;
        let errors: Vec<_> = gathered.iter().map(|gathered| gathered.as_ref().err()).collect();
        let has_failed = |place: usize| errors.get(place).is_some_and(Option::is_some);
        let any = errors.iter().any(Option::is_some);
        let failed = if any { template.fields(has_failed) } else { Vec::new() };
        let faults = failed.into_iter().filter_map(|(path, place)| {
            let error = (*errors.get(place)?)?.clone();
            Some(Fault { path, error })
        });
        let invalid = template
            .faults
            .iter()
            .map(|fault| Fault { path: fault.path.clone(), error: fault.error.clone() });
        let faults: Vec<_> = invalid.chain(faults).collect();
        if !faults.is_empty() {
            return Err(self.error(faults));
        }
        Ok(gathered.into_iter().flatten().collect())
    }

    fn error(&self, faults: Vec<Fault>) -> ResolveError {
        ResolveError::new(faults, self.origins.as_deref())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("registry", &self.registry)
            .field("embedded", &self.embedded)
            .finish_non_exhaustive()
    }
}

/// A document with all of its references resolved. Its values are wiped on drop and never shown; what they are
/// turned into is the program's own.
pub struct Resolved {
    template: Arc<Template>,
    /// One for each reference.
    values: Vec<Secret>,
    origins: Option<Arc<dyn Origins>>,
}

impl Resolved {
    fn new(template: Arc<Template>, values: Vec<Secret>, origins: Option<Arc<dyn Origins>>) -> Self {
        Self { template, values, origins }
    }

    /// The document as a type, as by [`Registry::extract`]; as a `serde_json::Value` too.
    ///
    /// # Errors
    ///
    /// The first field that `T` refuses, as by [`Registry::extract`].
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T, ResolveError> {
        deserialize::from_template(&self.template, &self.values).map_err(|(path, message)| {
            ResolveError::new(vec![Fault::invalid(path, message)], self.origins.as_deref())
        })
    }

    /// The distinct references of the document, in the order in which they were found.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.template.references
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved").field("references", &self.template.references).finish_non_exhaustive()
    }
}
