//! Configuration that [`figment`] layers, with the references in it resolved.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use figment::{Figment, providers::{Env, Serialized}};
//! use strongroom::{MemoryVault, Registry, Secret};
//!
//! #[derive(serde::Deserialize)]
//! struct App {
//!     password: Secret, // wiped on drop, never shown
//!     port: u16,
//! }
//!
//! # let vault = MemoryVault::new();
//! # vault.set("db", r#"{"password": "hunter2", "port": 5432}"#)?;
//! # let registry = Registry::builder().vault("my-vault", vault).build()?;
//! let figment = Figment::new()
//!     .merge(Serialized::default("port", "{vault://my-vault/db/port}"))
//!     .merge(Serialized::default("password", "{vault://my-vault/db/password}"))
//!     .merge(Env::prefixed("APP_"));
//! let app: App = strongroom::figment::extract(&figment, &registry).await?;
//! assert_eq!((app.port, app.password.as_str()?), (5432, "hunter2"));
//! # Ok::<_, strongroom::Error>(())
//! # }).unwrap();
//! ```
//!
//! Errors name the file and key or the variable that a field comes from, and never a value: figment's own would show
//! it. figment types the text of variables (`0123` becomes the number 123) before anybody can ask what is wanted;
//! a reference in a variable stays the text that it is, and what it means is typed by nobody but the type that asks
//! for it. figment's own magic types (`RelativePathBuf`, `Tagged`) need figment's own `extract`.

use std::error::Error as StdError;
use std::future::Future;

use ::figment::error::Kind;
use ::figment::value::Value;
use ::figment::{Figment, Metadata, Source};
use serde::de::DeserializeOwned;
use strongroom_core::{
    Error, ErrorKind, FieldPath, LiveConfig, Origins, Registry, ResolveError, Resolver, Step, escaped,
};

/// The configuration that a figment gives, with every reference in it resolved, as by [`Registry::extract`].
///
/// # Errors
///
/// As [`Registry::extract`], with the file and key or the variable of each field; and what figment could not read.
pub fn extract<T: DeserializeOwned>(
    figment: &Figment,
    registry: &Registry,
) -> impl Future<Output = Result<T, ResolveError>> {
    let prepared = prepare(figment, registry);
    async move {
        let (resolver, value) = prepared?;
        resolver.extract(&value).await
    }
}

/// The same, which is built anew whenever one of its secrets rotates. See [`LiveConfig`].
///
/// # Errors
///
/// As [`extract`].
pub fn watch_config<T: DeserializeOwned + Send + Sync + 'static>(
    figment: &Figment,
    registry: &Registry,
) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>> {
    watch_config_with(figment, registry, |_| Ok::<(), String>(()))
}

/// The same with a validation of the program's own, as by [`Registry::watch_config_with`].
///
/// # Errors
///
/// As [`extract`], and what the validation says.
pub fn watch_config_with<T, E>(
    figment: &Figment,
    registry: &Registry,
    validate: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>>
where
    T: DeserializeOwned + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    let prepared = prepare(figment, registry);
    async move {
        let (resolver, value) = prepared?;
        resolver.watch_config_with(&value, validate).await
    }
}

fn prepare(figment: &Figment, registry: &Registry) -> Result<(Resolver, Value), ResolveError> {
    let root = figment.find_value("").map_err(|error| unreadable(&error))?;
    let provenance = Provenance { figment: figment.clone(), root: root.clone() };
    Ok((registry.resolver().origins(provenance), root))
}

/// What figment says of a file that it cannot read, without the text that it quotes.
fn unreadable(error: &::figment::Error) -> Error {
    let what = match &error.kind {
        // A parser's message quotes what it read; the place that it names is what a person needs.
        Kind::Message(message) => match place(message) {
            Some(place) => format!("cannot be read: there is an error at {place}"),
            None => {
                "cannot be read; what its parser says is not shown, since it could quote a secret".to_owned()
            }
        },
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("cannot be read: expected {}", escaped(expected))
        }
        Kind::MissingField(field) => format!("cannot be read: the field `{}` is missing", escaped(field)),
        _ => "cannot be read".to_owned(),
    };
    let source = error.metadata.as_ref().map_or_else(|| "the configuration".to_owned(), source);
    Error::new(ErrorKind::InvalidConfig, what).at(source)
}

/// `line 3, column 7`, as parsers put it.
fn place(message: &str) -> Option<String> {
    let number = |word: &str| {
        let behind = message.split_once(word)?.1.trim_start();
        let digits = behind.split(|c: char| !c.is_ascii_digit()).next()?;
        (!digits.is_empty() && digits.len() < 10).then(|| digits.to_owned())
    };
    let line = number("line ")?;
    Some(
        number("column ")
            .map_or_else(|| format!("line {line}"), |column| format!("line {line}, column {column}")),
    )
}

/// A file by its path, code by its place, anything else by figment's name for it.
fn source(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(Source::File(path)) => escaped(&path.display().to_string()).to_string(),
        Some(Source::Code(place)) => format!("{}:{}", place.file(), place.line()),
        Some(Source::Custom(custom)) => escaped(custom).to_string(),
        _ => escaped(&metadata.name).to_string(),
    }
}

/// Where figment says that fields come from.
struct Provenance {
    figment: Figment,
    root: Value,
}

impl Origins for Provenance {
    fn origin(&self, path: &FieldPath) -> Option<String> {
        let value = path.steps().iter().try_fold(&self.root, |value, step| match (value, step) {
            (Value::Dict(_, dict), Step::Key(key)) => dict.get(key),
            (Value::Array(_, elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        })?;
        let metadata = self.figment.get_metadata(value.tag())?;
        let Some(prefix) = variables(metadata) else { return Some(source(metadata)) };
        let origin = match variable(prefix, path) {
            Some(variable) => format!("variable {}", escaped(&variable)),
            None => source(metadata),
        };
        Some(match value {
            Value::Num(..) | Value::Bool(..) => {
                format!("{origin}, which figment has typed: quotes inside the variable keep it a text")
            }
            _ => origin,
        })
    }
}

/// The prefix of the variables that a value comes from, if it comes from any.
fn variables(metadata: &Metadata) -> Option<&str> {
    let name = metadata.name.strip_suffix("environment variable(s)")?.trim_end();
    Some(name.trim_matches('`'))
}

/// The variable that a field comes from. figment does not tell, but all that it does to a name is to cut it at
/// separators and to change its case.
fn variable(prefix: &str, path: &FieldPath) -> Option<String> {
    let squeezed = |text: &str| {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_uppercase).collect::<String>()
    };
    let wanted: String = path
        .steps()
        .iter()
        .map(|step| match step {
            Step::Key(key) => squeezed(key),
            Step::Index(_) => String::new(),
        })
        .collect();
    let mut found = std::env::vars_os().filter_map(|(name, _)| {
        let name = name.into_string().ok()?;
        let start = name.get(..prefix.len())?;
        let is_it = start.eq_ignore_ascii_case(prefix) && squeezed(&name[prefix.len()..]) == wanted;
        is_it.then_some(name)
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
