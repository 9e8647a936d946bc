//! The JSON Schema of a configuration file, from the same tables that read it.

use serde_json::{Map, Value, json};
use strongroom_core::RESERVED_PREFIXES;
use strongroom_core::factory::{BackendFactory, Factories, Field, POLICY_FIELDS, Shape};

/// The JSON Schema (draft 2020-12) of a configuration file with these backends and logins, as indented text.
#[must_use]
pub fn schema(factories: &Factories) -> String {
    let kinds: Vec<Value> = factories.backends().map(|backend| kind(backend, factories)).collect();
    let text = json!({"type": ["string", "null"]});
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Strongroom configuration",
        "description": "Vault entities in Kong's declarative format. Other parts of a decK file are ignored.",
        "type": "object",
        "properties": {
            "_format_version": {"type": "string"},
            "vaults": {
                "type": ["array", "null"],
                "items": {
                    "type": "object",
                    "required": ["name", "prefix"],
                    "additionalProperties": false,
                    "properties": {
                        "name": {"type": "string", "description": "The backend."},
                        "prefix": {
                            "type": "string",
                            "description": "What references to this vault begin with.",
                            "pattern": "^[a-z][a-z0-9-]*[a-z0-9]$",
                            "not": {"enum": RESERVED_PREFIXES},
                        },
                        "description": text,
                        "config": {"type": ["object", "null"]},
                        "id": text,
                        "tags": {"type": ["array", "null"], "items": {"type": "string"}},
                        "created_at": {"type": ["integer", "null"]},
                        "updated_at": {"type": ["integer", "null"]},
                    },
                    "allOf": kinds,
                },
            },
            "strongroom": {
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "default_vaults": {
                        "description": "Which default vaults there are: all, none, or names.",
                        "type": ["string", "array"],
                        "items": {"enum": RESERVED_PREFIXES},
                        "default": "all",
                    },
                },
            },
        },
    });
    format!("{document:#}")
}

/// What the entities of one backend look like.
fn kind(backend: &dyn BackendFactory, factories: &Factories) -> Value {
    let mut names = vec![backend.name()];
    names.extend(backend.aliases());
    let logins = factories.logins().filter(|_| backend.logs_in()).flat_map(|login| login.fields());
    let mut properties = Map::new();
    for field in POLICY_FIELDS.iter().chain(backend.fields()).chain(logins) {
        properties.insert(field.name.to_owned(), property(field));
        for alias in field.aliases {
            properties
                .insert((*alias).to_owned(), json!({"$comment": format!("The same as {}.", field.name)}));
        }
    }
    json!({
        "if": {"properties": {"name": {"enum": names}}},
        "then": {"properties": {"config": {"properties": properties, "additionalProperties": false}}},
    })
}

/// Any field may hold a placeholder, be empty or null.
fn property(field: &Field) -> Value {
    let mut property = match field.shape {
        Shape::Integer(min, max) => {
            json!({"type": ["integer", "string", "null"], "minimum": min, "maximum": max})
        }
        Shape::Seconds => json!({"type": ["number", "string", "null"], "minimum": 0}),
        Shape::Flag => json!({"type": ["boolean", "string", "null"]}),
        Shape::OneOf(words) => json!({"anyOf": [
            {"enum": words},
            {"enum": [null, ""]},
            {"type": "string", "pattern": "^\\$\\{\\{.*\\}\\}$"},
        ]}),
        Shape::List => json!({"type": ["array", "string", "null"], "items": {"type": "string"}}),
        _ => json!({"type": ["string", "number", "boolean", "null"]}),
    };
    property["description"] = json!(field.doc);
    if field.unbuilt {
        property["deprecated"] = json!(true);
        property["description"] = json!(format!("Recognised, not built yet ({}).", field.doc));
    }
    if let Some(default) = field.default {
        property["default"] = match field.shape {
            Shape::Integer(..) | Shape::Seconds | Shape::Flag => {
                default.parse().unwrap_or_else(|_| json!(default))
            }
            _ => json!(default),
        };
    }
    property
}
