//! What people read when the server says no: the meaning of its answer in a sentence, with what to do.

use strongroom_core::{Error, escaped};

use crate::answer::{Meaning as M, On, Said, is_success, meaning};
use crate::kv::Engine;
use crate::path::WirePath;
use crate::quote::quote;
use crate::transport::Fault;
use crate::transport::Response;

/// What the server was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked<'a> {
    Secret {
        mount: &'a str,
        resource: &'a str,
    },
    /// Of which version a KV mount is.
    Mount(&'a str),
    Login,
    /// About the token itself.
    Token,
}

impl Asked<'_> {
    const fn on(self) -> On {
        match self {
            Self::Secret { .. } | Self::Mount(_) => On::Read,
            Self::Login => On::Login,
            Self::Token => On::Token,
        }
    }
}

/// Why a call did not succeed. The meaning is known where the server gave an answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) meaning: Option<M>,
    pub(crate) error: Error,
    /// An answer came and was left unread, for its size.
    pub(crate) too_large: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { meaning: None, error, too_large: false }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { meaning: None, error: fault.error, too_large: fault.too_large }
    }
}

/// A success as it is, everything else as what it means. `secrets` were sent and must not come back.
pub(crate) fn accept(
    response: Response,
    asked: Asked<'_>,
    path: &WirePath,
    secrets: &[&[u8]],
) -> Result<Response, Refusal> {
    if is_success(asked.on(), response.status) {
        return Ok(response);
    }
    let said = Said::read(response.body.as_bytes()).leading_to(response.location.as_deref());
    let meaning = meaning(asked.on(), response.status, &said);
    let quoted = quote(said.texts(), secrets);
    let http = match quoted.as_str() {
        "" => format!("HTTP {}", response.status),
        quoted => format!("HTTP {}: {quoted}", response.status),
    };
    let message = message(meaning, asked, path, &said, &http);
    let mut error = Error::new(meaning.kind(), message).with_status(response.status);
    if meaning.passes() {
        error = error.transient();
    }
    if let Some(wait) = response.retry_after {
        error = error.with_retry_after(wait);
    }
    Err(Refusal { meaning: Some(meaning), error, too_large: false })
}

fn message(meaning: M, asked: Asked<'_>, path: &WirePath, said: &Said, http: &str) -> String {
    let path = path.shown();
    let (mount, resource) = match asked {
        Asked::Secret { mount, resource } => (mount, escaped(resource).to_string()),
        Asked::Mount(mount) => (mount, path.clone()),
        Asked::Login | Asked::Token => ("", path.clone()),
    };
    match meaning {
        M::Absent if mount.is_empty() => format!("the server has nothing at `{path}` ({http})"),
        M::Absent => format!("there is no secret `{resource}` in mount `{mount}` ({http})"),
        M::Deleted => {
            format!("{} ({http}); undelete it or write a new version", gone(said, &resource, "deleted"))
        }
        M::Destroyed => format!("{} for good ({http})", gone(said, &resource, "destroyed")),
        M::IsVersioned => format!("mount `{mount}` is KV v2, but was read as KV v1 ({http}): set `kv: v2`"),
        M::NoMount if matches!(asked, Asked::Login) => {
            format!("there is no login at `{path}` ({http}): check the auth path and `auth_namespace`")
        }
        M::NoMount => format!("there is no mount `{mount}` ({http}): check `mount` and `namespace`"),
        M::NoNamespace => format!("there is no such namespace ({http}): check `namespace`"),
        M::NotKv if mount.is_empty() => format!("the server has no such call as `{path}` ({http})"),
        M::NotKv => format!("mount `{mount}` is no KV mount ({http}): check `mount`"),
        M::Denied => format!(
            "permission denied ({http}): the token may not read `{path}`; grant `read` on it in a policy (a mount or \
             namespace that does not exist looks the same)"
        ),
        M::HiddenMount => format!(
            "the KV version of mount `{mount}` cannot be found out ({http}): there is no such mount, or the token has \
             no right on it; where it can be read all the same, set `kv: v1` or `kv: v2`"
        ),
        M::DeadToken => format!(
            "the token is not accepted ({http}): it has ended, was revoked, is spent, or is none of this server's"
        ),
        M::BadCredential => format!("the login at `{path}` was refused ({http})"),
        M::BareRefusal => format!(
            "the login at `{path}` was refused without a reason ({http}): the credential is not accepted, or there is \
             no such login (check the auth path and `auth_namespace`)"
        ),
        M::NotRenewable => format!("the token cannot be renewed ({http}) and is replaced in time"),
        M::BadRequest => format!("the server does not take `{path}` ({http})"),
        M::WantsTls => format!("the server wants https at this port ({http}): set `protocol: https`"),
        M::HeaderLost => format!("somebody on the way takes the header X-Vault-Request off ({http})"),
        M::Redirect => format!(
            "the server answered with a redirect, which is not followed ({http}): set the address it leads to"
        ),
        M::Standby => format!("this node is a standby and could not pass the request on ({http})"),
        M::Sealed => format!("the vault is sealed ({http}) and answers once it is unsealed"),
        M::Locked => format!("the namespace is locked by an administrator ({http})"),
        M::TooMany => format!("the server asks for fewer requests ({http})"),
        M::TooSlow => format!("the server gave up waiting ({http})"),
        M::Failing => format!("the server failed ({http})"),
        M::Broken => format!(
            "the answer is none that this server gives ({http}): a gateway on the way may have given it; check the \
             address"
        ),
        M::Unknown => format!("the server gave an answer that does not belong to `{path}` ({http})"),
    }
}

/// The mount is of another KV version than the vault is set to.
pub(crate) fn other_version(mount: &str, actual: Engine, set: Engine, status: Option<u16>) -> Error {
    let http = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
    let message = format!(
        "mount `{mount}` is {}, but this vault is set to {}{http}: set `kv: {}`",
        actual.name(),
        set.name(),
        actual.setting()
    );
    let error = Error::new(M::IsVersioned.kind(), message);
    status.into_iter().fold(error, Error::with_status)
}

/// ``version 2 of `customer/acme` was deleted at 2026-11-23T22:16:19Z``
fn gone(said: &Said, resource: &str, how: &str) -> String {
    let Some(gone) = said.gone() else {
        return format!("`{resource}` was {how}");
    };
    // Whatever is no time is not repeated: a server may send back what it was sent.
    let at = match humantime::parse_rfc3339(&gone.deletion_time) {
        Ok(_) => format!(" at {}", gone.deletion_time),
        Err(_) => String::new(),
    };
    format!("version {} of `{resource}` was {how}{at}", gone.version)
}
