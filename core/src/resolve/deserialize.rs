//! A resolved document as the type that a program asks for.
//!
//! What came from a reference is a text, or bytes where it is no text, and becomes a number or a boolean where the
//! type asks for one. What stands in the document itself keeps the type it has there. Every call into the type's
//! own code is a *frame* that notes whether that code has seen a secret, and catches what it refuses
//! ([`Refusal`]).

use std::cell::Cell;

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use zeroize::Zeroizing;

use super::access::{Elements, Entries, Variant};
use super::path::{At, FieldPath};
use super::refusal::{Refusal, Seen};
use super::tree::{Template, Tree, splice};
use crate::json::Json;
use crate::secret::NAME as SECRET;
use crate::{Reference, Secret};

/// What a type makes of a document, or which field it refuses and why.
pub(super) fn from_template<T: DeserializeOwned>(
    template: &Template,
    values: &[Secret],
) -> Result<T, (FieldPath, String)> {
    let run = Run { references: &template.references, values, secrets: Cell::new(0) };
    let root = Field { tree: &template.root, at: At::Root, run: &run };
    root.frame(0, None, || T::deserialize(root)).map_err(Refusal::into_parts)
}

/// One deserialization.
pub(super) struct Run<'a> {
    references: &'a [Reference],
    values: &'a [Secret],
    /// How many values of vaults the type's code has been handed so far.
    secrets: Cell<usize>,
}

impl Run<'_> {
    /// Calls the type's code, of which `state` bytes may remember what was handed out before, and catches what it
    /// refuses.
    pub(super) fn frame<T>(
        &self,
        at: At<'_>,
        tree: Option<&Tree>,
        state: usize,
        expecting: Option<&str>,
        call: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let before = self.secrets.get();
        call().map_err(|refusal| {
            let a_secret = self.secrets.get() > before || (before > 0 && state > 0);
            let reference = match tree {
                Some(Tree::Reference(place)) => self.references.get(*place),
                _ => None,
            };
            refusal.caught(|| at.to_path(), &Seen { a_secret, tree, expecting, reference })
        })
    }
}

/// A field of the document.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) tree: &'a Tree,
    pub(super) at: At<'a>,
    pub(super) run: &'a Run<'a>,
}

/// What a field holds that came from a vault.
enum Found<'a> {
    Whole(&'a [u8]),
    Spliced(Zeroizing<Vec<u8>>),
}

impl Found<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Spliced(bytes) => bytes,
        }
    }
}

impl<'a> Field<'a> {
    pub(super) fn frame<T>(
        &self,
        state: usize,
        expecting: Option<&str>,
        call: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.run.frame(self.at, Some(self.tree), state, expecting, call)
    }

    /// What came from a vault; none where the document itself holds the value.
    fn found(&self) -> Option<Found<'a>> {
        match self.tree {
            Tree::Reference(place) => {
                let value = self.run.values.get(*place).map_or(&[][..], Secret::as_bytes);
                Some(Found::Whole(value))
            }
            Tree::Spliced(parts) => Some(Found::Spliced(splice(parts, self.run.values))),
            _ => None,
        }
    }

    /// Hands the visitor what the document holds.
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.frame(size_of::<V>(), None, || match self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Signed(value) => visitor.visit_i64(*value),
            Tree::Unsigned(value) => visitor.visit_u64(*value),
            Tree::WideSigned(value) => visitor.visit_i128(*value),
            Tree::WideUnsigned(value) => visitor.visit_u128(*value),
            Tree::Float(value) => visitor.visit_f64(*value),
            Tree::Text(text) => visitor.visit_str(text),
            Tree::Bytes(bytes) => visitor.visit_bytes(bytes),
            Tree::List(elements) => {
                let mut elements = Elements { of: self, rest: elements.iter().enumerate() };
                let value = visitor.visit_seq(&mut elements)?;
                match elements.rest.len() {
                    0 => Ok(value),
                    _ => Err(de::Error::invalid_length(0, &"fewer elements in the list")),
                }
            }
            Tree::Map(entries) => visitor.visit_map(Entries { of: self, rest: entries.iter(), value: None }),
            // Whoever comes here has asked for what came from a vault first.
            Tree::Reference(_) | Tree::Spliced(_) => Err(Refusal::unexpected("a string", "another value")),
        })
    }

    /// Hands the visitor what came from a vault, in the way that `hand` does; none where that cannot be done.
    fn hand_out<'de, V: Visitor<'de>>(
        self,
        found: &Found<'_>,
        visitor: V,
        hand: impl FnOnce(V, &[u8]) -> Option<Result<V::Value, Refusal>>,
    ) -> Result<V::Value, Refusal> {
        // A visitor without state cannot have learned anything yet; another one may, from earlier fields.
        let may_speak = size_of::<V>() == 0 || self.run.secrets.get() == 0;
        let expecting = may_speak.then(|| (&visitor as &dyn de::Expected).to_string());
        let bytes = found.bytes();
        let what =
            if std::str::from_utf8(bytes).is_ok() { "a string" } else { "bytes that are no UTF-8 text" };
        self.frame(size_of::<V>(), expecting.as_deref(), || {
            self.run.secrets.set(self.run.secrets.get() + 1);
            match hand(visitor, bytes) {
                Some(result) => result,
                None => Err(Refusal::unexpected(what, expecting.as_deref().unwrap_or("something else"))),
            }
        })
    }

    fn text_or_bytes<'de, V: Visitor<'de>>(self, found: &Found<'_>, visitor: V) -> Result<V::Value, Refusal> {
        self.hand_out(found, visitor, |visitor, bytes| {
            Some(match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_str(text),
                Err(_) => visitor.visit_bytes(bytes),
            })
        })
    }
}

