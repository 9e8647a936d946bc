//! Certificates made at run time, and servers that use them.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::{Builder, Server};

/// The names of a server on this machine.
pub const LOOPBACK: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

/// A certificate authority of a test's own.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, both PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key, PKCS #8.
    pub key: String,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Current,
    /// Until years ago.
    Expired,
    /// Years from now.
    Future,
}

impl Default for Ca {
    fn default() -> Self {
        Self::new()
    }
}

impl Ca {
    /// A new authority that nobody trusts yet.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params(&format!("test authority {:016x}", crate::random()), &[], Validity::Current);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these DNS names and addresses.
    #[must_use]
    pub fn server_cert(&self, names: &[&str]) -> Pair {
        self.issue("server", names, ExtendedKeyUsagePurpose::ServerAuth, Validity::Current)
    }

    /// A client's certificate with this common name.
    #[must_use]
    pub fn client_cert(&self, name: &str) -> Pair {
        self.issue(name, &[], ExtendedKeyUsagePurpose::ClientAuth, Validity::Current)
    }

    /// A server's certificate for this machine that is not valid now, or is.
    #[must_use]
    pub fn server_cert_valid(&self, validity: Validity) -> Pair {
        self.issue("server", &LOOPBACK, ExtendedKeyUsagePurpose::ServerAuth, validity)
    }

    /// A client's certificate that is not valid now, or is.
    #[must_use]
    pub fn client_cert_valid(&self, name: &str, validity: Validity) -> Pair {
        self.issue(name, &[], ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    fn issue(
        &self,
        name: &str,
        alternatives: &[&str],
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Pair {
        let mut params = params(name, alternatives, validity);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

fn params(name: &str, alternatives: &[&str], validity: Validity) -> CertificateParams {
    let alternatives: Vec<String> = alternatives.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let (from, until) = match validity {
        Validity::Current => (2020, 2120),
        Validity::Expired => (2020, 2021),
        Validity::Future => (2110, 2120),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

impl Builder {
    /// A TLS listener with a certificate for this machine from a new authority, [`Server::ca_file`]. It asks for a
    /// client certificate and does not insist.
    #[must_use]
    pub fn tls(self) -> Self {
        let ca = Ca::new();
        let pair = ca.server_cert(&LOOPBACK);
        self.tls_with(&ca, &pair)
    }

    /// A TLS listener with this certificate.
    #[must_use]
    pub fn tls_with(self, ca: &Ca, pair: &Pair) -> Self {
        self.tls_files(ca.pem(), &pair.certificate, &pair.key)
    }
}

impl Server {
    /// Gives the TLS listener another certificate, which new connections get within moments.
    ///
    /// # Panics
    /// The server does not run, or was built without TLS.
    pub fn replace_certificate(&mut self, ca: &Ca, pair: &Pair) {
        self.replace_tls_files(ca.pem(), &pair.certificate, &pair.key);
    }
}
