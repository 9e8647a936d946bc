//! Anything that serializes, as a tree.
//!
//! The same shape as JSON gives it: an enum variant without data is its name, one with data a mapping of one entry.

use std::fmt;

use serde::ser::{self, Serialize};
use zeroize::Zeroizing;

use super::tree::Tree;

/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 128;

/// The name of the struct as which `serde_json` hands over a number whose digits it keeps.
const LITERAL_NUMBER: &str = "$serde_json::private::Number";

/// The tree of a document.
pub(super) fn to_tree(document: &(impl Serialize + ?Sized)) -> Result<Tree, Unserializable> {
    document.serialize(Writer { depth: 0 })
}

/// Why a document could not be walked.
#[derive(Debug)]
pub(super) struct Unserializable(String);

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unserializable {}

impl ser::Error for Unserializable {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(message.to_string())
    }
}

type Written<T = Tree> = Result<T, Unserializable>;

#[derive(Clone, Copy)]
struct Writer {
    depth: usize,
}

impl Writer {
    fn inside(self) -> Written<Self> {
        if self.depth == MAX_DEPTH {
            return Err(Unserializable(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }

    fn list(self, length: Option<usize>, variant: Option<&'static str>) -> Written<List> {
        let elements = Vec::with_capacity(length.unwrap_or_default().min(1024));
        Ok(List { writer: self.inside()?, elements, variant })
    }

    fn map(self, length: Option<usize>, variant: Option<&'static str>) -> Written<Map> {
        let entries = Vec::with_capacity(length.unwrap_or_default().min(1024));
        Ok(Map { writer: self.inside()?, entries, key: None, variant, is_number: false })
    }
}

macro_rules! write_as {
    ($($method:ident($type:ty) => $variant:ident,)*) => {
        $(fn $method(self, value: $type) -> Written {
            Ok(Tree::$variant(value.into()))
        })*
    };
}

impl ser::Serializer for Writer {
    type Ok = Tree;
    type Error = Unserializable;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Map;

    write_as! {
        serialize_bool(bool) => Bool,
        serialize_i8(i8) => Signed,
        serialize_i16(i16) => Signed,
        serialize_i32(i32) => Signed,
        serialize_i64(i64) => Signed,
        serialize_u8(u8) => Unsigned,
        serialize_u16(u16) => Unsigned,
        serialize_u32(u32) => Unsigned,
        serialize_u64(u64) => Unsigned,
        serialize_f32(f32) => Float,
        serialize_f64(f64) => Float,
    }

    fn serialize_i128(self, value: i128) -> Written {
        Ok(i64::try_from(value).map_or(Tree::WideSigned(value), Tree::Signed))
    }

    fn serialize_u128(self, value: u128) -> Written {
        Ok(u64::try_from(value).map_or(Tree::WideUnsigned(value), Tree::Unsigned))
    }

    fn serialize_char(self, value: char) -> Written {
        Ok(Tree::Text(Zeroizing::new(value.to_string())))
    }

    fn serialize_str(self, value: &str) -> Written {
        Ok(Tree::Text(Zeroizing::new(value.to_owned())))
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        Ok(Tree::Bytes(Zeroizing::new(value.to_vec())))
    }

    fn serialize_none(self) -> Written {
        Ok(Tree::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Tree::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Tree::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(wrapped(Some(variant), value.serialize(self.inside()?)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Written<List> {
        self.list(length, None)
    }

    fn serialize_tuple(self, length: usize) -> Written<List> {
        self.list(Some(length), None)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Written<List> {
        self.list(Some(length), None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Written<List> {
        self.inside()?.list(Some(length), Some(variant))
    }

    fn serialize_map(self, length: Option<usize>) -> Written<Map> {
        self.map(length, None)
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Written<Map> {
        Ok(Map { is_number: name == LITERAL_NUMBER, ..self.map(Some(length), None)? })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Written<Map> {
        self.inside()?.map(Some(length), Some(variant))
    }
}

fn wrapped(variant: Option<&'static str>, tree: Tree) -> Tree {
    match variant {
        Some(variant) => Tree::Map(vec![(variant.to_owned(), tree)]),
        None => tree,
    }
}

struct List {
    writer: Writer,
    elements: Vec<Tree>,
    variant: Option<&'static str>,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        self.elements.push(value.serialize(self.writer)?);
        Ok(())
    }

    fn finish(self) -> Written {
        Ok(wrapped(self.variant, Tree::List(self.elements)))
    }
}

macro_rules! list {
    ($($trait:ident: $method:ident,)*) => {
        $(impl ser::$trait for List {
            type Ok = Tree;
            type Error = Unserializable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
                self.push(value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

list! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

struct Map {
    writer: Writer,
    entries: Vec<(String, Tree)>,
    key: Option<String>,
    variant: Option<&'static str>,
    /// Whether it is a number that is handed over as its text.
    is_number: bool,
}

impl Map {
    fn push<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Written<()> {
        self.entries.push((key, value.serialize(self.writer)?));
        Ok(())
    }

    fn finish(self) -> Written {
        if let (true, [(_, Tree::Text(text))]) = (self.is_number, self.entries.as_slice()) {
            return Ok(number(text));
        }
        Ok(wrapped(self.variant, Tree::Map(self.entries)))
    }
}

/// A number by its text; one that no type of ours holds stays a text.
fn number(text: &str) -> Tree {
    let tree = text.parse().map(Tree::Unsigned).or_else(|_| text.parse().map(Tree::Signed));
    let tree = tree
        .or_else(|_| text.parse().map(Tree::WideUnsigned))
        .or_else(|_| text.parse().map(Tree::WideSigned));
    tree.unwrap_or_else(|_| match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Tree::Float(value),
        _ => Tree::Text(Zeroizing::new(text.to_owned())),
    })
}

impl ser::SerializeMap for Map {
    type Ok = Tree;
    type Error = Unserializable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written<()> {
        let tree = key.serialize(self.writer)?;
        self.key = Some(match &tree {
            Tree::Text(text) => text.as_str().to_owned(),
            Tree::Bool(value) => value.to_string(),
            Tree::Signed(value) => value.to_string(),
            Tree::Unsigned(value) => value.to_string(),
            Tree::WideSigned(value) => value.to_string(),
            Tree::WideUnsigned(value) => value.to_string(),
            other => return Err(Unserializable(format!("the key of a mapping is {}", other.kind()))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written<()> {
        let key = self.key.take().ok_or_else(|| Unserializable("a value without a key".to_owned()))?;
        self.push(key, value)
    }

    fn end(self) -> Written {
        self.finish()
    }
}

macro_rules! map {
    ($($trait:ident,)*) => {
        $(impl ser::$trait for Map {
            type Ok = Tree;
            type Error = Unserializable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written<()> {
                self.push(key.to_owned(), value)
            }

            fn end(self) -> Written {
                self.finish()
            }
        })*
    };
}

map! {
    SerializeStruct,
    SerializeStructVariant,
}
