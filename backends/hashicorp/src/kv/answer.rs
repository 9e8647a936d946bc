//! What a good answer holds, taken apart in one pass.

use std::borrow::Cow;

use strongroom_core::{Error, JsonReader, JsonText};

use super::{Engine, invalid, misshapen, unreadable, utf8};

/// What an answer of a KV mount holds: it is complete, one object, and names no member twice at any depth.
#[derive(Default)]
pub(super) struct Answer<'a> {
    /// Whether it holds what no answer to a reader of KV does.
    pub(super) is_something_else: bool,
    pub(super) lease_id: Option<JsonText<'a>>,
    /// The fields of the secret; none for null.
    pub(super) data: Option<JsonText<'a>>,
    /// What is said of their version, where the engine has any.
    pub(super) metadata: Option<Metadata<'a>>,
}

/// What is said of a version, as it is written.
#[derive(Default)]
pub(super) struct Metadata<'a> {
    version: Option<JsonText<'a>>,
    created_time: Option<JsonText<'a>>,
    deletion_time: Option<JsonText<'a>>,
    destroyed: Option<JsonText<'a>>,
}

/// The same as it is meant.
pub(super) struct Edition<'a> {
    pub(super) version: u64,
    pub(super) created: Cow<'a, str>,
    /// When it ends; empty where it does not.
    pub(super) ends: Cow<'a, str>,
    pub(super) is_destroyed: bool,
}

impl<'a> Answer<'a> {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`](strongroom_core::ErrorKind) where it is no such answer.
    pub(super) fn of(engine: Engine, body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = JsonReader::new(utf8(body)?);
        let mut found = Self::default();
        let read = reader.each_member(|name, reader| {
            match (name, engine) {
                ("lease_id", _) => found.lease_id = Some(reader.value()?),
                ("data", Engine::V1) => found.data = unless_null(reader)?,
                ("data", Engine::V2) => {
                    reader.each_member(|name, reader| {
                        match name {
                            "data" => found.data = unless_null(reader)?,
                            "metadata" => found.metadata = Some(Metadata::of(reader)?),
                            _ => {}
                        }
                        Ok(())
                    })?;
                }
                ("errors" | "wrap_info", _) => found.is_something_else |= unless_null(reader)?.is_some(),
                _ => {}
            }
            Ok(())
        });
        let is_object = read.and_then(|is_object| {
            // What else it is has to be JSON too.
            if !is_object {
                reader.value()?;
            }
            reader.end().map(|()| is_object)
        });
        if !is_object.map_err(unreadable)? {
            return Err(invalid("it is no JSON object"));
        }
        Ok(found)
    }
}

/// The value here, unless it is null.
fn unless_null<'a>(reader: &mut JsonReader<'a>) -> Result<Option<JsonText<'a>>, Error> {
    Ok(Some(reader.value()?).filter(|value| !value.is_null()))
}

impl<'a> Metadata<'a> {
    fn of(reader: &mut JsonReader<'a>) -> Result<Self, Error> {
        let mut metadata = Self::default();
        reader.each_member(|name, reader| {
            let field = match name {
                "version" => &mut metadata.version,
                "created_time" => &mut metadata.created_time,
                "deletion_time" => &mut metadata.deletion_time,
                "destroyed" => &mut metadata.destroyed,
                _ => return Ok(()),
            };
            *field = Some(reader.value()?);
            Ok(())
        })?;
        Ok(metadata)
    }

    /// A version is known by its number and its time; all else is as it mostly is where nothing is said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`](strongroom_core::ErrorKind) where anything is of another type.
    pub(super) fn edition(self) -> Result<Edition<'a>, Error> {
        let version = self.version.and_then(|version| version.as_str().parse().ok());
        let created = self.created_time.and_then(JsonText::to_text);
        let ends = self.deletion_time.map_or(Some(Cow::Borrowed("")), JsonText::to_text);
        let is_destroyed = match self.destroyed.map(JsonText::as_str) {
            None | Some("false") => Some(false),
            Some("true") => Some(true),
            Some(_) => None,
        };
        match (version, created, ends, is_destroyed) {
            (Some(version), Some(created), Some(ends), Some(is_destroyed)) => {
                Ok(Edition { version, created, ends, is_destroyed })
            }
            _ => Err(misshapen()),
        }
    }
}
