//! Why a type refused a document, told without any value.
//!
//! serde's own messages quote what they refuse (`invalid type: string "hunter2"`), and a type's own code may quote
//! anything through `Error::custom`. So what a type says is kept until one of our frames has caught it, and that
//! frame decides by what the type's code has seen:
//!
//! * Code that has seen no secret may speak: what it says is shown, with literal values of the document masked.
//! * Code that has seen one may not: of what it says, only what cannot depend on a value is shown, such as the
//!   names of fields and variants that the program itself was compiled with.
//!
//! What stands in an error that no frame has caught yet is shown to nobody, not even to the type's own code.

use std::fmt;

use serde::de;
use zeroize::Zeroizing;

use super::mask::masked;
use super::path::FieldPath;
use super::tree::Tree;
use crate::{Reference, escaped};

/// The error of our deserializer.
pub(super) struct Refusal(Box<Said>);

enum Said {
    /// By the type's code, in whatever words. Wiped, since it may hold a value.
    Anything(Zeroizing<String>),
    /// Another type or value was expected.
    Unexpected {
        found: &'static str,
        expected: Zeroizing<String>,
    },
    Length {
        expected: Zeroizing<String>,
    },
    UnknownVariant {
        known: &'static [&'static str],
    },
    UnknownField {
        field: Zeroizing<String>,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    Repeated(&'static str),
    /// Caught by a frame and made harmless.
    Harmless {
        path: FieldPath,
        message: String,
    },
}

/// What the code that refused has had in its hands.
pub(super) struct Seen<'a> {
    /// Whether it may have seen a value that came from a vault.
    pub(super) a_secret: bool,
    /// What stands in the document there.
    pub(super) tree: Option<&'a Tree>,
    /// What it said to expect, before it saw anything.
    pub(super) expecting: Option<&'a str>,
    /// The reference that the value there comes from.
    pub(super) reference: Option<&'a Reference>,
}

impl Seen<'_> {
    const NOTHING_TO_SHOW: Self = Self { a_secret: true, tree: None, expecting: None, reference: None };
}

impl Refusal {
    pub(super) fn unexpected(found: &'static str, expected: &str) -> Self {
        Self(Box::new(Said::Unexpected { found, expected: Zeroizing::new(expected.to_owned()) }))
    }

    /// Makes it harmless, if no frame further inside has done so.
    pub(super) fn caught(self, path: impl FnOnce() -> FieldPath, seen: &Seen<'_>) -> Self {
        if matches!(*self.0, Said::Harmless { .. }) {
            return self;
        }
        let message = self.0.harmless(seen);
        let message = match seen.reference {
            Some(reference) => format!("the value of {}: {message}", escaped(&reference.to_string())),
            None => message,
        };
        Self(Box::new(Said::Harmless { path: path(), message }))
    }

    /// The path of the field and the message.
    pub(super) fn into_parts(self) -> (FieldPath, String) {
        match *self.0 {
            Said::Harmless { path, message } => (path, message),
            other => (FieldPath::root(), other.harmless(&Seen::NOTHING_TO_SHOW)),
        }
    }
}

impl Said {
    fn harmless(&self, seen: &Seen<'_>) -> String {
        let expected_of = |expected: &Zeroizing<String>| {
            let harmless = !seen.a_secret || is_of_serde(expected);
            harmless.then(|| expected.to_string()).or_else(|| seen.expecting.map(ToOwned::to_owned))
        };
        match self {
            Self::Unexpected { found, expected } => match expected_of(expected) {
                Some(expected) => format!("expected {}, found {found}", masked(&expected, seen.tree)),
                None => format!("expected something else, found {found}"),
            },
            Self::Length { expected } => match expected_of(expected) {
                Some(expected) => format!("expected {}: the length differs", masked(&expected, seen.tree)),
                None => "the length is not the expected one".to_owned(),
            },
            Self::UnknownVariant { known } => format!("unknown variant, expected {}", list(known)),
            Self::UnknownField { field, known } if !seen.a_secret || is_key(field, seen.tree) => {
                format!("unknown field `{}`, expected {}", escaped(field), list(known))
            }
            Self::UnknownField { known, .. } => format!("unknown field, expected {}", list(known)),
            Self::Missing(field) => format!("the field `{field}` is missing"),
            Self::Repeated(field) => format!("the field `{field}` is there twice"),
            Self::Anything(text) if !seen.a_secret => masked(text, seen.tree),
            Self::Anything(text) => match known_text(text, seen.tree) {
                Some(known) => known,
                None => match seen.expecting {
                    Some(expecting) => format!("expected {expecting}"),
                    None => "the program's own type refuses it; what it says is not shown, since it could quote a secret"
                        .to_owned(),
                },
            },
            Self::Harmless { message, .. } => message.clone(),
        }
    }
}

