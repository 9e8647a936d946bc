//! From the text of two fields to a certificate and its key, or to why they are none. The errors of parsers are not
//! passed on: some quote what they stumbled over.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};

use super::CertificateFields;
use crate::{Document, Error, ErrorKind, escaped};

pub(super) fn parse(
    document: &Document,
    fields: &CertificateFields,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    let chain = document.get(&fields.certificate)?;
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| invalid(&fields.certificate, "is not PEM text"))?;
    if chain.is_empty() {
        return Err(invalid(&fields.certificate, "holds no certificate in PEM"));
    }
    let key = document.get(&fields.key)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| invalid(&fields.key, "holds no private key in PEM"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| invalid(&fields.key, "holds a private key that the crypto provider cannot use"))?;
    let pair = CertifiedKey::new(chain, key);
    match pair.keys_match() {
        // A key that does not tell its public half, in a hardware module for instance, is believed.
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(TlsError::InconsistentKeys(_)) => {
            Err(invalid(&fields.key, "does not belong to the certificate; write both in one go"))
        }
        Err(_) => Err(invalid(&fields.certificate, "holds a certificate that cannot be read")),
    }
}

fn invalid(field: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("the field `{}` {what}", escaped(field)))
}
