//! Strongroom's own settings, layered by figment: the `strongroom` part of each file, then `STRONGROOM_` variables.
//!
//! No credential is ever among them: figment types the text of variables and shows values in its errors.

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value as Figure};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};
use strongroom_core::{Error, ErrorKind};

use super::source::{Entry, Node, Value};

/// The layers so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Vec<Layer>);

/// What the layers come to.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Which default vaults there are.
    pub(super) default_vaults: Names,
}

/// The variable that stands above every file.
const VARIABLE: &str = "STRONGROOM_DEFAULT_VAULTS";

/// `all`, `none`, or names: a list, or text with commas.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Names {
    Text(String),
    List(Vec<String>),
}

impl Names {
    /// Whether it is a list that was written without anything in it.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(self, Self::List(names) if names.is_empty())
    }

    pub(super) fn list(&self) -> Vec<&str> {
        let names: Vec<&str> = match self {
            Self::Text(text) => text.split(',').collect(),
            Self::List(names) => names.iter().map(String::as_str).collect(),
        };
        names.into_iter().map(str::trim).filter(|name| !name.is_empty()).collect()
    }
}

/// One file's part, or what a variable says.
#[derive(Clone, Debug)]
struct Layer {
    /// What messages call it.
    name: String,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

impl Own {
    /// Adds the `strongroom` part of a file, if it has one.
    pub(super) fn with_file(mut self, file: &str, root: &Node) -> Result<Self, Error> {
        let Value::Map(entries) = &root.value else { return Ok(self) };
        let Some(part) = entries.iter().find(|entry| entry.key == "strongroom") else { return Ok(self) };
        match &part.value.value {
            Value::Null => {}
            Value::Map(entries) => {
                self.0.push(Layer { name: format!("`strongroom` in {file}"), dict: dict(entries) });
            }
            _ => {
                let place = part.value.place;
                let what = format!(
                    "{file}:{}:{}: `strongroom` is expected to have named fields",
                    place.line, place.column
                );
                return Err(Error::new(ErrorKind::InvalidConfig, what));
            }
        }
        Ok(self)
    }

    /// All layers, the text of `STRONGROOM_DEFAULT_VAULTS` on top, and what messages call the one that counts.
    pub(super) fn settings(&self, variable: Option<&str>) -> Result<(Settings, String), Error> {
        let base = Settings { default_vaults: Names::Text("all".into()) };
        let variable = variable.filter(|text| !text.trim().is_empty()).map(|text| {
            // Figment's own reading of a variable, in which `[env, hcv]` is a list.
            let value = match text.parse::<Figure>() {
                Ok(list @ Figure::Array(..)) => list,
                _ => Figure::from(text),
            };
            let dict = Dict::from([("default_vaults".to_owned(), value)]);
            Layer { name: format!("variable {VARIABLE}"), dict }
        });
        let layers = self.0.iter().cloned().chain(variable);
        let figment = layers.fold(Figment::from(Serialized::defaults(base)), Figment::merge);
        let settings = figment.extract().map_err(explain)?;
        let place = figment.find_metadata("default_vaults").map(|metadata| metadata.name.to_string());
        Ok((settings, place.unwrap_or_default()))
    }
}

fn dict(entries: &[Entry]) -> Dict {
    let set = entries.iter().filter(|entry| !is_unset(&entry.value.value));
    set.map(|entry| (entry.key.clone(), figure(&entry.value.value))).collect()
}

/// Null and the blank text are not set, as for the fields of a vault.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Scalar(scalar) => scalar.text.trim().is_empty(),
        _ => false,
    }
}

fn figure(value: &Value) -> Figure {
    match value {
        Value::Null => Figure::from(""),
        Value::Scalar(scalar) => Figure::from(scalar.text.as_str()),
        Value::List(items) => Figure::from(items.iter().map(|item| figure(&item.value)).collect::<Vec<_>>()),
        Value::Map(entries) => Figure::from(dict(entries)),
    }
}

/// figment's own message would show the value.
fn explain(error: figment::Error) -> Error {
    use figment::error::Kind;

    let place = error.metadata.as_ref().map(|metadata| metadata.name.to_string());
    let place = place.unwrap_or_else(|| "Strongroom's settings".into());
    let field = error.path.join(".");
    let what = match &error.kind {
        Kind::UnknownField(name, known) => {
            format!("unknown field `{}` (known: {})", strongroom_core::escaped(name), known.join(", "))
        }
        _ => format!(
            "`{}` is expected to be `all`, `none` or a list of names",
            strongroom_core::escaped(&field)
        ),
    };
    Error::new(ErrorKind::InvalidConfig, what).at(place)
}

#[cfg(test)]
mod tests {
    use super::super::source::{Format, Tags, parse};
    use super::*;

    fn own(files: &[&str]) -> Result<Own, Error> {
        files.iter().enumerate().try_fold(Own::default(), |own, (at, text)| {
            let documents = parse(text, Format::Yaml, Tags::Refused).unwrap();
            own.with_file(&format!("{at}.yaml"), &documents[0])
        })
    }

    fn names(files: &[&str]) -> Vec<String> {
        names_below(files, None)
    }

    fn names_below(files: &[&str], variable: Option<&str>) -> Vec<String> {
        let (settings, _) = own(files).unwrap().settings(variable).unwrap();
        settings.default_vaults.list().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_null_or_blank_is_not_set() {
        for blank in ["null", "", "''", "' '"] {
            assert_eq!(names(&[&format!("strongroom:\n  default_vaults: {blank}\n")]), ["all"], "{blank:?}");
        }
        assert_eq!(
            names(&["strongroom: { default_vaults: env }", "strongroom: { default_vaults: }"]),
            ["env"]
        );
        assert_eq!(names(&["strongroom: { default_vaults: [] }"]), [""; 0]);
    }

    #[test]
    fn the_variable_stands_above_the_files_where_it_is_set() {
        let file = ["strongroom: { default_vaults: env }"];
        for (variable, expected) in [
            (None, vec!["env"]),
            (Some(""), vec!["env"]),
            (Some(" "), vec!["env"]),
            (Some("none"), vec!["none"]),
            (Some("[]"), vec![]),
            (Some("hcv, file"), vec!["hcv", "file"]),
            (Some("[hcv, file]"), vec!["hcv", "file"]),
        ] {
            assert_eq!(names_below(&file, variable), expected, "{variable:?}");
        }
    }

    #[test]
    fn later_files_win() {
        assert_eq!(names(&[]), ["all"]);
        assert_eq!(names(&["strongroom: { default_vaults: none }"]), ["none"]);
        assert_eq!(
            names(&[
                "strongroom: { default_vaults: none }",
                "vaults: []",
                "strongroom: { default_vaults: [env, hcv] }"
            ]),
            ["env", "hcv"]
        );
    }

    #[test]
    fn errors_name_file_and_field_and_no_value() {
        let error = own(&["strongroom: { default_vault: canary }"]).unwrap().settings(None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`strongroom` in 0.yaml: unknown field `default_vault` (known: default_vaults)"
        );
        let error =
            own(&["strongroom: { default_vaults: { canary: canary } }"]).unwrap().settings(None).unwrap_err();
        assert!(
            error.to_string().starts_with("`strongroom` in 0.yaml: `default_vaults` is expected"),
            "{error}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(own(&["strongroom: canary"]).unwrap_err().to_string().starts_with("0.yaml:1:13: "));
    }
}
