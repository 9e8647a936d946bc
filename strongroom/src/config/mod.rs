//! Vaults from configuration: Kong's declarative files and `KongVault` manifests as they are, and default vaults from
//! the environment.
//!
//! ```
//! # #[cfg(feature = "env")] {
//! use strongroom::config::{Config, Format};
//!
//! let file = r#"
//! _format_version: "3.0"
//! vaults:
//!   - name: env
//!     prefix: my-env
//!     config: { prefix: app_ }
//! "#;
//! let registry = Config::new().and_parse("kong.yaml", file, Format::Yaml)?.build()?;
//! assert_eq!(registry.prefixes(), ["my-env"]);
//! # }
//! # Ok::<_, strongroom::Error>(())
//! ```

mod defaults;
mod entity;
mod file;
mod manifest;
mod own;
mod placeholder;
mod schema;
pub(crate) mod source;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use strongroom_core::factory::{Factories, SettingOrigin};
use strongroom_core::{Error, ErrorKind, Registry};
use zeroize::Zeroizing;

use entity::{Entity, Reader};
pub use file::ConfigFile;
use own::Own;
pub use schema::schema;
pub use source::Format;

/// Vaults as they are declared, before they are built.
///
/// Nothing is connected to while configuration is read or built.
#[derive(Clone, Debug)]
pub struct Config {
    factories: Factories,
    entities: Vec<Entity>,
    defaults: Vec<defaults::Default>,
    own: Own,
    /// Files that declare no vaults, which an unknown prefix is told about.
    without_vaults: Vec<String>,
    variables: BTreeSet<String>,
}

/// A vault that configuration declares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declared {
    /// The prefix of its references.
    pub prefix: String,
    /// The backend as the entity names it.
    pub backend: String,
    /// The entity's description.
    pub description: Option<String>,
    /// Where it is declared.
    pub origin: SettingOrigin,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// No vaults yet, and the factories of this build.
    #[must_use]
    pub fn new() -> Self {
        Self {
            factories: crate::factories(),
            entities: Vec::new(),
            defaults: Vec::new(),
            own: Own::default(),
            without_vaults: Vec::new(),
            variables: BTreeSet::new(),
        }
    }

    /// The vaults of one file: YAML, TOML or JSON by its extension.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming file, line, vault and field, and never a value.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new().and_load(path)
    }

    /// Adds the vaults of another file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and where a prefix is declared twice.
    pub fn and_load(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let fail = |what: String| Error::new(ErrorKind::InvalidConfig, what).at(&name);
        let format = Format::from_path(path).ok_or_else(|| {
            fail("the name of a configuration file ends in .yaml, .yml, .toml or .json".into())
        })?;
        let mut bytes = Zeroizing::new(Vec::new());
        File::open(path)
            .and_then(|file| file.take(source::MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| fail(format!("cannot be read: {error}")))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("is not UTF-8 text".into()))?;
        self.and_parse(&name, text, format)
    }

    /// Adds the vaults of a text; `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// As [`and_load`](Self::and_load).
    pub fn and_parse(mut self, name: &str, text: &str, format: Format) -> Result<Self, Error> {
        let documents = source::parse(text, format, source::Tags::Refused)
            .map_err(|error| Error::new(ErrorKind::InvalidConfig, format!("{name}:{error}")))?;
        let lookup = |variable: &str| std::env::var_os(variable);
        let mut reader = Reader { file: name, lookup: &lookup, variables: BTreeSet::new() };
        let mut has_vaults = false;
        for root in &documents {
            if let Some(entities) = reader.document(root)? {
                has_vaults = true;
                entities.into_iter().try_for_each(|entity| self.add(entity))?;
            }
            self.own = std::mem::take(&mut self.own).with_file(name, root)?;
        }
        self.variables.extend(reader.variables);
        if !has_vaults {
            self.without_vaults.push(name.to_owned());
        }
        Ok(self)
    }

    fn add(&mut self, entity: Entity) -> Result<(), Error> {
        if let Some(first) = self.entities.iter().find(|other| other.prefix == entity.prefix) {
            let message =
                format!("the prefix `{}` is declared twice, first at {}", entity.prefix, first.origin);
            return Err(Error::new(ErrorKind::InvalidConfig, message).at(&entity.origin));
        }
        self.entities.push(entity);
        Ok(())
    }

    /// Uses these factories in place of the build's own, so that configuration can name backends and logins of
    /// your own.
    #[must_use]
    pub fn with_factories(mut self, factories: Factories) -> Self {
        self.factories = factories;
        self
    }

    /// Adds the default vaults, whose prefixes are the backends' own names: `{vault://env/HOME}`. They are
    /// configured by `STRONGROOM_VAULT_<NAME>_<FIELD>` variables, the default `hcv` vault by `VAULT_ADDR` and its
    /// like too; `STRONGROOM_DEFAULT_VAULTS` says which there are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a variable that names no backend or field. What else is wrong with a
    /// default vault is said when a reference asks for it.
    pub fn default_vaults(mut self) -> Result<Self, Error> {
        let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        self.defaults = defaults::collect(&self.factories, &self.own, &variables)?;
        Ok(self)
    }

    /// The vaults that are declared, in their order, and after them the default `hcv` vault where variables
    /// configure it.
    #[must_use]
    pub fn declared(&self) -> Vec<Declared> {
        let entities = self.entities.iter().map(|entity| Declared {
            prefix: entity.prefix.clone(),
            backend: entity.backend.clone(),
            description: entity.description.clone(),
            origin: entity.origin.clone(),
        });
        let defaults = self.defaults.iter().filter_map(|default| {
            let origin = default.configured_by.clone()?;
            let prefix = default.prefix.to_owned();
            let declared = Declared { backend: prefix.clone(), prefix, description: None, origin };
            (declared.prefix == "hcv").then_some(declared)
        });
        entities.chain(defaults).collect()
    }

    /// The variables that `${{ env "DECK_..." }}` placeholders took their text from.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// The registry of all these vaults. Does no I/O and needs no runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming file, line, vault and field, and never a value.
    pub fn build(self) -> Result<Registry, Error> {
        let mut builder = Registry::builder();
        for Entity { prefix, backend, settings, .. } in &self.entities {
            builder = builder.vault(prefix, self.factories.build(backend, settings)?);
        }
        for default in &self.defaults {
            builder = builder.default_vault(default.prefix, default.vault.clone());
        }
        if !self.without_vaults.is_empty() {
            builder =
                builder.unknown_prefix_note(format!("no `vaults` in {}", self.without_vaults.join(", ")));
        }
        builder.build()
    }
}

#[cfg(test)]
mod tests;
