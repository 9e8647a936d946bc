//! From configuration to vaults: what a backend or login crate exports so that a file can name it.
//!
//! Nothing registers itself: whoever builds a registry from configuration lists the factories it may use in
//! [`Factories`]. The flat fields of a vault entity belong to the crate that reads them.

mod field;
mod settings;
mod unavailable;

use std::fmt;
use std::sync::Arc;

pub use field::{Field, Shape};
use settings::listed;
pub use settings::{Origin as SettingOrigin, Setting, SettingValue, Settings};

use crate::{AuthMethod, Error, ErrorKind, Policy, Vault, escaped};

/// Makes vaults of one kind from settings.
pub trait BackendFactory: fmt::Debug + Send + Sync + 'static {
    /// The kind, as the `name` of a vault entity.
    fn name(&self) -> &'static str;

    /// Other names for the kind.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The fields it reads, besides those that every vault has ([`POLICY_FIELDS`]).
    fn fields(&self) -> &'static [Field];

    /// Whether vaults of this kind log in, so that the fields of every login belong to them.
    fn logs_in(&self) -> bool;

    /// Makes a vault. Unknown fields have been refused already; fields of every vault are applied afterwards.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming the field and never its value.
    fn build(&self, settings: &Settings, factories: &Factories) -> Result<Vault, Error>;
}

/// Makes logins of one method from settings.
pub trait AuthFactory: fmt::Debug + Send + Sync + 'static {
    /// The method, as `auth_method` names it.
    fn name(&self) -> &'static str;

    /// Other names for the method.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The fields it reads.
    fn fields(&self) -> &'static [Field];

    /// Makes a login.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming the field and never its value.
    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error>;
}

/// A backend or login that exists, but not in this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absent {
    /// Its name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The cargo feature that brings it; none where nothing does yet.
    pub feature: Option<&'static str>,
    /// How the names of its fields begin, for a login.
    pub field_prefixes: &'static [&'static str],
}

impl Absent {
    /// Something that the cargo feature `feature` brings, or nothing does yet.
    #[must_use]
    pub const fn new(name: &'static str, feature: Option<&'static str>) -> Self {
        Self { name, aliases: &[], feature, field_prefixes: &[] }
    }

    /// Adds other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Adds how the names of its fields begin.
    #[must_use]
    pub const fn field_prefixes(mut self, prefixes: &'static [&'static str]) -> Self {
        self.field_prefixes = prefixes;
        self
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// What to do about it: `enable the cargo feature ...`.
    fn remedy(&self) -> String {
        match self.feature {
            Some(feature) => format!("is not in this build: enable the cargo feature `{feature}`"),
            None => "is recognised but not built yet".into(),
        }
    }
}

/// The fields that every vault has, whatever its backend.
pub const POLICY_FIELDS: &[Field] = &[TTL, NEG_TTL, RESURRECT_TTL, BASE64_DECODE, REVEAL_KEYS];
const TTL: Field = Field::new(
    "ttl",
    Shape::Seconds,
    "Seconds after which a value is refreshed in the background; 0 or unset: kept until refreshed by hand.",
);
const NEG_TTL: Field =
    Field::new("neg_ttl", Shape::Seconds, "Seconds for which a miss is remembered.").default("5");
const RESURRECT_TTL: Field = Field::new(
    "resurrect_ttl",
    Shape::Seconds,
    "Seconds past ttl for which the last good value is served while the vault fails.",
)
.default("3600");
const BASE64_DECODE: Field =
    Field::new("base64_decode", Shape::Flag, "Decode strings that a key picks from base64.")
        .aliases(&["decode_base64"])
        .default("false");
const REVEAL_KEYS: Field = Field::new(
    "reveal_keys",
    Shape::Flag,
    "List the names of the keys that are there in the error for a missing one.",
)
.default("false");

/// The backends and logins that configuration may name.
#[derive(Clone, Debug, Default)]
pub struct Factories {
    backends: Vec<Arc<dyn BackendFactory>>,
    logins: Vec<Arc<dyn AuthFactory>>,
    absent_backends: Vec<Absent>,
    absent_logins: Vec<Absent>,
}

impl Factories {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a backend. It takes the place of an earlier one of the same name.
    #[must_use]
    pub fn with_backend(mut self, factory: impl BackendFactory) -> Self {
        self.backends.retain(|other| other.name() != factory.name());
        self.backends.push(Arc::new(factory));
        self
    }

    /// Adds a login. It takes the place of an earlier one of the same name.
    #[must_use]
    pub fn with_login(mut self, factory: impl AuthFactory) -> Self {
        self.logins.retain(|other| other.name() != factory.name());
        self.logins.push(Arc::new(factory));
        self
    }

    /// Adds a backend that is not in this build, so that messages can say how to get it.
    #[must_use]
    pub fn with_absent_backend(mut self, absent: Absent) -> Self {
        self.absent_backends.push(absent);
        self
    }

    /// Adds a login that is not in this build.
    #[must_use]
    pub fn with_absent_login(mut self, absent: Absent) -> Self {
        self.absent_logins.push(absent);
        self
    }

    /// The backends, in the order they were added.
    pub fn backends(&self) -> impl Iterator<Item = &dyn BackendFactory> {
        self.backends.iter().map(|factory| &**factory)
    }

    /// The logins, in the order they were added.
    pub fn logins(&self) -> impl Iterator<Item = &dyn AuthFactory> {
        self.logins.iter().map(|factory| &**factory)
    }

