//! The two shapes of a KV mount: which path a resource has, and what a good answer looks like.

use std::borrow::Cow;
use std::time::SystemTime;

use serde::Deserialize;
use strongroom_core::{Document, Error, ErrorKind, JsonText, escaped};

use crate::path::WirePath;
use answer::{Answer, Edition, Metadata};

mod answer;

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
            (Self::V1, None) => WirePath::api(mount)?,
            // The server counts in signed numbers and calls more than those a malformed request.
            (Self::V2, Some(version)) if i64::try_from(version).is_err() => {
                let message = format!("`{}` has no version {version}", escaped(resource));
                return Err(Error::new(ErrorKind::NotFound, message));
            }
            (Self::V2, _) => WirePath::resource(WirePath::api(mount)?, "data")?,
        };
        let path = WirePath::resource(prefix, resource)?;
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
        let Answer { is_something_else, lease_id, data, metadata } = Answer::of(self, body)?;
        if is_something_else {
            return Err(invalid("it holds `errors` or `wrap_info`, which were not asked for"));
        }
        // As it is written: an empty string can be written in one way only.
        match lease_id.map(JsonText::as_str) {
            None | Some("\"\"") => {}
            Some(lease) if lease.starts_with('"') => {
                let message = format!(
                    "`{}` is a dynamic secret with a lease (HTTP 200); only KV secrets can be read so far",
                    escaped(resource)
                );
                return Err(Error::new(ErrorKind::Unsupported, message).with_status(200));
            }
            Some(_) => return Err(invalid("its `lease_id` is no string")),
        }
        match self {
            Self::V1 => {
                let data = data.ok_or_else(|| invalid("it holds no `data`"))?;
                Document::from_checked(data).map_err(|_| invalid("its `data` is no object"))
            }
            Self::V2 => versioned(data, metadata, resource, version),
        }
    }
}

fn versioned(
    fields: Option<JsonText<'_>>,
    metadata: Option<Metadata<'_>>,
    resource: &str,
    asked: Option<u64>,
) -> Result<Document, Error> {
    let metadata = metadata.ok_or_else(|| invalid("it holds no `data` with `metadata`"))?;
    let Edition { version, created, ends, is_destroyed } = metadata.edition()?;
    if version == 0 || asked.is_some_and(|asked| asked != version) {
        return Err(invalid("it is of another version than the one asked for"));
    }
    if is_destroyed {
        let message =
            format!("version {version} of `{}` was destroyed for good (HTTP 200)", escaped(resource));
        return Err(Error::new(ErrorKind::Deleted, message).with_status(200));
    }
    let Some(fields) = fields else {
        let message = format!(
            "version {version} of `{}` holds no data (HTTP 200): it was written as null",
            escaped(resource)
        );
        return Err(Error::new(ErrorKind::InvalidValue, message).with_status(200));
    };
    let document = Document::from_checked(fields).map_err(|_| invalid("its `data.data` is no object"))?;
    let document = document.with_version(version).with_created(time(&created)?);
    Ok(match &*ends {
        "" => document,
        ends => document.with_expiry(time(ends)?),
    })
}

/// The body as text, which JSON has to be.
fn utf8(body: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(body).map_err(|_| invalid("it is not UTF-8 text"))
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    // The parser's own message could quote a value.
    serde_json::from_str(text).map_err(|_| misshapen())
}

fn misshapen() -> Error {
    invalid("it has not the shape of a KV answer")
}

pub(crate) fn time(text: &str) -> Result<SystemTime, Error> {
    humantime::parse_rfc3339(text).map_err(|_| invalid("it holds a time that is none"))
}

/// Somebody on the way answered, not the server: they may be gone the next time.
pub(crate) fn invalid(what: &str) -> Error {
    let message = format!("the answer is none that this server gives (HTTP 200): {what}");
    Error::new(ErrorKind::InvalidResponse, message).transient().with_status(200)
}

/// The answer is not the JSON that is read here. A secret that nests too deep is the server's own, and stays so.
fn unreadable(fault: Error) -> Error {
    if fault.is_retryable() {
        return invalid(&format!("it is {fault}"));
    }
    let message = format!("the answer is {fault} (HTTP 200), its envelope counted: write the secret flatter");
    Error::new(ErrorKind::InvalidResponse, message).with_status(200)
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
    let checked = JsonText::parse(utf8(body)?).map_err(unreadable)?;
    if !checked.is_object() {
        return Err(invalid("it is no JSON object"));
    }
    let answer: Answer<'_> = read(checked.as_str())?;
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
