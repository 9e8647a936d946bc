//! The two shapes of a KV mount: which path a resource has, and what a good answer looks like.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::Deserialize;
use strongroom_core::{Document, Error, ErrorKind, JsonText, escaped};

use crate::path::WirePath;

/// Which KV secrets engine a mount is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvVersion {
    /// One value for each secret, no versions.
    #[default]
    V1,
    /// Versions, deletion and undeletion.
    V2,
    /// Asked of the server once, at `sys/internal/ui/mounts/<mount>`.
    Auto,
}

/// A KV version that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    V1,
    V2,
}

impl Engine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "KV v1",
            Self::V2 => "KV v2",
        }
    }

    /// How the field `kv` names it.
    pub(crate) const fn setting(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// Where `resource` is in `mount`, and the query that asks for `version`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidReference`] for a resource that no server can hold, [`ErrorKind::Unsupported`] for a
    /// version of a mount without versions.
    pub(crate) fn locate(
        self,
        mount: &str,
        resource: &str,
        version: Option<u64>,
    ) -> Result<(WirePath, Option<String>), Error> {
        let prefix = match (self, version) {
            (Self::V1, Some(version)) => {
                let message = format!(
                    "KV v1 keeps no versions, so there is no version {version}; leave `#{version}` out"
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            (Self::V1, None) => mount.to_owned(),
            // The server counts in signed numbers and calls more than those a malformed request.
            (Self::V2, Some(version)) if i64::try_from(version).is_err() => {
                let message = format!("`{}` has no version {version}", escaped(resource));
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            (Self::V2, _) => [mount, "/data"].concat(),
        };
        let path = WirePath::resource(WirePath::api(&prefix)?, resource)?;
        Ok((path, version.map(|version| format!("version={version}"))))
    }

    /// The document in a successful answer to the question for `version`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where it is not what this engine answers, [`ErrorKind::Unsupported`] for a
    /// dynamic secret, [`ErrorKind::InvalidValue`] for a version that holds no data.
    pub(crate) fn document(
        self,
        body: &[u8],
        resource: &str,
        version: Option<u64>,
    ) -> Result<Document, Error> {
        let envelope = Envelope::of(checked(body)?);
        if envelope.is_something_else {
            return Err(invalid("it holds `errors` or `wrap_info`, which were not asked for"));
        }
        // As it is written: an empty string can be written in one way only.
        match envelope.lease_id.map(JsonText::as_str) {
            None | Some("\"\"") => {}
            Some(lease) if lease.starts_with('"') => {
                let message = format!(
                    "`{resource}` is a dynamic secret with a lease; only KV secrets can be read so far"
                );
                return Err(Error::new(ErrorKind::Unsupported, message).with_status(200));
            }
            Some(_) => return Err(invalid("its `lease_id` is no string")),
        }
        let data = envelope.data.ok_or_else(|| invalid("it holds no `data`"))?;
        match self {
            Self::V1 => Document::from_checked(data).map_err(|_| invalid("its `data` is no object")),
            Self::V2 => versioned(data, resource, version),
        }
    }
}

fn versioned(data: JsonText<'_>, resource: &str, asked: Option<u64>) -> Result<Document, Error> {
    let (mut fields, mut metadata) = (None, None);
    for (name, value) in data.members() {
        match &*name {
            "data" => fields = Some(value).filter(|value| !value.is_null()),
            "metadata" => metadata = Some(value),
            _ => {}
        }
    }
    let metadata = metadata.ok_or_else(|| invalid("it holds no `metadata`"))?;
    let Metadata { version, created_time, deletion_time, destroyed } = read(metadata.as_str())?;
    if version == 0 || asked.is_some_and(|asked| asked != version) {
        return Err(invalid("it is of another version than the one asked for"));
    }
    if destroyed {
        let message = format!("version {version} of `{resource}` was destroyed for good (HTTP 200)");
        return Err(Error::new(ErrorKind::Deleted, message).with_status(200));
    }
    let Some(fields) = fields else {
        let message = format!("version {version} of `{resource}` holds no data: it was written as null");
        return Err(Error::new(ErrorKind::InvalidValue, message).with_status(200));
    };
    let document = Document::from_checked(fields).map_err(|_| invalid("its `data.data` is no object"))?;
    let document = document.with_version(version).with_created(time(&created_time)?);
    Ok(match &*deletion_time {
        "" => document,
        ends => document.with_expiry(time(ends)?),
    })
}

/// The body as strict JSON: complete, UTF-8, one object, no member twice at any depth.
fn checked(body: &[u8]) -> Result<JsonText<'_>, Error> {
    let text = std::str::from_utf8(body).map_err(|_| invalid("it is not UTF-8 text"))?;
    let checked = JsonText::parse(text);
    let checked = checked.map_err(|error| invalid(&error.to_string().replace("the document", "it")))?;
    if checked.is_object() { Ok(checked) } else { Err(invalid("it is no JSON object")) }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    // The parser's own message could quote a value.
    serde_json::from_str(text).map_err(|_| invalid("it has not the shape of a KV answer"))
}

pub(crate) fn time(text: &str) -> Result<SystemTime, Error> {
    humantime::parse_rfc3339(text).map_err(|_| invalid("it holds a time that is none"))
}

/// Somebody on the way answered, not the server: they may be gone the next time.
pub(crate) fn invalid(what: &str) -> Error {
    let message = format!("the answer is none that this server gives (HTTP 200): {what}");
    Error::new(ErrorKind::InvalidResponse, message).transient().with_status(200)
}

/// What every answer of the server's has around its data.
#[derive(Default)]
struct Envelope<'a> {
    lease_id: Option<JsonText<'a>>,
    data: Option<JsonText<'a>>,
    /// Whether it holds what no answer to a reader of KV does.
    is_something_else: bool,
}

impl<'a> Envelope<'a> {
    fn of(answer: JsonText<'a>) -> Self {
        let mut envelope = Self::default();
        for (name, value) in answer.members() {
            match &*name {
                "lease_id" => envelope.lease_id = Some(value),
                _ if value.is_null() => {}
                "data" => envelope.data = Some(value),
                "errors" | "wrap_info" => envelope.is_something_else = true,
                _ => {}
            }
        }
        envelope
    }
}

#[derive(Deserialize)]
struct Metadata<'a> {
    version: u64,
    #[serde(borrow)]
    created_time: Cow<'a, str>,
    #[serde(borrow, default)]
    deletion_time: Cow<'a, str>,
    #[serde(default)]
    destroyed: bool,
}

/// What `sys/internal/ui/mounts/<mount>` says of a mount; none where it is no KV mount.
///
/// # Errors
///
/// [`ErrorKind::InvalidResponse`] where it is no such answer.
pub(crate) fn engine_of_mount(body: &[u8]) -> Result<Option<Engine>, Error> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        data: Mount<'a>,
    }
    #[derive(Deserialize)]
    struct Mount<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(borrow, default)]
        options: Option<Options<'a>>,
    }
    #[derive(Deserialize)]
    struct Options<'a> {
        #[serde(borrow, default)]
        version: Option<Cow<'a, str>>,
    }
    let answer: Answer<'_> = read(checked(body)?.as_str())?;
    let version = answer.data.options.and_then(|options| options.version);
    Ok(match (&*answer.data.kind, version.as_deref()) {
        ("kv", Some("2")) => Some(Engine::V2),
        // What KV was called before it had versions.
        ("kv" | "generic", _) => Some(Engine::V1),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
