//! What an answer means: one table over status, body and what was asked.
//!
//! The texts are those of OpenBao 2.7 and HashiCorp Vault, which agree but for the names of their tools. A status
//! alone never decides: one 403 is a policy, another a dead token, and they differ only in shape.

use serde::Deserialize;
use strongroom_core::ErrorKind;

use Meaning as M;
use Text::{Any, Has, Only};

/// What an answer means, as far as anybody decides by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing there, or a standby that has not heard of it yet.
    Absent,
    Deleted,
    Destroyed,
    /// The mount keeps versions and was asked as if it did not.
    IsVersioned,
    NoMount,
    NoNamespace,
    /// The mount is not a KV mount.
    NotKv,
    /// The token is alive, a policy says no.
    Denied,
    /// The mount is hidden from the token, or is not there.
    HiddenMount,
    /// The token has ended, is spent, or never was one.
    DeadToken,
    /// The login's credential is refused.
    BadCredential,
    BadRequest,
    /// The server wants TLS.
    WantsTls,
    /// Somebody on the way takes the request's headers off.
    HeaderLost,
    Redirect,
    /// A standby that cannot pass the request on.
    Standby,
    Sealed,
    Locked,
    TooMany,
    TooSlow,
    /// Anything else that a healthy server would not say.
    Failing,
    /// An answer that the protocol does not have.
    Unknown,
}

impl Meaning {
    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::Absent | Self::NoMount | Self::NoNamespace => ErrorKind::NotFound,
            Self::Deleted | Self::Destroyed => ErrorKind::Deleted,
            Self::IsVersioned | Self::NotKv | Self::WantsTls => ErrorKind::InvalidConfig,
            Self::Denied | Self::HiddenMount => ErrorKind::PermissionDenied,
            Self::DeadToken | Self::BadCredential => ErrorKind::Unauthenticated,
            Self::BadRequest => ErrorKind::InvalidReference,
            Self::Sealed => ErrorKind::Sealed,
            Self::TooMany => ErrorKind::RateLimited,
            Self::TooSlow => ErrorKind::Timeout,
            Self::Standby | Self::Locked | Self::Failing => ErrorKind::Unavailable,
            Self::HeaderLost | Self::Redirect | Self::Unknown => ErrorKind::InvalidResponse,
        }
    }

    /// Whether it may pass without anybody changing anything.
    pub(crate) const fn passes(self) -> bool {
        matches!(
            self,
            Self::Standby | Self::Sealed | Self::Locked | Self::TooMany | Self::TooSlow | Self::Failing
        )
    }
}

/// What a row looks for in the server's `errors` and `warnings`.
enum Text {
    Any,
    /// One of them holds this.
    Has(&'static str),
    /// There is exactly one error, and it is this.
    Only(&'static str),
}

/// The first row that fits decides. Statuses that are not listed are decided by their class.
const ANY_CALL: &[(u16, Text, Meaning)] = &[
    (301, Any, M::Redirect),
    (302, Any, M::Redirect),
    (307, Any, M::Standby),
    (308, Any, M::Redirect),
    (400, Has("HTTP request to an HTTPS server"), M::WantsTls),
    (400, Has("missing client token"), M::DeadToken),
    (400, Any, M::BadRequest),
    (403, Has("preflight capability check"), M::HiddenMount),
    (403, Has("invalid token"), M::DeadToken),
    (403, Has("bad token"), M::DeadToken),
    (403, Only("permission denied"), M::DeadToken),
    (403, Any, M::Denied),
    (404, Has("Invalid path for a versioned K/V"), M::IsVersioned),
    (404, Has("no handler for route"), M::NoMount),
    (404, Has("namespace not found"), M::NoNamespace),
    (404, Has("unsupported path"), M::NotKv),
    (404, Any, M::Absent),
    (405, Any, M::NotKv),
    (408, Any, M::TooSlow),
    (412, Has("X-Vault-Request"), M::HeaderLost),
    (412, Any, M::Failing),
    (429, Any, M::TooMany),
    (472, Any, M::Standby),
    (473, Any, M::Standby),
    // Said of a path with a slash at its end, which is never sent: somebody on the way changes paths.
    (500, Has("could not find version data"), M::Unknown),
    (503, Has("is sealed"), M::Sealed),
    (503, Has("has been locked by an administrator"), M::Locked),
    (503, Has("node is not active"), M::Standby),
];

/// What a login means by these comes first.
const LOGIN: &[(u16, Text, Meaning)] = &[
    (400, Has("HTTP request to an HTTPS server"), M::WantsTls),
    (400, Any, M::BadCredential),
    (401, Any, M::BadCredential),
    (403, Any, M::BadCredential),
    (404, Has("namespace not found"), M::NoNamespace),
    (404, Any, M::NoMount),
    (405, Any, M::NoMount),
    // Faults of a credential that are dressed up as faults of the server.
    (500, Has("failed to verify client's certificate"), M::BadCredential),
    (500, Has("client identity during renewal not matching"), M::BadCredential),
    (500, Has("wrapping token's use-count"), M::BadCredential),
];

/// What the server says besides its status.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    errors: Option<Vec<String>>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    data: Option<SaidData>,
}

#[derive(Debug, Deserialize)]
struct SaidData {
    #[serde(default)]
    metadata: Option<Gone>,
}

/// What became of a version that cannot be read any more.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Gone {
    #[serde(default)]
    pub(crate) version: u64,
    #[serde(default)]
    pub(crate) deletion_time: String,
    #[serde(default)]
    pub(crate) destroyed: bool,
}

impl Said {
    /// Reads a body that is not a success. A body of another shape says nothing, but for one sentence.
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let text = std::str::from_utf8(body).unwrap_or_default();
            let errors = text.contains("HTTP request to an HTTPS server").then(|| vec![text.to_owned()]);
            Self { errors, ..Self::default() }
        })
    }

    /// All that may be quoted.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().chain(&self.warnings).flatten().map(String::as_str)
    }

    pub(crate) fn gone(&self) -> Option<&Gone> {
        let gone = self.data.as_ref()?.metadata.as_ref()?;
        (gone.destroyed || !gone.deletion_time.is_empty()).then_some(gone)
    }

    fn fits(&self, text: &Text) -> bool {
        match text {
            Any => true,
            Has(part) => self.texts().any(|text| text.contains(part)),
            Only(whole) => matches!(self.errors.as_deref(), Some([only]) if only == whole),
        }
    }
}

/// What an answer outside 2xx means.
pub(crate) fn meaning(status: u16, said: &Said, is_login: bool) -> Meaning {
    match said.gone() {
        Some(gone) if status == 404 && gone.destroyed => return M::Destroyed,
        Some(_) if status == 404 => return M::Deleted,
        _ => {}
    }
    let login = if is_login { LOGIN } else { &[] };
    let row = login.iter().chain(ANY_CALL).find(|(on, text, _)| *on == status && said.fits(text));
    match row {
        Some((_, _, meaning)) => *meaning,
        None if status >= 500 => M::Failing,
        None if matches!(status, 300..400) => M::Redirect,
        None => M::Unknown,
    }
}

#[cfg(test)]
mod tests;
