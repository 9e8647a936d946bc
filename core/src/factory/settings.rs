//! The settings of one vault as they were written, and reading them by [`Field`].

use std::fmt;
use std::time::Duration;

use super::field::{Field, Shape};
use crate::vault::parse_seconds;
use crate::{Error, ErrorKind, Secret, is_reference};

/// Where a setting was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A file: its name, line and column, counted from 1.
    File(String, u32, u32),
    /// An environment variable, by name.
    Variable(String),
    /// The program itself.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, line, column) => write!(f, "{name}:{line}:{column}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Program => f.write_str("program"),
        }
    }
}

/// What a setting holds, as source text. `Debug` shows none of it.
#[derive(Clone)]
#[non_exhaustive]
pub enum SettingValue {
    /// Not set.
    Null,
    /// The text as it was written, not yet typed.
    Text(Secret),
    /// A list of texts.
    List(Vec<Secret>),
    /// A table or another shape that no field takes.
    Other,
    /// A value that is not to be had, such as that of a variable which is not set, and why. Only who reads the field
    /// is told, as a login that is not chosen may lack what it would need.
    Missing(Error),
}

impl fmt::Debug for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Text(_) => "Text(<redacted>)",
            Self::List(_) => "List(<redacted>)",
            Self::Other => "Other",
            Self::Missing(_) => "Missing",
        })
    }
}

/// One setting: a name, a value, and where it was written.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The field's name as written.
    pub name: String,
    /// The value as written.
    pub value: SettingValue,
    /// Where.
    pub origin: Origin,
    /// The environment variables whose text is in the value. A message names them and never shows what they hold.
    pub variables: Vec<String>,
}

const NO_REFERENCE: &str = "a reference cannot stand here: the vault's own credentials have to come from outside, \
                            such as a file or a variable";

/// The settings of one vault.
///
/// Every error names where the setting was written, the vault and the field, and never a value.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    subject: String,
    origin: Option<Origin>,
    /// The variables that the name of the backend came from.
    backend_variables: Vec<String>,
    settings: Vec<Setting>,
}

