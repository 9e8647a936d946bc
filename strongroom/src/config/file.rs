//! A program's own configuration file, read by the reader that reads vaults: it knows the line of every field.

use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, Serializer};
use strongroom_core::{
    Error, ErrorKind, FieldPath, LiveConfig, Origins, Registry, ResolveError, Resolver, Step,
};
use zeroize::Zeroizing;

use super::source::{self, Format, MAX_BYTES, Node, Scalar, Value};

/// A program's own configuration file in YAML, TOML or JSON, in which strings may be references.
///
/// Errors name the file and the line of the field that is wrong, and never a value. What the file says of a value
/// without quotes is a number, a boolean or null as the format has them; all else is text.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use strongroom::config::{ConfigFile, Format};
/// use strongroom::{MemoryVault, Registry, Secret};
///
/// #[derive(serde::Deserialize)]
/// struct Database {
///     user: String,
///     password: Secret, // wiped on drop, never shown
///     port: u16,
/// }
///
/// let text = "
/// user: app
/// password: '{vault://my-vault/db/creds/password}'
/// port: '{vault://my-vault/db/creds/port}'
/// ";
/// # let vault = MemoryVault::new();
/// # vault.set("db/creds", r#"{"password": "hunter2", "port": 5432}"#)?;
/// # let registry = Registry::builder().vault("my-vault", vault).build()?;
/// let file = ConfigFile::parse("app.yaml", text, Format::Yaml)?; // or `ConfigFile::load("app.yaml")`
/// let database: Database = file.extract(&registry).await?;
/// assert_eq!((database.user.as_str(), database.port), ("app", 5432));
///
/// let live = file.watch_config::<Database>(&registry).await?; // follows the secrets
/// assert_eq!(live.current()?.password.as_str()?, "hunter2");
/// # Ok::<_, strongroom::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct ConfigFile(Arc<Inner>);

struct Inner {
    name: String,
    /// None where the file is blank.
    root: Option<Node>,
    format: Format,
}

impl ConfigFile {
    /// Reads a file: YAML, TOML or JSON by its extension.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`], naming the file and the line, and never a value.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let fail = |what: String| Error::new(ErrorKind::InvalidConfig, what).at(&name);
        let format = Format::from_path(path).ok_or_else(|| {
            fail("the name of a configuration file ends in .yaml, .yml, .toml or .json".into())
        })?;
        let mut bytes = Zeroizing::new(Vec::new());
        fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| fail(format!("cannot be read: {error}")))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fail("is not UTF-8 text".into()))?;
        Self::parse(&name, text, format)
    }

    /// Reads a text; `name` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn parse(name: &str, text: &str, format: Format) -> Result<Self, Error> {
        let fail = |what: String| Error::new(ErrorKind::InvalidConfig, what);
        let mut documents = source::parse(text, format, source::Tags::Refused)
            .map_err(|error| fail(format!("{name}:{error}")))?
            .into_iter();
        let root = documents.next();
        if let Some(second) = documents.next() {
            let what = "a second document; a configuration file has one";
            return Err(fail(format!("{name}:{}: {what}", second.place)));
        }
        Ok(Self(Arc::new(Inner { name: name.to_owned(), root, format })))
    }

    /// The configuration with every reference in it resolved, as by [`Registry::extract`].
    ///
    /// # Errors
    ///
    /// As [`Registry::extract`], with the file and the line of each field.
    pub fn extract<T: DeserializeOwned>(
        &self,
        registry: &Registry,
    ) -> impl Future<Output = Result<T, ResolveError>> {
        let (resolver, file) = (self.resolver(registry), self.clone());
        async move { resolver.extract(&file).await }
    }

    /// The same, which is built anew whenever one of its secrets rotates. See [`LiveConfig`].
    ///
    /// # Errors
    ///
    /// As [`extract`](Self::extract).
    pub fn watch_config<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        registry: &Registry,
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>> {
        self.watch_config_with(registry, |_| Ok::<(), String>(()))
    }

    /// The same with a validation of the program's own, as by [`Registry::watch_config_with`].
    ///
    /// # Errors
    ///
    /// As [`extract`](Self::extract), and what the validation says.
    pub fn watch_config_with<T, E>(
        &self,
        registry: &Registry,
        validate: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static,
    ) -> impl Future<Output = Result<LiveConfig<T>, ResolveError>>
    where
        T: DeserializeOwned + Send + Sync + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (resolver, file) = (self.resolver(registry), self.clone());
        async move { resolver.watch_config_with(&file, validate).await }
    }

    fn resolver(&self, registry: &Registry) -> Resolver {
        registry.resolver().origins(self.clone())
    }
}

