//! The parts of a resolved document: elements of lists, entries of mappings, variants of enums.

use std::iter::Enumerate;
use std::slice::Iter;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::deserialize::Field;
use super::key::Key;
use super::path::At;
use super::refusal::Refusal;
use super::tree::Tree;

pub(super) struct Elements<'a> {
    pub(super) of: Field<'a>,
    pub(super) rest: Enumerate<Iter<'a, Tree>>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refusal;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Some((index, tree)) = self.rest.next() else { return Ok(None) };
        let field = Field { tree, at: At::Index(&self.of.at, index), run: self.of.run };
        field.frame(size_of::<S>(), None, || seed.deserialize(field)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

pub(super) struct Entries<'a> {
    pub(super) of: Field<'a>,
    pub(super) rest: Iter<'a, (String, Tree)>,
    pub(super) value: Option<(&'a str, &'a Tree)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let Some((key, tree)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, tree));
        let (run, at) = (self.of.run, At::Key(&self.of.at, key));
        run.frame(at, None, size_of::<K>(), None, || seed.deserialize(Key { text: key })).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let Some((key, tree)) = self.value.take() else {
            return Err(Refusal::unexpected("no key", "a key before its value"));
        };
        let field = Field { tree, at: At::Key(&self.of.at, key), run: self.of.run };
        field.frame(size_of::<S>(), None, || seed.deserialize(field))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A variant: its name alone, or its name with its content.
pub(super) struct Variant<'a> {
    pub(super) of: Field<'a>,
    pub(super) content: Option<(&'a str, &'a Tree)>,
}

impl<'a> Variant<'a> {
    fn content(&'a self) -> Option<Field<'a>> {
        let (name, tree) = self.content?;
        Some(Field { tree, at: At::Key(&self.of.at, name), run: self.of.run })
    }

    fn without_content<T>(&self) -> Result<T, Refusal> {
        Err(Refusal::unexpected("the name of a variant alone", "the variant's content too"))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refusal> {
        let of = self.of;
        let variant = of.frame(size_of::<S>(), None, || match self.content {
            Some((name, _)) => seed.deserialize(StrDeserializer::new(name)),
            None => seed.deserialize(of),
        })?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self.content() {
            None => Ok(()),
            Some(Field { tree: Tree::Null, .. }) => Ok(()),
            Some(content) => Err(Refusal::unexpected(content.tree.kind(), "a variant without content")),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refusal> {
        match self.content() {
            Some(content) => content.frame(size_of::<S>(), None, || seed.deserialize(content)),
            None => self.without_content(),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        match self.content() {
            Some(content) => content.deserialize_seq(visitor),
            None => self.without_content(),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match self.content() {
            Some(content) => content.deserialize_map(visitor),
            None => self.without_content(),
        }
    }
}