impl Settings {
    /// No settings yet. `subject` is what messages call the vault: ``vault `my-vault` ``.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..Self::default() }
    }

    /// Adds where the vault itself is declared, for errors about what was not written.
    #[must_use]
    pub fn declared_at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Adds the environment variables whose text is in the name of the backend, so that messages name them instead.
    #[must_use]
    pub fn backend_from(mut self, variables: Vec<String>) -> Self {
        self.backend_variables = variables;
        self
    }

    /// Adds a setting.
    pub fn push(&mut self, setting: Setting) {
        self.settings.push(setting);
    }

    /// Adds a text that the program itself sets.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let value = SettingValue::Text(Secret::new(text.into()));
        self.push(Setting { name: name.into(), value, origin: Origin::Program, variables: Vec::new() });
        self
    }

    /// What messages call the vault.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// All settings in the order they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Setting> {
        self.settings.iter()
    }

    /// Whether the field has a value of its own.
    ///
    /// # Errors
    ///
    /// Where it is set under two names.
    pub fn is_set(&self, field: &Field) -> Result<bool, Error> {
        Ok(self.find(field)?.is_some())
    }

    /// The field's text, or its default.
    ///
    /// # Errors
    ///
    /// Where it is no text, is a reference, is not to be had, or is set under two names.
    pub fn text(&self, field: &Field) -> Result<Option<&str>, Error> {
        let Some(setting) = self.find(field)? else {
            return Ok(field.default);
        };
        let text = match &setting.value {
            SettingValue::Text(text) => text.as_str().ok(),
            SettingValue::Missing(error) => return Err(error.clone()),
            _ => None,
        };
        match text {
            Some(text) if is_reference(text) => Err(self.at(setting, NO_REFERENCE)),
            Some(text) => Ok(Some(text)),
            None => Err(self.at(setting, "expected text")),
        }
    }

    /// The field's text, which has to be set.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), and where it is not set.
    pub fn required(&self, field: &Field) -> Result<&str, Error> {
        self.text(field)?.ok_or_else(|| self.error(field, "is required"))
    }

    /// The field's text as a secret.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn secret(&self, field: &Field) -> Result<Option<Secret>, Error> {
        Ok(self.text(field)?.map(Secret::from))
    }

    /// The field's whole number, or its default.
    ///
    /// # Errors
    ///
    /// Where it is no whole number within the bounds of its shape.
    pub fn integer(&self, field: &Field) -> Result<Option<u64>, Error> {
        let (min, max) = if let Shape::Integer(min, max) = field.shape { (min, max) } else { (0, u64::MAX) };
        self.parse(field, &format!("expected a whole number from {min} to {max}"), |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits)?;
            (min..=max).contains(&number).then_some(number)
        })
    }

    /// The field's seconds, or its default.
    ///
    /// # Errors
    ///
    /// Where it is no finite number of at least 0.
    pub fn seconds(&self, field: &Field) -> Result<Option<Duration>, Error> {
        self.parse(field, "expected seconds: a finite number, at least 0", |text| parse_seconds(text).ok())
    }

    /// The field's flag, or its default, or false.
    ///
    /// # Errors
    ///
    /// Where it is neither `true` nor `false` (`on` and `off` are taken too).
    pub fn flag(&self, field: &Field) -> Result<bool, Error> {
        let flag = self.parse(field, "expected true or false", |text| match text {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        })?;
        Ok(flag.unwrap_or(false))
    }

    /// The field's word, or its default.
    ///
    /// # Errors
    ///
    /// Where it is none of the words of its shape.
    pub fn one_of(&self, field: &Field) -> Result<Option<&'static str>, Error> {
        let words = if let Shape::OneOf(words) = field.shape { words } else { &[] };
        let expected = format!("expected one of {}", listed(words.iter().copied()));
        self.parse(field, &expected, |text| words.iter().copied().find(|word| *word == text))
    }

    /// The field's list; a text is split at commas, its parts trimmed. Empty where not set.
    ///
    /// # Errors
    ///
    /// Where it is neither list nor text, or holds a reference.
    pub fn list(&self, field: &Field) -> Result<Vec<String>, Error> {
        let found = self.find(field)?;
        let texts: Vec<&str> = match found {
            Some(setting @ Setting { value: SettingValue::List(items), .. }) => {
                let texts = items.iter().map(Secret::as_str).collect::<Result<_, _>>();
                texts.map_err(|_| self.at(setting, "expected a list of texts"))?
            }
            _ => {
                let parts = self.text(field)?.unwrap_or_default().split(',').map(str::trim);
                parts.filter(|part| !part.is_empty()).collect()
            }
        };
        match found.filter(|_| texts.iter().any(|text| is_reference(text))) {
            Some(setting) => Err(self.at(setting, NO_REFERENCE)),
            None => Ok(texts.into_iter().map(str::to_owned).collect()),
        }
    }

    /// The field's mount path without the slashes at its ends, or its default.
    ///
    /// # Errors
    ///
    /// Where it has no segment, or one that is empty, `.` or `..`, or a control character.
    pub fn mount(&self, field: &Field) -> Result<&str, Error> {
        let path = self.required(field)?.trim_matches('/');
        let valid =
            |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(char::is_control);
        if path.split('/').all(valid) {
            return Ok(path);
        }
        Err(self.error(
            field,
            "expected a mount path such as `secret` or `team/kv`, without empty or dot segments",
        ))
    }

    /// An error about a field: where it was written, the vault, the field, and `what`.
    #[must_use]
    pub fn error(&self, field: &Field, what: &str) -> Error {
        match self.find(field) {
            Ok(Some(setting)) => self.at(setting, what),
            _ => self.fault(&format!("`{}` {what}", field.name)),
        }
    }

    /// An error about the vault as a whole: where it is declared, and `what`.
    #[must_use]
    pub fn fault(&self, what: &str) -> Error {
        let error = Error::new(ErrorKind::InvalidConfig, format!("{}: {what}", self.subject));
        match &self.origin {
            Some(origin) => error.at(origin),
            None => error,
        }
    }

    /// The variables that the name of the backend came from.
    pub(super) fn backend_variables(&self) -> &[String] {
        &self.backend_variables
    }

    /// The variables that the value of a field came from.
    pub(super) fn variables(&self, field: &Field) -> &[String] {
        self.find(field).ok().flatten().map_or(&[], |setting| &setting.variables)
    }

    /// An error about a setting that was written.
    pub(super) fn at(&self, setting: &Setting, what: &str) -> Error {
        self.at_place(setting, &format!("`{}`: {what}", crate::escaped(&setting.name)))
    }

    /// An error at the place of a setting that says by itself what it is about.
    pub(super) fn at_place(&self, setting: &Setting, what: &str) -> Error {
        let error = Error::new(ErrorKind::InvalidConfig, format!("{}: {what}", self.subject));
        if setting.origin == Origin::Program { error } else { error.at(&setting.origin) }
    }

    /// The setting of a field; null and the empty text are not set.
    pub(super) fn find(&self, field: &Field) -> Result<Option<&Setting>, Error> {
        let mut found = self.settings.iter().filter(|setting| {
            let unset = match &setting.value {
                SettingValue::Null => true,
                SettingValue::Text(text) => text.is_empty(),
                _ => false,
            };
            field.is_called(&setting.name) && !unset
        });
        let first = found.next();
        if let Some(second) = found.next() {
            return Err(self.at(second, &format!("is set already, as `{}`", first.map_or("", |s| &s.name))));
        }
        Ok(first)
    }

    fn parse<T>(
        &self,
        field: &Field,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        parse(text).map(Some).ok_or_else(|| self.error(field, expected))
    }
}

