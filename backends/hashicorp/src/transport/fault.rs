//! What the network did, in words: every error of the HTTP client becomes one of ours here.
//!
//! Nothing of the foreign error is kept, because it prints URLs; only its cause is looked at.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use strongroom_core::{Error, ErrorKind, escaped};

use super::address::Address;
use super::connect::{Failure, NoName};

/// A try that brought no answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    /// No connection came about, so nothing was sent and another address may be tried.
    pub(crate) unreached: bool,
    /// An answer came and was left unread, for its size.
    pub(crate) too_large: bool,
}

impl Fault {
    /// Something went wrong with or after sending.
    pub(crate) fn sent(error: Error) -> Self {
        Self { error, unreached: false, too_large: false }
    }

    /// Nobody was there to send anything to.
    fn unreached(error: Error) -> Self {
        Self { unreached: true, ..Self::sent(error) }
    }

    /// The answer is larger than anybody wants to read.
    pub(crate) fn too_large(error: Error) -> Self {
        Self { too_large: true, ..Self::sent(error) }
    }

    /// What became of a request to `address`.
    pub(crate) fn exchange(failure: &Failure, address: &Address, connect_timeout: Duration) -> Self {
        match failure {
            Failure::Unopened(error) => match Self::handshake(&**error, address) {
                Some(fault) => fault,
                None => Self::unreached(unreachable(&**error, address, connect_timeout)),
            },
            Failure::Broken(error) => Self::network(error, address, connect_timeout),
        }
    }

    /// What an HTTP client, hyper or reqwest, says about an exchange with `address`.
    pub(crate) fn network(
        error: &(dyn StdError + 'static),
        address: &Address,
        connect_timeout: Duration,
    ) -> Self {
        let peer = address.peer();
        if find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_builder) {
            return Self::sent(Error::new(ErrorKind::Internal, "the request could not be built"));
        }
        let connecting = find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_connect);
        // Of a connection that stands TLS says so once a server has refused our certificate; all else may pass.
        if connecting || find(error).is_some_and(refuses_our_certificate) {
            if let Some(fault) = Self::handshake(error, address) {
                return fault;
            }
        }
        if connecting {
            return Self::unreached(unreachable(error, address, connect_timeout));
        }
        let what = innermost(error);
        let broken = what.contains("invalid HTTP");
        let kind = if broken { ErrorKind::InvalidResponse } else { ErrorKind::Unavailable };
        let hint = if broken && !address.is_encrypted() { "; does the server want https?" } else { "" };
        let message = format!("{peer} broke off before its answer was complete: {what}{hint}");
        Self::sent(Error::new(kind, message).transient())
    }

    /// The same, of an answer whose head has come: the server has acted.
    pub(crate) fn after_its_head(self) -> Self {
        Self { unreached: false, ..self }
    }

    /// What TLS says of a connection that did not come about, if it does.
    fn handshake(error: &(dyn StdError + 'static), address: &Address) -> Option<Self> {
        let (what, passes) = handshake(find::<rustls::Error>(error)?, address.host().unwrap_or_default());
        let error = Error::new(ErrorKind::Unavailable, format!("no TLS with {}: {what}", address.peer()));
        Some(Self::unreached(if passes { error.transient() } else { error }))
    }

    /// No complete answer in time.
    pub(crate) fn timeout(address: &Address, limit: Duration) -> Self {
        let message = format!("{} gave no complete answer: timed out after {limit:?}", address.peer());
        Self::sent(Error::new(ErrorKind::Timeout, message).transient())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}

fn unreachable(error: &(dyn StdError + 'static), address: &Address, connect_timeout: Duration) -> Error {
    let peer = address.peer();
    let kind = find::<io::Error>(error).map(io::Error::kind);
    let other = find::<reqwest::Error>(error);
    if kind == Some(io::ErrorKind::TimedOut) || other.is_some_and(reqwest::Error::is_timeout) {
        let message = format!("could not connect to {peer}: timed out after {connect_timeout:?}");
        return Error::new(ErrorKind::Timeout, message).transient();
    }
    let nameless = find::<NoName>(error).is_some() || other.is_some_and(reqwest::Error::is_dns);
    let what = match kind {
        _ if nameless => format!("the name has no address ({})", innermost(error)),
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".into(),
        Some(io::ErrorKind::NotFound) => "no such socket".into(),
        Some(io::ErrorKind::UnexpectedEof) => "the connection was cut".into(),
        _ => innermost(error),
    };
    Error::new(ErrorKind::Unavailable, format!("could not connect to {peer}: {what}")).transient()
}

/// Why a handshake failed, and whether that may pass: a certificate does not get better by itself.
fn handshake(error: &rustls::Error, host: &str) -> (String, bool) {
    let what = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
            "the certificate of `{host}` is not trusted, its issuer is unknown; set `ca_cert_file` to the CA that signed it"
        ),
        rustls::Error::InvalidCertificate(
            fault @ (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }),
        ) => format!(
            "{}; if that is the right server, set `tls_server_name` to the name in its certificate",
            escaped(&fault.to_string())
        ),
        rustls::Error::InvalidCertificate(fault) => {
            format!("the certificate of `{host}` is not trusted: {}", escaped(&fault.to_string()))
        }
        rustls::Error::InvalidMessage(_) => {
            "this port does not speak TLS; use an http address, or another port".into()
        }
        rustls::Error::AlertReceived(alert) => format!("the server refused the handshake: {alert:?}"),
        error => return (escaped(&error.to_string()).to_string(), true),
    };
    (what, false)
}

/// Whether a server has refused our certificate, or that there is none. It may do so after what is the whole handshake
/// for us, and has then acted on nothing.
fn refuses_our_certificate(error: &rustls::Error) -> bool {
    use AlertDescription as A;
    let rustls::Error::AlertReceived(alert) = error else { return false };
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired
    )
}

/// The first error of type `T` on the path of causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error passes over what it wraps when asked for its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// The deepest cause, which says what happened and holds no URL, as what reqwest says itself does.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    if deepest.is::<reqwest::Error>() {
        "no reason given".into()
    } else {
        escaped(&deepest.to_string()).to_string()
    }
}
