//! A secret as a field of a type that is deserialized.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::Secret;

/// The name by which our own deserializer knows that a secret is asked for: it hands over bytes then, be they text
/// or not. To others it is a wrapper around a string.
pub(crate) const NAME: &str = "$strongroom::Secret";

/// From a string or bytes. Numbers and booleans are refused: a document's reader has dropped leading zeros and the
/// like by then. The refusal does not hold the value, unless the deserializer refuses by itself and quotes it, as
/// that of `serde_json` does; [`Registry::extract`](crate::Registry::extract) never does.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Take)
    }
}

struct Take;

macro_rules! refuse {
    ($($method:ident($type:ty): $found:literal,)*) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<Secret, E> {
            Err(E::invalid_type(Unexpected::Other($found), &self))
        })*
    };
}

impl<'de> Visitor<'de> for Take {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret, which is a string")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_string(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::from(text))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Secret, E> {
        Ok(Secret::new(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Secret, E> {
        Ok(Secret::new(bytes))
    }

    refuse! {
        visit_bool(bool): "a boolean",
        visit_i64(i64): "a number",
        visit_i128(i128): "a number",
        visit_u64(u64): "a number",
        visit_u128(u128): "a number",
        visit_f64(f64): "a number",
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::U64Deserializer;

    use super::*;

    #[test]
    fn other_deserializers_give_secrets_too_and_errors_without_values() {
        let secret: Secret = serde_json::from_str(r#""hunter\u0032""#).unwrap();
        assert_eq!(secret.as_str().unwrap(), "hunter2");
        let number: U64Deserializer<serde::de::value::Error> = 4711_u64.into_deserializer();
        let error = Secret::deserialize(number).unwrap_err().to_string();
        assert_eq!(error, "invalid type: a number, expected a secret, which is a string");
    }
}
