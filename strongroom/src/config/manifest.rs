//! `KongVault` manifests of the Kubernetes Ingress Controller: vault entities in the shape of Kubernetes.
//!
//! Objects of any other kind are left aside, so that a file may hold all that is applied together.

use strongroom_core::escaped;

use super::entity::Shape;
use super::source::{Entry, Node, Place, Value};

const GROUP: &str = "configuration.konghq.com";
const VERSION: &str = "configuration.konghq.com/v1alpha1";
const KIND: &str = "KongVault";

/// The `spec` of a manifest. `tags` and what binds it to a control plane are accepted and not looked at.
pub(super) const SPEC: Shape = Shape {
    fields: &["backend", "prefix", "description", "config", "tags", "controlPlaneRef", "adopt"],
    backend: "backend",
};

/// The objects of a Kubernetes document, those of a list one by one; none where it is no such document.
pub(super) fn objects(root: &Node) -> Option<Vec<&Node>> {
    let kind = text(part(root, "kind")?)?;
    text(part(root, "apiVersion")?)?;
    match part(root, "items").map(|items| &items.value) {
        Some(Value::List(items)) if kind.ends_with("List") => Some(items.iter().collect()),
        _ => Some(vec![root]),
    }
}

/// A manifest that declares a vault.
pub(super) struct Manifest<'a>(&'a Node);

impl<'a> Manifest<'a> {
    /// None where the object is of another kind.
    pub(super) fn of_vault(object: &'a Node) -> Option<Self> {
        let is = text(part(object, "kind")?)? == KIND && group(object)? == GROUP;
        is.then_some(Self(object))
    }

    /// What messages call it.
    pub(super) fn label(&self) -> String {
        let name = part(self.0, "metadata").and_then(|metadata| text(part(metadata, "name")?));
        match name {
            Some(name) => format!("{KIND} `{}`", escaped(name)),
            None => format!("a {KIND} without a name"),
        }
    }

    /// The fields of the vault, or what is wrong and where.
    pub(super) fn spec(&self) -> Result<(&'a Node, &'a [Entry]), (Place, String)> {
        let version = part(self.0, "apiVersion").and_then(text).unwrap_or_default();
        if version != VERSION {
            let what =
                format!("`apiVersion` is `{}`; the one that is known is `{VERSION}`", escaped(version));
            return Err((self.0.place, what));
        }
        match part(self.0, "spec") {
            Some(spec @ Node { value: Value::Map(entries), .. }) => Ok((spec, entries)),
            Some(other) => Err((other.place, "`spec` is expected to have named fields".to_owned())),
            None => Err((self.0.place, "there is no `spec`".to_owned())),
        }
    }
}

fn group(object: &Node) -> Option<&str> {
    Some(text(part(object, "apiVersion")?)?.split('/').next().unwrap_or_default())
}

fn part<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Format};

    const VAULTS: &str = "\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: configuration.konghq.com/v1alpha1
kind: KongVault
metadata:
  name: kong-env
  annotations: {kubernetes.io/ingress.class: kong}
spec:
  backend: env
  prefix: my-env
  description: from the environment
  tags: [a]
  config:
    prefix: app_
---
apiVersion: configuration.konghq.com/v1
kind: KongPlugin
plugin: rate-limiting
---
";

    fn load(text: &str, format: Format) -> Result<Config, String> {
        Config::new().and_parse("vaults", text, format).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(from: &str, to: &str) -> String {
        assert!(VAULTS.contains(from), "{from}");
        load(&VAULTS.replace(from, to), Format::Yaml).unwrap_err()
    }

    #[test]
    fn vaults_are_found_among_other_objects() {
        let declared = load(VAULTS, Format::Yaml).unwrap().declared();
        assert_eq!(declared.len(), 1);
        assert_eq!((declared[0].prefix.as_str(), declared[0].backend.as_str()), ("my-env", "env"));
        assert_eq!(declared[0].description.as_deref(), Some("from the environment"));
        assert_eq!(declared[0].origin.to_string(), "vaults:12:3");
    }

    #[test]
    fn lists_hold_vaults_too() {
        let vault = |prefix: &str| {
            serde_json::json!({
                "apiVersion": "configuration.konghq.com/v1alpha1", "kind": "KongVault", "metadata": {"name": prefix},
                "spec": {"backend": "env", "prefix": prefix},
            })
        };
        for kind in ["List", "KongVaultList"] {
            let list = serde_json::json!({"apiVersion": "v1", "kind": kind, "items": [
                vault("my-env"), {"apiVersion": "v1", "kind": "Secret"}, vault("other"),
            ]});
            let declared = load(&list.to_string(), Format::Json).unwrap().declared();
            assert_eq!(
                declared.iter().map(|vault| vault.prefix.as_str()).collect::<Vec<_>>(),
                ["my-env", "other"]
            );
        }
    }

    #[test]
    fn other_kinds_declare_nothing() {
        for other in ["kind: KongVault", "apiVersion: configuration.konghq.com/v1alpha1"] {
            assert_eq!(
                load(&format!("{other}\nspec: {{prefix: x}}\n"), Format::Yaml).unwrap().declared(),
                []
            );
        }
        let foreign = VAULTS.replace("configuration.konghq.com/v1alpha1", "example.com/v1alpha1");
        assert_eq!(load(&foreign, Format::Yaml).unwrap().declared(), []);
    }

    #[test]
    fn what_is_wrong_names_the_file_and_the_manifest() {
        assert_eq!(
            refused("prefix: my-env", "prefix: env"),
            "vaults:13:11: the prefix `env` is reserved for the backend of that name; choose another; in KongVault \
             `kong-env`"
        );
        assert_eq!(
            refused("  backend: env\n", ""),
            "vaults:12:3: a vault needs `backend`; in vault `my-env`; in KongVault `kong-env`"
        );
        assert_eq!(
            refused("  description:", "  descripton:"),
            "vaults:14:3: unknown field `descripton` of a vault; did you mean `description`? (known: backend, prefix, \
             description, config, tags, controlPlaneRef, adopt); in vault `my-env`; in KongVault `kong-env`"
        );
        assert!(
            refused("v1alpha1", "v2")
                .starts_with("vaults:6:1: `apiVersion` is `configuration.konghq.com/v2`; the one")
        );
        let twice = format!("{VAULTS}{}", VAULTS.split_once("---\n").unwrap().1);
        assert_eq!(
            load(&twice, Format::Yaml).unwrap_err(),
            "vaults:29:3: the prefix `my-env` is declared twice, first at vaults:12:3"
        );
    }

    #[cfg(feature = "env")]
    #[test]
    fn a_wrong_field_of_the_backend_names_the_manifest_too() {
        let config = load(&VAULTS.replace("prefix: app_", "prefx: app_"), Format::Yaml).unwrap();
        let error = config.build().unwrap_err().to_string();
        assert!(
            error.contains("vault `my-env` (KongVault `kong-env`)") && error.contains("`prefx`"),
            "{error}"
        );
    }
}