/// Shows no value.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// The line of a field, or of its key where a mapping holds it.
impl Origins for ConfigFile {
    fn origin(&self, path: &FieldPath) -> Option<String> {
        let mut node = self.0.root.as_ref()?;
        let mut line = node.place.line;
        for step in path.steps() {
            (node, line) = match (&node.value, step) {
                (Value::Map(entries), Step::Key(key)) => {
                    let entry = entries.iter().find(|entry| entry.key == *key)?;
                    (&entry.value, entry.place.line)
                }
                (Value::List(elements), Step::Index(index)) => {
                    let element = elements.get(*index)?;
                    (element, element.place.line)
                }
                _ => return None,
            };
        }
        Some(format!("{}:{line}", self.0.name))
    }
}

/// As the document that it is; a blank file is an empty mapping.
impl Serialize for ConfigFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.root {
            Some(node) => Typed { node, format: self.0.format }.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

struct Typed<'a> {
    node: &'a Node,
    format: Format,
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = self.format;
        match &self.node.value {
            Value::Null => serializer.serialize_unit(),
            Value::Scalar(scalar) => scalar_as(scalar, format, serializer),
            Value::List(elements) => {
                serializer.collect_seq(elements.iter().map(|node| Typed { node, format }))
            }
            Value::Map(entries) => serializer
                .collect_map(entries.iter().map(|entry| (&entry.key, Typed { node: &entry.value, format }))),
        }
    }
}

fn scalar_as<S: Serializer>(scalar: &Scalar, format: Format, serializer: S) -> Result<S::Ok, S::Error> {
    let text = scalar.text.as_str();
    if scalar.quoted {
        return serializer.serialize_str(text);
    }
    match text {
        "true" => return serializer.serialize_bool(true),
        "false" => return serializer.serialize_bool(false),
        "True" | "TRUE" if format == Format::Yaml => return serializer.serialize_bool(true),
        "False" | "FALSE" if format == Format::Yaml => return serializer.serialize_bool(false),
        _ => {}
    }
    let digits = if format == Format::Toml { text.replace('_', "") } else { text.to_owned() };
    let digits = Zeroizing::new(digits);
    if let Some(value) = integer(&digits, format) {
        return match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => serializer.serialize_u64(value),
            (_, Ok(value)) => serializer.serialize_i64(value),
            _ => serializer.serialize_i128(value),
        };
    }
    match float(&digits, format) {
        Some(value) => serializer.serialize_f64(value),
        None => serializer.serialize_str(text),
    }
}

/// An integer as the format has them. What starts with a zero, which none agrees on, is none.
fn integer(text: &str, format: Format) -> Option<i128> {
    let with_base = |prefix: &str, base: u32| {
        let digits = text.strip_prefix(prefix).filter(|_| format != Format::Json)?;
        digits
            .starts_with(|c: char| c.is_ascii_hexdigit())
            .then(|| i128::from_str_radix(digits, base).ok())?
    };
    let based = with_base("0x", 16).or_else(|| with_base("0o", 8));
    based.or_else(|| with_base("0b", 2).filter(|_| format == Format::Toml)).or_else(|| {
        let digits = text.trim_start_matches(['-', '+']);
        let is_plain = digits == "0" || !digits.starts_with('0');
        let is_number =
            is_plain && text.len() <= digits.len() + 1 && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok())?
    })
}