/// A number as JSON writes it, with nothing around it.
fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    match Json::parse(text) {
        Ok(Json::Number(number)) if number.len() == text.len() => number.parse().ok(),
        _ => None,
    }
}

macro_rules! by_text {
    ($($method:ident: $parse:expr => $visit:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            match self.found() {
                Some(found) => self.hand_out(&found, visitor, |visitor, bytes| {
                    $parse(bytes).map(|value| visitor.$visit(value))
                }),
                None => self.visit(visitor),
            }
        })*
    };
}

fn boolean(bytes: &[u8]) -> Option<bool> {
    match bytes {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn finite(bytes: &[u8]) -> Option<f64> {
    number::<f64>(bytes).filter(|value| value.is_finite())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = Refusal;

    by_text! {
        deserialize_bool: boolean => visit_bool,
        deserialize_i8: number => visit_i64,
        deserialize_i16: number => visit_i64,
        deserialize_i32: number => visit_i64,
        deserialize_i64: number => visit_i64,
        deserialize_i128: number => visit_i128,
        deserialize_u8: number => visit_u64,
        deserialize_u16: number => visit_u64,
        deserialize_u32: number => visit_u64,
        deserialize_u64: number => visit_u64,
        deserialize_u128: number => visit_u128,
        deserialize_f32: finite => visit_f64,
        deserialize_f64: finite => visit_f64,
        deserialize_char: text => visit_str,
        deserialize_str: text => visit_str,
        deserialize_string: text => visit_str,
        deserialize_identifier: text => visit_str,
        deserialize_bytes: Some => visit_bytes,
        deserialize_byte_buf: Some => visit_bytes,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.found() {
            Some(found) => self.text_or_bytes(&found, visitor),
            None => self.visit(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.frame(size_of::<V>(), None, || match self.tree {
            Tree::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if name == SECRET {
            return self.deserialize_bytes(visitor);
        }
        self.frame(size_of::<V>(), None, || visitor.visit_newtype_struct(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.frame(size_of::<V>(), None, || match self.tree {
            Tree::Text(_) | Tree::Reference(_) | Tree::Spliced(_) => {
                visitor.visit_enum(Variant { of: self, content: None })
            }
            Tree::Map(entries) => match entries.as_slice() {
                [(key, content)] => {
                    let content = Some((key.as_str(), content));
                    visitor.visit_enum(Variant { of: self, content })
                }
                _ => Err(Refusal::unexpected("a mapping", "a mapping of one entry, which names a variant")),
            },
            other => {
                Err(Refusal::unexpected(other.kind(), "the name of a variant, or a mapping of one entry"))
            }
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.frame(size_of::<V>(), None, || visitor.visit_unit())
    }

    serde::forward_to_deserialize_any! {
        unit unit_struct seq tuple tuple_struct map struct
    }
}