fn list(names: &[&str]) -> String {
    match names {
        [] => "none".to_owned(),
        [only] => format!("`{only}`"),
        names => format!("one of `{}`", names.join("`, `")),
    }
}

/// Whether it is what serde itself says to expect, for which no value is needed.
fn is_of_serde(expected: &str) -> bool {
    const OF_SERDE: &[&str] = &[
        "a boolean",
        "a string",
        "a borrowed string",
        "a character",
        "a byte array",
        "unit",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "f32",
        "f64",
        "option",
        "a map",
        "a sequence",
        "a secret",
        "an integer between 0 and 255",
        "a nonzero u8",
        "a nonzero u16",
        "a nonzero u32",
        "a nonzero u64",
        "a nonzero usize",
        "path string",
    ];
    OF_SERDE.contains(&expected)
}

/// A text that serde composes of what the program and the document's keys hold, and of no value.
fn known_text(text: &str, tree: Option<&Tree>) -> Option<String> {
    if text.starts_with("data did not match any variant of untagged enum") {
        return Some("it matches no variant of the untagged enum".to_owned());
    }
    let Some(Tree::Map(entries)) = tree else { return None };
    let keys = entries.iter().map(|(key, _)| key);
    keys.into_iter()
        .map(|key| format!("unknown field `{key}`"))
        .find(|unknown| unknown == text)
        .map(|unknown| escaped(&unknown).to_string())
}

fn is_key(field: &str, tree: Option<&Tree>) -> bool {
    matches!(tree, Some(Tree::Map(entries)) if entries.iter().any(|(key, _)| key == field))
}

fn found(unexpected: &de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as Found;
    match unexpected {
        Found::Bool(_) => "a boolean",
        Found::Unsigned(_) | Found::Signed(_) => "an integer",
        Found::Float(_) => "a number",
        Found::Char(_) | Found::Str(_) => "a string",
        Found::Bytes(_) => "bytes",
        Found::Unit => "null",
        Found::Option => "an optional value",
        Found::NewtypeStruct => "a wrapped value",
        Found::Seq => "a list",
        Found::Map => "a mapping",
        Found::Enum
        | Found::UnitVariant
        | Found::NewtypeVariant
        | Found::TupleVariant
        | Found::StructVariant => "a variant of another shape",
        // What a secret says of itself; other texts could be anything.
        Found::Other("a number") => "a number",
        Found::Other("a boolean") => "a boolean",
        Found::Other(_) => "something else",
    }
}

impl de::Error for Refusal {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(Box::new(Said::Anything(Zeroizing::new(message.to_string()))))
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::unexpected(found(&unexpected), &Zeroizing::new(expected.to_string()))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(_: usize, expected: &dyn de::Expected) -> Self {
        Self(Box::new(Said::Length { expected: Zeroizing::new(expected.to_string()) }))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self(Box::new(Said::UnknownVariant { known }))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self(Box::new(Said::UnknownField { field: Zeroizing::new(field.to_owned()), known }))
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Box::new(Said::Missing(field)))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self(Box::new(Said::Repeated(field)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Said::Harmless { message, .. } => f.write_str(message),
            _ => f.write_str("the value is refused"),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Refusal {}