/// A number with a fraction, an exponent or more digits than an integer has.
fn float(text: &str, format: Format) -> Option<f64> {
    let digits = text.trim_start_matches(['-', '+']);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match (digits, format) {
        ("inf", Format::Toml) | (".inf" | ".Inf" | ".INF", Format::Yaml) => {
            return Some(sign * f64::INFINITY);
        }
        ("nan", Format::Toml) | (".nan" | ".NaN" | ".NAN", Format::Yaml) => return Some(f64::NAN),
        _ => {}
    }
    let is_plain = !digits.starts_with('0')
        || digits.starts_with("0.")
        || digits.starts_with("0e")
        || digits.starts_with("0E");
    let has_digit = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit());
    let is_number = is_plain
        && has_digit
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use strongroom_core::MemoryVault;

    use super::*;

    fn registry() -> Registry {
        let vault = MemoryVault::new();
        vault.set("db", r#"{"password":"canary-hunter2","port":"5432"}"#).unwrap();
        Registry::builder().vault("my-vault", vault).build().unwrap()
    }

    fn read(text: &str, format: Format) -> Json {
        serde_json::to_value(ConfigFile::parse("app", text, format).unwrap()).unwrap()
    }

    #[test]
    fn scalars_have_the_types_of_their_format() {
        let yaml = "[1, -2, +3, 0x1f, 0o17, 0123, 1.5, .5, 1e3, 1_000, yes, true, TRUE, ~, '7', 1.2.3, 2026-11-24, 18446744073709551615, a]";
        let expected = json!([
            1,
            -2,
            3,
            31,
            15,
            "0123",
            1.5,
            0.5,
            1000.0,
            "1_000",
            "yes",
            true,
            true,
            null,
            "7",
            "1.2.3",
            "2026-11-24",
            18446744073709551615_u64,
            "a"
        ]);
        assert_eq!(read(yaml, Format::Yaml), expected);
        let toml = "a = [1, -2, +3, 0x1f, 0o17, 0b11, 1_000, 1.5, 6e2, true, '7', 2026-11-24]";
        let expected = json!({"a": [1, -2, 3, 31, 15, 3, 1000, 1.5, 600.0, true, "7", "2026-11-24"]});
        assert_eq!(read(toml, Format::Toml), expected);
        let text = r#"{"a": [1, -2, 1.5, 1e3, true, null, "7"], "b": {}}"#;
        assert_eq!(read(text, Format::Json), json!({"a": [1, -2, 1.5, 1000.0, true, null, "7"], "b": {}}));
        assert_eq!(read("", Format::Yaml), json!({}));
    }

    #[tokio::test]
    async fn errors_name_the_file_and_the_line() {
        let text = "name: app\nservices:\n  - auth: {}\n  - auth:\n      password: '{vault://my-vault/db/nope}'\n      port: '{vault://my-vault/db/password}'\n";
        let file = ConfigFile::parse("app.yaml", text, Format::Yaml).unwrap();
        let error = file.extract::<Json>(&registry()).await.unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("services[1].auth.password (app.yaml:5): could not resolve"), "{shown}");

        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "they are refused")]
        struct App {
            name: String,
            port: u16,
        }
        for (text, expected) in [
            (
                "name: app\n\nport: '{vault://my-vault/db/password}'",
                "port (app.yaml:3): the value of {vault://my-vault/db/password}: expected u16, found a string",
            ),
            ("name: app\nport: canary", "port (app.yaml:2): expected u16, found a string"),
            (
                "name: app\nprot: 1\nport: 2",
                "prot (app.yaml:2): unknown field `prot`, expected one of `name`, `port`",
            ),
            ("\nname: app", "the document (app.yaml:2): the field `port` is missing"),
        ] {
            let file = ConfigFile::parse("app.yaml", text, Format::Yaml).unwrap();
            let error = file.extract::<App>(&registry()).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn files_that_are_none_are_refused_by_name() {
        let error = ConfigFile::parse("app.yaml", "a: 1\n---\nb: 2", Format::Yaml).unwrap_err();
        assert_eq!(error.to_string(), "app.yaml:3:1: a second document; a configuration file has one");
        let error = ConfigFile::load("app.ini").unwrap_err();
        assert!(error.to_string().starts_with("app.ini: the name of a configuration file"), "{error}");
        let error = ConfigFile::load("nowhere.toml").unwrap_err();
        assert!(error.to_string().starts_with("nowhere.toml: cannot be read"), "{error}");
    }

    #[test]
    fn debug_shows_no_value() {
        let file = ConfigFile::parse("app.yaml", "a: canary", Format::Yaml).unwrap();
        assert!(!format!("{file:?}").contains("canary"));
    }
}
