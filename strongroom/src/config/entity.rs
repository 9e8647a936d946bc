//! From the tree of a file to vault entities: Kong's fields, each with the place where it was written.

use std::collections::BTreeSet;
use std::mem;

use strongroom_core::factory::{Setting, SettingOrigin, SettingValue, Settings, nearest};
use strongroom_core::{Error, ErrorKind, RESERVED_PREFIXES, Secret, check_prefix, escaped};
use zeroize::Zeroizing;

use super::manifest::{self, Manifest};
use super::placeholder::{Expanded, expand};
use super::source::{Entry, Node, Place, Scalar, Value};

/// One vault as a file declares it.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) prefix: String,
    pub(super) backend: String,
    pub(super) description: Option<String>,
    pub(super) origin: SettingOrigin,
    pub(super) settings: Settings,
}

/// How vaults are written: the names of their fields.
pub(super) struct Shape {
    /// All fields.
    pub(super) fields: &'static [&'static str],
    /// The one that names the backend.
    pub(super) backend: &'static str,
}

const ENTITY: Shape = Shape {
    fields: &["name", "prefix", "description", "config", "id", "tags", "created_at", "updated_at"],
    backend: "name",
};

/// What all entities of one file are read with.
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) lookup: &'a dyn Fn(&str) -> Option<std::ffi::OsString>,
    /// The variables that placeholders took their text from.
    pub(super) variables: BTreeSet<String>,
}

