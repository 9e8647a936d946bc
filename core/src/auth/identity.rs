//! What tells one login from another, and the certificate that some come with.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// Everything that makes a login what it is: method, mount, role, where the credential comes from.
///
/// Compared as a whole; wiped on drop; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(Zeroizing<Vec<u8>>);

impl Identity {
    /// The identity of the login `method` with these parts, in a fixed order of the method's own.
    #[must_use]
    pub fn new(method: &str, parts: &[&[u8]]) -> Self {
        let all = || std::iter::once(method.as_bytes()).chain(parts.iter().copied());
        let mut bytes = Zeroizing::new(Vec::with_capacity(all().map(|part| 8 + part.len()).sum()));
        for part in all() {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        Self(bytes)
    }
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(<redacted>)")
    }
}

/// A client certificate with its key, as a value: connections are pooled by it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl ClientIdentity {
    /// A certificate chain and its private key, both as PEM.
    #[must_use]
    pub fn from_pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: chain.into(), key: Zeroizing::new(key.into()) }
    }

    /// The certificate chain as PEM, leaf first.
    #[must_use]
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// The private key as PEM.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Hash for ClientIdentity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.chain.hash(state);
        self.key.as_slice().hash(state);
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_identity_do_not_run_into_each_other() {
        let identity = |parts: &[&str]| {
            Identity::new("m", &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
        };
        assert_ne!(identity(&["ab", "c"]), identity(&["a", "bc"]));
        assert_eq!(identity(&["a", "b"]), identity(&["a", "b"]));
        assert_ne!(Identity::new("m", &[]), Identity::new("n", &[]));
    }
}
