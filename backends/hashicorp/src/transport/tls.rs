//! Whom a vault trusts, and who it says it is: the rustls configuration of its connections.
//!
//! The configuration is made here and handed over whole, so that the process-wide crypto provider is neither
//! needed nor installed, two providers in one program are no ambiguity, and the system's trust store is opened
//! only where it is asked.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, InconsistentKeys, RootCertStore,
    SignatureScheme, WantsVerifier, client::WantsClientCert,
};
use strongroom_core::{ClientIdentity, Error, ErrorKind};

/// More than any collection of authorities takes.
const MAX_CA_BYTES: u64 = 4 << 20;

/// Which certificates of a server are good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// None at all: the address is plain http, or a socket.
    #[default]
    Nobody,
    /// What the system trusts.
    System,
    /// These certificate authorities (PEM) and no others.
    Only(Arc<[u8]>),
    /// Those in this file, read when the first connection is made.
    OnlyFile(PathBuf),
    /// Anything. Somebody asked for it.
    Everybody,
}

/// The configuration of connections that trust `trust` and present `identity`.
///
/// # Errors
///
/// [`ErrorKind::InvalidConfig`] for a CA, certificate or key that cannot be used.
pub(crate) fn client_config(trust: &Trust, identity: Option<&ClientIdentity>) -> Result<ClientConfig, Error> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid(format!("TLS cannot be set up: {error}")))?;
    let builder = with_trust(builder, trust, &provider)?;
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain =
        certificates(identity.chain()).map_err(|what| invalid(format!("the client certificate {what}")))?;
    check_time(&chain, &provider)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key())
        .map_err(|_| invalid("the client key is not a private key in PEM without a passphrase".into()))?;
    let mut config = builder.with_client_auth_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            invalid("the client key does not belong to the client certificate".into())
        }
        error => invalid(format!("the client certificate or key cannot be used: {error}")),
    })?;
    // A resumed session would go on under the identity that it began with.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Refuses a client certificate whose time has passed or not come, which a server answers like a fault of its own.
fn check_time(chain: &[CertificateDer<'static>], provider: &Arc<CryptoProvider>) -> Result<(), Error> {
    let Some(leaf) = chain.first() else { return Ok(()) };
    // Who signed it is the server's business; the times are looked at before that.
    let mut itself = RootCertStore::empty();
    let verifier = itself.add(leaf.clone()).ok().and_then(|()| {
        WebPkiClientVerifier::builder_with_provider(itself.into(), provider.clone()).build().ok()
    });
    let verified = verifier.map(|verifier| verifier.verify_client_cert(leaf, &[], UnixTime::now()));
    match verified {
        Some(Err(rustls::Error::InvalidCertificate(
            fault @ (CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }),
        ))) => Err(invalid(format!("the client certificate is out of its time: {fault}"))),
        _ => Ok(()),
    }
}

/// The program's own choice where it made one, else the one that is compiled in.
fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

fn with_trust(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    Ok(match trust {
        Trust::Nobody => builder.with_root_certificates(RootCertStore::empty()),
        Trust::Only(pem) => builder.with_root_certificates(roots(pem, "`ca_cert`")?),
        Trust::OnlyFile(path) => {
            let name = format!("the CA file `{}`", path.display());
            let pem = read(path).map_err(|error| invalid(format!("{name} cannot be read: {error}")))?;
            builder.with_root_certificates(roots(&pem, &name)?)
        }
        Trust::System => {
            let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| {
                let what = "the system's trusted certificates cannot be used";
                invalid(format!("{what} ({error}): set `ca_cert_file` to the CA of the server"))
            })?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Trust::Everybody => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(NotVerified(provider.clone())))
        }
    })
}

/// A file of certificates. Links are followed, as the kubelet makes them; a pipe would wait for its other end, and a
/// device may never end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut pem = Vec::new();
    File::open(path)?.take(MAX_CA_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MAX_CA_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is larger than 4 MiB"));
    }
    Ok(pem)
}

/// The certificate authorities in `pem`, at least one.
pub(crate) fn roots(pem: &[u8], name: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|what| invalid(format!("{name} {what}")))? {
        roots
            .add(certificate)
            .map_err(|error| invalid(format!("{name} holds a certificate that is no CA: {error}")))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err("holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)"),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// Accepts every certificate, but still wants the handshake to be signed with it.
#[derive(Debug)]
struct NotVerified(Arc<CryptoProvider>);

impl ServerCertVerifier for NotVerified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A pipe that nobody writes to would stop the runtime, and with it every timeout.
    #[test]
    fn a_file_of_authorities_is_a_file_of_some_size() {
        let folder = std::env::temp_dir().join(format!("strongroom-tls-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        let (pipe, large) = (folder.join("pipe"), folder.join("large"));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        File::create(&large).unwrap().set_len(MAX_CA_BYTES + 1).unwrap();
        let why = |path: &Path| read(path).unwrap_err().to_string();
        for path in [pipe.as_path(), folder.as_path(), Path::new("/dev/zero")] {
            assert_eq!(why(path), "it is not a regular file", "{}", path.display());
        }
        assert_eq!(why(&large), "it is larger than 4 MiB");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
