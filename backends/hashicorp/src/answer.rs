//! What an answer means, and what follows: one table over what was asked, status and body.
//!
//! The texts are those of OpenBao 2.7 and HashiCorp Vault, which agree but for the names of their tools. A status
//! alone never decides: one 403 is a policy, another a dead token, and they differ only in shape; and a 403 or 404 whose
//! body is not the server's own is a gateway's or a portal's on the way, which knows nothing of secrets and tokens.
//!
//! What follows from a meaning is the same wherever it comes from. What is not remembered keeps the last good value
//! in service within its limits; what is remembered takes it away, after a second look where a lagging standby could
//! have said it.
//!
//! | meaning | tried again | logs in again | last good value | miss remembered |
//! |---|---|---|---|---|
//! | absent, no mount, no namespace | no | no | ends after a second look | yes |
//! | deleted, destroyed | no | no | ends | yes |
//! | denied, hidden mount | no | no | ends after a second look | yes |
//! | dead token | once, with the next token | yes | served | no |
//! | bad credential, bare refusal, not renewable | by the session, slowly | by the session | served | no |
//! | is versioned | once, where the version is found out | no | served | no |
//! | not KV, bad request, wants TLS, header lost, redirect, unknown | no | no | served | no |
//! | broken, standby, sealed, locked, too many, too slow, failing | yes | no | served | no |

use serde::Deserialize;
use strongroom_core::ErrorKind;

use Meaning as M;
use Text::{Any, Has, Only, Own, Within};

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
    /// A login is refused without a reason, which may be that there is none at this path.
    BareRefusal,
    /// The token lives and cannot be renewed.
    NotRenewable,
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
    /// Not an answer to a question of this kind: somebody on the way spoke.
    Broken,
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
            Self::DeadToken | Self::BadCredential | Self::BareRefusal => ErrorKind::Unauthenticated,
            Self::NotRenewable => ErrorKind::Unsupported,
            Self::BadRequest => ErrorKind::InvalidReference,
            Self::Sealed => ErrorKind::Sealed,
            Self::TooMany => ErrorKind::RateLimited,
            Self::TooSlow => ErrorKind::Timeout,
            Self::Standby | Self::Locked | Self::Failing => ErrorKind::Unavailable,
            Self::HeaderLost | Self::Redirect | Self::Broken | Self::Unknown => ErrorKind::InvalidResponse,
        }
    }

    /// Whether it may pass without anybody changing anything.
    pub(crate) const fn passes(self) -> bool {
        matches!(
            self,
            Self::Standby
                | Self::Sealed
                | Self::Locked
                | Self::TooMany
                | Self::TooSlow
                | Self::Failing
                | Self::Broken
        )
    }

    /// Whether it is this node that cannot serve, whatever it is asked, while another one may.
    pub(crate) const fn is_of_the_node(self, status: u16) -> bool {
        match self {
            Self::Standby | Self::Sealed => true,
            Self::Failing => matches!(status, 502..=504),
            _ => false,
        }
    }
}

/// What was asked, as far as the meaning of an answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// For a secret, or for what a mount is.
    Read,
    Login,
    /// About the token itself.
    Token,
    /// In a row of the table: whatever was asked.
    Anything,
}