    /// The backend called `name`.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&dyn BackendFactory> {
        self.backends().find(|factory| factory.name() == name || factory.aliases().contains(&name))
    }

    /// Makes the vault of kind `name`. A kind that exists but is not in this build gives a vault that fails
    /// when it is used, so that the rest of a configuration works.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for an unknown kind or field, and whatever the backend's factory refuses.
    pub fn build(&self, name: &str, settings: &Settings) -> Result<Vault, Error> {
        let Some(factory) = self.backend(name) else {
            let absent = self.absent_backends.iter().find(|absent| absent.is_called(name));
            let absent = absent.ok_or_else(|| self.unknown_backend(name, settings))?;
            let message = format!("the backend `{}` {}", absent.name, absent.remedy());
            return Ok(Vault::unavailable(absent.name, Error::new(ErrorKind::Unsupported, message)));
        };
        self.check_names(factory, settings)?;
        let vault = factory.build(settings, self)?;
        let policy = Policy {
            ttl: settings.seconds(&TTL)?.filter(|ttl| !ttl.is_zero()),
            neg_ttl: settings.seconds(&NEG_TTL)?.unwrap_or_default(),
            resurrect_ttl: settings.seconds(&RESURRECT_TTL)?.unwrap_or_default(),
            base64_decode: settings.flag(&BASE64_DECODE)?,
            reveal_keys: settings.flag(&REVEAL_KEYS)?,
        };
        Ok(vault.with_policy(policy))
    }

    /// Makes the login called `name`, which the setting of `field` asks for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for a method that is unknown or not in this build, and whatever its factory
    /// refuses.
    pub fn login(
        &self,
        name: &str,
        field: &Field,
        settings: &Settings,
    ) -> Result<Arc<dyn AuthMethod>, Error> {
        let called = |factory: &dyn AuthFactory| factory.name() == name || factory.aliases().contains(&name);
        if let Some(factory) = self.logins().find(|factory| called(*factory)) {
            return factory.build(settings);
        }
        if let Some(absent) = self.absent_logins.iter().find(|absent| absent.is_called(name)) {
            let mut what = format!("the login `{}` {}", absent.name, absent.remedy());
            if absent.feature.is_none() {
                what.push_str("; `jwt` or `kubernetes` are ways to log in meanwhile");
            }
            return Err(settings.error(field, &what));
        }
        let known = self.logins.iter().flat_map(|factory| names(factory.name(), factory.aliases()));
        let known =
            known.chain(self.absent_logins.iter().flat_map(|absent| names(absent.name, absent.aliases)));
        let what = match settings.variables(field) {
            [] => unknown("login", name, known),
            variables => unknown_of_variables("login", variables, known),
        };
        Err(settings.error(field, &what))
    }

    /// Refuses settings whose names neither the backend nor any login knows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming the nearest known field.
    pub fn check_names(&self, factory: &dyn BackendFactory, settings: &Settings) -> Result<(), Error> {
        let logins = self.logins.iter().filter(|_| factory.logs_in());
        let fields = || {
            POLICY_FIELDS
                .iter()
                .chain(factory.fields())
                .chain(logins.clone().flat_map(|login| login.fields()))
        };
        for setting in settings.iter() {
            let name = setting.name.as_str();
            let Some(field) = fields().find(|field| field.is_called(name)) else {
                let absent = self.absent_logins.iter().flat_map(|absent| absent.field_prefixes);
                if factory.logs_in() && absent.into_iter().any(|prefix| name.starts_with(prefix)) {
                    continue;
                }
                let known = fields().filter(|field| !field.unbuilt).map(|field| field.name);
                return Err(settings.at_place(setting, &unknown("field", name, known)));
            };
            let at_default = match &setting.value {
                SettingValue::Text(text) => text.as_str().is_ok_and(|text| field.default == Some(text)),
                _ => false,
            };
            if field.unbuilt && !at_default && settings.find(field)?.is_some() {
                let what = format!(
                    "is recognised but not built yet ({}); `jwt` or `kubernetes` are ways to log in meanwhile",
                    field.doc
                );
                return Err(settings.at(setting, &what));
            }
        }
        Ok(())
    }

    fn unknown_backend(&self, name: &str, settings: &Settings) -> Error {
        let known = self.backends.iter().flat_map(|factory| names(factory.name(), factory.aliases()));
        let known =
            known.chain(self.absent_backends.iter().flat_map(|absent| names(absent.name, absent.aliases)));
        settings.fault(&match settings.backend_variables() {
            [] => unknown("backend", name, known),
            variables => unknown_of_variables("backend", variables, known),
        })
    }
}

fn names<'a>(name: &'a str, aliases: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    std::iter::once(name).chain(aliases.iter().copied())
}

/// ``unknown field `prot`; did you mean `port`? Known: ...``
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    let nearest = nearest(name, known.iter().copied());
    let guess = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
    format!("unknown {what} `{}`{guess} (known: {})", escaped(name), listed(known))
}

/// The same without the name, which is the text of variables: a guess would tell of it too.
fn unknown_of_variables<'a>(
    what: &str,
    variables: &[String],
    known: impl Iterator<Item = &'a str>,
) -> String {
    let variables: Vec<_> = variables.iter().map(|name| escaped(name).to_string()).collect();
    let variables = listed(variables.iter().map(String::as_str));
    format!("unknown {what}, the text of the variable {variables} (known: {})", listed(known))
}

/// The name that `name` was most likely meant to be, if any comes close.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &&str| strsim::osa_distance(name, known);
    let tolerated = (name.chars().count() / 3).max(1);
    known.into_iter().min_by_key(distance).filter(|known| distance(known) <= tolerated)
}

#[cfg(test)]
mod tests;