impl Reader<'_> {
    /// The entities of one document; none where it declares no vaults at all.
    pub(super) fn document(&mut self, root: &Node) -> Result<Option<Vec<Entity>>, Error> {
        let entries = match &root.value {
            Value::Map(entries) => entries,
            Value::Null => return Ok(None),
            _ => {
                return Err(
                    self.error(root.place, "expected a document of named parts, one of them `vaults`")
                );
            }
        };
        if let Some(objects) = manifest::objects(root) {
            let vaults: Vec<_> = objects.into_iter().filter_map(Manifest::of_vault).collect();
            let entities: Vec<_> =
                vaults.iter().map(|vault| self.manifest(vault)).collect::<Result<_, _>>()?;
            return Ok((!entities.is_empty()).then_some(entities));
        }
        let Some(vaults) = entries.iter().find(|entry| entry.key == "vaults") else { return Ok(None) };
        match &vaults.value.value {
            Value::Null => Ok(Some(Vec::new())),
            Value::List(nodes) => {
                nodes.iter().map(|node| self.entity(node)).collect::<Result<_, _>>().map(Some)
            }
            _ => Err(self.error(vaults.value.place, "`vaults` is expected to be a list")),
        }
    }

    fn entity(&mut self, node: &Node) -> Result<Entity, Error> {
        let Value::Map(entries) = &node.value else {
            return Err(self.error(node.place, "a vault is expected to have named fields"));
        };
        self.vault(node, entries, &ENTITY, "")
    }

    fn manifest(&mut self, vault: &Manifest<'_>) -> Result<Entity, Error> {
        let label = vault.label();
        let entity = match vault.spec() {
            Err((place, what)) => Err(self.error(place, &what)),
            Ok((spec, entries)) => self.vault(spec, entries, &manifest::SPEC, &format!(" ({label})")),
        };
        entity.map_err(|error| error.note(format_args!("in {label}")))
    }

    /// One vault; `label` says on top of its prefix which one it is.
    fn vault(&mut self, node: &Node, entries: &[Entry], shape: &Shape, label: &str) -> Result<Entity, Error> {
        let field = |name: &str| entries.iter().find(|entry| entry.key == name);
        for entry in entries {
            if !shape.fields.contains(&entry.key.as_str()) {
                let guess = nearest(&entry.key, shape.fields.iter().copied());
                let guess = guess.map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default();
                let what = format!(
                    "unknown field `{}` of a vault{guess} (known: {})",
                    escaped(&entry.key),
                    shape.fields.join(", ")
                );
                let error = self.error(entry.place, &what);
                return Err(match self.prefix(node, field("prefix")) {
                    Ok(prefix) => error.note(format_args!("in vault `{prefix}`")),
                    Err(_) => error,
                });
            }
        }
        let prefix = self.prefix(node, field("prefix"))?;
        let subject = format!("vault `{prefix}`");
        let noted = |error: Error| error.note(format_args!("in {subject}"));
        let backend = self.required(node, field(shape.backend), shape.backend).map_err(noted)?;
        let description =
            field("description").map(|entry| self.text(entry)).transpose().map_err(noted)?.flatten();

        let mut settings = Settings::new(format!("{subject}{label}"))
            .declared_at(self.origin(node.place))
            .backend_from(backend.used);
        match field("config").map(|entry| &entry.value) {
            None | Some(Node { value: Value::Null, .. }) => {}
            Some(Node { value: Value::Scalar(scalar), .. }) if scalar.text.is_empty() => {}
            Some(Node { value: Value::Map(entries), .. }) => {
                for entry in entries {
                    let (value, variables) = self.setting(&entry.value).unwrap_or_else(|error| {
                        let error = error.note(format_args!("in {subject}, `{}`", escaped(&entry.key)));
                        (SettingValue::Missing(error), Vec::new())
                    });
                    let origin = self.origin(entry.value.place);
                    settings.push(Setting { name: entry.key.clone(), value, origin, variables });
                }
            }
            Some(other) => {
                return Err(
                    self.error(other.place, &format!("{subject}: `config` is expected to have named fields"))
                );
            }
        }
        let backend = (*backend.text).clone();
        let description =
            description.map(|expanded| (*expanded.text).clone()).filter(|text| !text.is_empty());
        Ok(Entity { prefix, backend, description, origin: self.origin(node.place), settings })
    }

    /// The prefix, which is a name that messages may show once it is valid, wherever it came from.
    fn prefix(&mut self, node: &Node, entry: Option<&Entry>) -> Result<String, Error> {
        let Expanded { text, used } = self.required(node, entry, "prefix")?;
        let place = entry.map_or(node.place, |entry| entry.value.place);
        check_prefix(&text).map_err(|error| {
            if used.is_empty() {
                return error.at(self.origin(place));
            }
            let variables: Vec<_> = used.iter().map(|name| format!("`{}`", escaped(name))).collect();
            let what = if RESERVED_PREFIXES.contains(&text.as_str()) {
                "is the name of a backend, which is reserved; choose another"
            } else {
                "is not valid: a lower-case letter, then letters, digits or `-`, ending in a letter or digit, at least \
                 two characters"
            };
            self.error(place, &format!("the prefix, the text of the variable {}, {what}", variables.join(", ")))
        })?;
        Ok((*text).clone())
    }

    fn required(&mut self, node: &Node, entry: Option<&Entry>, name: &str) -> Result<Expanded, Error> {
        let text = entry.map(|entry| self.text(entry)).transpose()?.flatten();
        text.filter(|expanded| !expanded.text.is_empty())
            .ok_or_else(|| self.error(node.place, &format!("a vault needs `{name}`")))
    }

    /// The text of a field; null is no text.
    fn text(&mut self, entry: &Entry) -> Result<Option<Expanded>, Error> {
        let mut used = Vec::new();
        match &entry.value.value {
            Value::Null => Ok(None),
            Value::Scalar(scalar) => {
                let text = self.expanded(scalar, entry.value.place, &mut used);
                let text = text.map_err(|error| error.note(format_args!("in `{}`", escaped(&entry.key))))?;
                Ok(Some(Expanded { text, used }))
            }
            _ => {
                Err(self
                    .error(entry.value.place, &format!("`{}` is expected to be text", escaped(&entry.key))))
            }
        }
    }

    /// A value, and the variables whose text is in it.
    fn setting(&mut self, node: &Node) -> Result<(SettingValue, Vec<String>), Error> {
        let mut variables = Vec::new();
        let value = match &node.value {
            Value::Null => SettingValue::Null,
            Value::Scalar(scalar) => SettingValue::Text(self.secret(scalar, node.place, &mut variables)?),
            Value::Map(_) => SettingValue::Other,
            Value::List(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    match &item.value {
                        Value::Scalar(scalar) => {
                            texts.push(self.secret(scalar, item.place, &mut variables)?);
                        }
                        _ => return Err(self.error(item.place, "expected text in this list")),
                    }
                }
                SettingValue::List(texts)
            }
        };
        Ok((value, variables))
    }

    fn secret(
        &mut self,
        scalar: &Scalar,
        place: Place,
        variables: &mut Vec<String>,
    ) -> Result<Secret, Error> {
        let mut text = self.expanded(scalar, place, variables)?;
        Ok(Secret::from(mem::take(&mut *text)))
    }

    /// The text of a scalar; the variables whose text is in it are added to `variables`.
    fn expanded(
        &mut self,
        scalar: &Scalar,
        place: Place,
        variables: &mut Vec<String>,
    ) -> Result<Zeroizing<String>, Error> {
        match expand(scalar, self.lookup).map_err(|error| self.error(place, &error.to_string()))? {
            Some(expanded) => {
                self.variables.extend(expanded.used.iter().cloned());
                variables.extend(expanded.used);
                Ok(expanded.text)
            }
            None => Ok(scalar.text.clone()),
        }
    }

    fn origin(&self, place: Place) -> SettingOrigin {
        SettingOrigin::File(self.file.to_owned(), place.line, place.column)
    }

    fn error(&self, place: Place, what: &str) -> Error {
        Error::new(ErrorKind::InvalidConfig, what).at(self.origin(place))
    }
}