/// What a row looks for in what the server said.
enum Text {
    Any,
    /// Whatever, as long as the server itself says it.
    Own,
    /// An error or warning that holds this.
    Has(&'static str),
    /// There is exactly one error, and it is this.
    Only(&'static str),
    /// A redirect within the server, which cleans paths that are not clean.
    Within,
}

/// The first row that fits decides. Statuses that are not listed are decided by their class.
const TABLE: &[(On, u16, Text, Meaning)] = &[
    (On::Login, 400, Has("HTTP request to an HTTPS server"), M::WantsTls),
    (On::Login, 400, Own, M::BadCredential),
    (On::Login, 400, Any, M::Broken),
    (On::Login, 401, Own, M::BadCredential),
    (On::Login, 401, Any, M::Broken),
    (On::Login, 403, Only("permission denied"), M::BareRefusal),
    (On::Login, 403, Own, M::BadCredential),
    (On::Login, 404, Has("namespace not found"), M::NoNamespace),
    (On::Login, 404, Own, M::NoMount),
    (On::Login, 405, Own, M::NoMount),
    (On::Login, 405, Any, M::Broken),
    // Faults of a credential that are dressed up as faults of the server.
    (On::Login, 500, Has("failed to verify client's certificate"), M::BadCredential),
    (On::Login, 500, Has("client identity during renewal not matching"), M::BadCredential),
    (On::Login, 500, Has("wrapping token's use-count"), M::BadCredential),
    (On::Token, 400, Has("batch tokens cannot be"), M::NotRenewable),
    (On::Token, 400, Has("lease is not renewable"), M::NotRenewable),
    (On::Token, 400, Has("client certificate"), M::NotRenewable),
    (On::Token, 500, Has("failed to verify client's certificate"), M::NotRenewable),
    (On::Token, 500, Has("client identity during renewal not matching"), M::NotRenewable),
    (On::Anything, 301, Any, M::Redirect),
    (On::Anything, 302, Any, M::Redirect),
    (On::Anything, 307, Within, M::Redirect),
    (On::Anything, 307, Any, M::Standby),
    (On::Anything, 308, Any, M::Redirect),
    (On::Anything, 400, Has("HTTP request to an HTTPS server"), M::WantsTls),
    (On::Anything, 400, Has("missing client token"), M::DeadToken),
    (On::Anything, 400, Any, M::BadRequest),
    (On::Anything, 403, Has("preflight capability check"), M::HiddenMount),
    (On::Anything, 403, Has("invalid token"), M::DeadToken),
    (On::Anything, 403, Has("bad token"), M::DeadToken),
    (On::Anything, 403, Only("permission denied"), M::DeadToken),
    (On::Anything, 403, Own, M::Denied),
    (On::Anything, 403, Any, M::Broken),
    (On::Anything, 404, Has("Invalid path for a versioned K/V"), M::IsVersioned),
    (On::Anything, 404, Has("no handler for route"), M::NoMount),
    (On::Anything, 404, Has("namespace not found"), M::NoNamespace),
    (On::Anything, 404, Has("unsupported path"), M::NotKv),
    (On::Anything, 404, Own, M::Absent),
    (On::Anything, 404, Any, M::Broken),
    (On::Anything, 405, Any, M::NotKv),
    (On::Anything, 408, Any, M::TooSlow),
    (On::Anything, 412, Has("X-Vault-Request"), M::HeaderLost),
    (On::Anything, 412, Any, M::Failing),
    (On::Anything, 429, Any, M::TooMany),
    (On::Anything, 472, Any, M::Standby),
    (On::Anything, 473, Any, M::Standby),
    // Said of a path with a slash at its end, which is never sent: somebody on the way changes paths.
    (On::Anything, 500, Has("could not find version data"), M::Unknown),
    (On::Anything, 500, Has("local node not active"), M::Standby),
    (On::Anything, 503, Has("is sealed"), M::Sealed),
    (On::Anything, 503, Has("has been locked by an administrator"), M::Locked),
    (On::Anything, 503, Has("node is not active"), M::Standby),
    (On::Anything, 503, Has("no active Vault instance"), M::Standby),
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
    /// Where a redirect leads.
    #[serde(skip)]
    location: Option<String>,
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

    /// The same with where the answer leads.
    pub(crate) fn leading_to(self, location: Option<&str>) -> Self {
        Self { location: location.map(str::to_owned), ..self }
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
            Own => self.errors.is_some() || self.warnings.is_some() || self.data.is_some(),
            Has(part) => self.texts().any(|text| text.contains(part)),
            Only(whole) => matches!(self.errors.as_deref(), Some([only]) if only == whole),
            Within => self.location.as_ref().is_some_and(|to| to.starts_with('/') && !to.starts_with("//")),
        }
    }
}

/// What an answer means that is no success.
pub(crate) fn meaning(on: On, status: u16, said: &Said) -> Meaning {
    match said.gone() {
        Some(gone) if status == 404 && gone.destroyed => return M::Destroyed,
        Some(_) if status == 404 => return M::Deleted,
        _ => {}
    }
    let fits = |(asked, with, text, _): &&(On, u16, Text, Meaning)| {
        (*asked == on || *asked == On::Anything) && *with == status && said.fits(text)
    };
    match TABLE.iter().find(fits) {
        Some((.., meaning)) => *meaning,
        None if status >= 500 => M::Failing,
        None if status >= 400 => M::Unknown,
        None if status >= 300 => M::Redirect,
        // Half a protocol switch, or a success that brings nothing.
        None => M::Broken,
    }
}

/// Whether an answer to `on` with this status is a success. A secret comes whole or not at all.
pub(crate) const fn is_success(on: On, status: u16) -> bool {
    matches!((on, status), (_, 200) | (On::Login | On::Token, 200..=299))
}

#[cfg(test)]
mod tests;
