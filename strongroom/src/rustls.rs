//! Certificates for rustls that follow a secret.
//!
//! Certificate and key are two fields of one secret, so they always belong together. A rotation is seen by the next
//! handshake: it compares the document that it finds with the one seen last, and only a new one is parsed. There is no
//! background task, no await and, but for the first handshake after a rotation, no lock.
//!
//! ```no_run
//! # async fn example(registry: strongroom::Registry, provider: std::sync::Arc<rustls::crypto::CryptoProvider>) -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use strongroom::rustls::LiveCertificate;
//!
//! let secret = registry.watch_document("{vault://hashicorp-vault/tls/example.com/}").await?;
//! let certificate = LiveCertificate::new(secret, provider.clone())?;
//!
//! let config = rustls::ServerConfig::builder_with_provider(provider)
//!     .with_safe_default_protocol_versions()?
//!     .with_no_client_auth()
//!     .with_cert_resolver(Arc::new(certificate));
//! # Ok(())
//! # }
//! ```
//!
//! The provider is given explicitly: none is installed for the process, and none has to be. A resumed session shows no
//! certificate, so it does not see a rotation; where none may be served it is aborted like any other.

mod pair;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::{Error, LiveDocument, Secret, escaped};

/// A certificate with its key that follows a secret, for servers and for clients.
///
/// A pair that does not parse or does not match is refused: that is logged once, [`refused`](Self::refused) tells it,
/// and the pair before it goes on being served. Once the secret may no longer be served at all (see
/// [`LiveDocument::current`]), a server's handshakes are aborted. A client's go on without a certificate, since rustls
/// leaves a client no other way; a server that insists on one ends them.
pub struct LiveCertificate {
    document: LiveDocument,
    fields: CertificateFields,
    provider: Arc<CryptoProvider>,
    served: ArcSwap<Served>,
    /// Held while a new document is parsed, so that it is parsed once.
    parsing: Mutex<()>,
    /// Whether the last handshake found none that may be served, so that this is said once.
    absent: AtomicBool,
}

/// Which fields of the secret hold certificate and key, both as PEM text. By default those that a PKI engine's answer
/// has: `certificate` and `private_key`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateFields {
    /// The field of the certificate, with the chain to its authority behind it.
    pub certificate: String,
    /// The field of the private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: String,
}

impl Default for CertificateFields {
    fn default() -> Self {
        Self::new("certificate", "private_key")
    }
}

impl CertificateFields {
    /// Fields of these names.
    #[must_use]
    pub fn new(certificate: impl Into<String>, key: impl Into<String>) -> Self {
        Self { certificate: certificate.into(), key: key.into() }
    }
}

struct Served {
    pair: Arc<CertifiedKey>,
    /// The document that was seen last, whether or not the pair comes from it.
    seen: Secret,
    /// Why the pair does not come from it.
    refused: Option<Error>,
}

impl LiveCertificate {
    /// Follows a secret whose fields are named as in a PKI engine's answer: `certificate` and `private_key`.
    ///
    /// # Errors
    ///
    /// As [`with_fields`](Self::with_fields).
    pub fn new(document: LiveDocument, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        Self::with_fields(document, CertificateFields::default(), provider)
    }

    /// Follows a secret with fields of other names.
    ///
    /// # Errors
    ///
    /// Why the secret holds no pair that could be served, with no part of it.
    pub fn with_fields(
        document: LiveDocument,
        fields: CertificateFields,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let now = document.current()?.to_document();
        let pair = pair::parse(&now, &fields, &provider).map_err(|error| named(&document, error))?;
        let served = Served { pair: Arc::new(pair), seen: Secret::new(now.as_bytes()), refused: None };
        Ok(Self {
            document,
            fields,
            provider,
            served: ArcSwap::from_pointee(served),
            parsing: Mutex::default(),
            absent: AtomicBool::new(false),
        })
    }

    /// The pair that a handshake gets now.
    ///
    /// # Errors
    ///
    /// As [`LiveDocument::current`].
    pub fn current(&self) -> Result<Arc<CertifiedKey>, Error> {
        Ok(self.examined()?.pair.clone())
    }

    /// Why the pair that the vault has now is not the one that handshakes get; none where it is.
    #[must_use]
    pub fn refused(&self) -> Option<Error> {
        match self.examined() {
            Ok(served) => served.refused.clone(),
            Err(error) => Some(error),
        }
    }

    /// The secret that it follows.
    #[must_use]
    pub fn document(&self) -> &LiveDocument {
        &self.document
    }

    fn examined(&self) -> Result<Arc<Served>, Error> {
        let served = self.served.load();
        if self.document.current()?.as_bytes() == served.seen.as_bytes() {
            return Ok(served.clone());
        }
        drop(served);
        self.examine()
    }

    #[cold]
    fn examine(&self) -> Result<Arc<Served>, Error> {
        // Nothing is left half-done under this lock.
        let _parsing = self.parsing.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at again: another handshake may have parsed it, or an even newer one.
        let now = self.document.current()?.to_document();
        let served = self.served.load_full();
        if now.as_bytes() == served.seen.as_bytes() {
            return Ok(served);
        }
        let version = now.version();
        let (pair, refused) = match pair::parse(&now, &self.fields, &self.provider) {
            Ok(pair) => {
                let reference = self.document.as_live().reference();
                tracing::info!(%reference, version, "another certificate is served from now on");
                (Arc::new(pair), None)
            }
            Err(error) => {
                let error = named(&self.document, error);
                tracing::error!(version, "the certificate before it goes on being served: {error:?}");
                (served.pair.clone(), Some(error))
            }
        };
        let next = Arc::new(Served { pair, seen: Secret::new(now.as_bytes()), refused });
        self.served.store(next.clone());
        Ok(next)
    }

    fn for_a_handshake(&self) -> Option<Arc<CertifiedKey>> {
        let current = self.current();
        if self.absent.load(Ordering::Relaxed) != current.is_err() {
            self.absent.store(current.is_err(), Ordering::Relaxed);
            if let Err(error) = &current {
                tracing::error!("there is no certificate that may be served: {error:?}");
            }
        }
        current.ok()
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.for_a_handshake()
    }
}

impl ResolvesClientCert for LiveCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.for_a_handshake()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for LiveCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveCertificate")
            .field("document", &self.document)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

fn named(document: &LiveDocument, error: Error) -> Error {
    let reference = document.as_live().reference().to_string();
    error.context(format!("could not use the certificate and key in {}", escaped(&reference)))
}

#[cfg(test)]
mod tests;