/// `` `a`, `b` ``
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: Field = Field::new("port", Shape::Integer(1, 65535), "port").default("8200");
    const KV: Field = Field::new("kv", Shape::OneOf(&["v1", "v2"]), "kv").default("v1");
    const VERIFY: Field = Field::new("ssl_verify", Shape::Flag, "verify").default("true");
    const TOKEN: Field = Field::new("token", Shape::Credential, "token").aliases(&["tok"]);
    const ROLES: Field = Field::new("roles", Shape::List, "roles");

    fn settings(name: &str, text: &str) -> Settings {
        let mut settings = Settings::new("vault `p`");
        let value = SettingValue::Text(text.into());
        let origin = Origin::File("kong.yaml".into(), 7, 9);
        settings.push(Setting { name: name.into(), value, origin, variables: Vec::new() });
        settings
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        for none in [Settings::new("v"), settings("port", "")] {
            assert_eq!(none.integer(&PORT).unwrap(), Some(8200));
            assert_eq!(none.one_of(&KV).unwrap(), Some("v1"));
            assert!(none.flag(&VERIFY).unwrap());
            assert!(none.secret(&TOKEN).unwrap().is_none());
        }
    }

    #[test]
    fn text_is_typed_by_the_field_alone() {
        assert_eq!(settings("token", "0123").secret(&TOKEN).unwrap().unwrap().as_bytes(), b"0123");
        assert_eq!(settings("port", "08200").integer(&PORT).unwrap(), Some(8200));
        assert_eq!(settings("roles", "a, b,,c").list(&ROLES).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn errors_name_place_vault_and_field_and_no_value() {
        for (name, field) in [("port", PORT), ("kv", KV), ("ssl_verify", VERIFY)] {
            let settings = settings(name, "canary");
            let error = match field.shape {
                Shape::Integer(..) => settings.integer(&field).unwrap_err(),
                Shape::OneOf(_) => settings.one_of(&field).unwrap_err(),
                _ => settings.flag(&field).unwrap_err(),
            };
            let text = error.to_string();
            assert!(text.starts_with(&format!("kong.yaml:7:9: vault `p`: `{name}`: expected ")), "{text}");
            assert!(!text.contains("canary") && !format!("{settings:?}").contains("canary"));
        }
    }

    #[test]
    fn a_reference_is_never_sent_as_a_token() {
        let error = settings("token", "{vault://env/TOKEN}").secret(&TOKEN).unwrap_err();
        assert!(error.to_string().contains("a reference cannot stand here"), "{error}");
    }

    #[test]
    fn nor_as_part_of_a_list() {
        const SCOPES: Field = Field::new("scopes", Shape::List, "scopes");
        let list = |items: &[&str]| {
            let items = items.iter().map(|item| Secret::from(*item)).collect();
            let value = SettingValue::List(items);
            let mut settings = Settings::new("vault `p`");
            settings.push(Setting {
                name: "scopes".into(),
                value,
                origin: Origin::Program,
                variables: Vec::new(),
            });
            settings.list(&SCOPES)
        };
        assert_eq!(list(&["a", "b"]).unwrap(), ["a", "b"]);
        let as_text = settings("scopes", "a, {vault://env/SCOPE}").list(&SCOPES);
        for list in [list(&["a", "{vault://env/SCOPE}"]), as_text] {
            let error = list.unwrap_err().to_string();
            assert!(error.contains("`scopes`: a reference cannot stand here"), "{error}");
        }
    }

    #[test]
    fn two_names_of_one_field_are_refused() {
        let error = settings("token", "a").with("tok", "b").secret(&TOKEN).unwrap_err();
        assert_eq!(error.to_string(), "vault `p`: `tok`: is set already, as `token`");
    }
}
