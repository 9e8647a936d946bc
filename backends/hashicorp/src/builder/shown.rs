//! What is shown of settings that nobody has checked yet.

use std::fmt;

use super::HashicorpVaultBuilder;
use crate::transport::Address;

/// Shows an address only where it can be used: a password may be part of one that cannot.
impl fmt::Debug for HashicorpVaultBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &String| {
            Address::parse(text).map_or_else(|_| "<unusable>".to_owned(), |address| address.to_string())
        };
        f.debug_struct("HashicorpVaultBuilder")
            .field("addresses", &self.addresses.iter().map(shown).collect::<Vec<_>>())
            .field("mount", &self.mount)
            .field("kv", &self.kv)
            .field("namespace", &self.namespace)
            .field("auth_namespace", &self.auth_namespace)
            .field("auth", &self.auth)
            .field("ssl_verify", &self.ssl_verify)
            .field("ca_cert_file", &self.ca_cert_file)
            .field("tls_server_name", &self.tls_server_name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
