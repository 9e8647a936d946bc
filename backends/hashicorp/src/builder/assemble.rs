//! From settings to a vault: what is checked, and how the parts go together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::pki_types::ServerName;
use strongroom_core::Vault;
use tokio::sync::Semaphore;

use super::HashicorpVaultBuilder;
use crate::login::Desk;
use crate::mount::{self, Sight};
use crate::path;
use crate::retry::Budget;
use crate::session::{Key, Session};
use crate::transport::Address;
use crate::transport::{Limits, Transport};
use crate::transport::{Trust, roots};
use crate::vault::HashicorpVault;
use crate::versions::Listing;

/// A setting that cannot be used: the field's name as configuration writes it, and why, without its value.
pub(crate) struct Wrong(pub(crate) &'static str, pub(crate) String);

impl HashicorpVaultBuilder {
    pub(crate) fn assemble(self) -> Result<Vault, Wrong> {
        let limits = self.limits()?;
        let addresses = self.parsed_addresses()?;
        let server_name = self.server_name(&addresses)?;
        let trust = self.trust()?;
        let mount = self.mount.trim_matches('/').to_owned();
        if path::check(&mount).is_err() {
            let what = "expected a mount path such as `secret` or `team/kv`, without empty or dot segments";
            return Err(Wrong("mount", what.into()));
        }
        mount::check(&mount).map_err(|what| Wrong("mount", what.into()))?;
        let namespace = namespace("namespace", self.namespace.as_deref())?;
        let auth_namespace = namespace_or("auth_namespace", self.auth_namespace.as_deref(), &namespace)?;
        let method = self.auth.ok_or_else(|| Wrong("auth", "no login is set, such as a token".into()))?;
        let key = Key {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            namespace: auth_namespace.clone(),
            trust: trust.clone(),
            server_name: server_name.clone(),
            identity: method.identity(),
        };
        let transport = Arc::new(Transport::new(addresses, trust, server_name, limits, self.retries));
        let desk = Arc::new(Desk::new(transport.clone(), auth_namespace));
        let session = self.sessions.join(key, || Session::new(method, desk.clone()));
        let vault = HashicorpVault {
            transport,
            session,
            desk,
            mount,
            kv: self.kv,
            namespace,
            budget: Budget { retries: self.retries, total: self.total_timeout },
            sight: Sight::default(),
            poll: self.poll,
            listing: Listing::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Vault::new(vault).with_policy(self.policy))
    }

    fn limits(&self) -> Result<Limits, Wrong> {
        for (field, timeout) in [
            ("connect_timeout", self.connect_timeout),
            ("request_timeout", self.request_timeout),
            ("total_timeout", self.total_timeout),
        ] {
            if timeout.is_zero() {
                return Err(Wrong(field, "expected more than 0 seconds".into()));
            }
        }
        for (field, number) in
            [("max_in_flight", self.max_in_flight), ("max_response_bytes", self.max_response_bytes)]
        {
            if number == 0 {
                return Err(Wrong(field, "expected at least 1".into()));
            }
        }
        Ok(Limits {
            connect_timeout: self.connect_timeout,
            request_timeout: self.request_timeout,
            max_in_flight: self.max_in_flight.min(Semaphore::MAX_PERMITS),
            max_response_bytes: self.max_response_bytes,
        })
    }

    fn parsed_addresses(&self) -> Result<Vec<Address>, Wrong> {
        let field = if self.addresses.len() == 1 { "address" } else { "addresses" };
        let parsed: Result<Vec<_>, _> = self.addresses.iter().map(|text| Address::parse(text)).collect();
        let parsed = parsed.map_err(|what| Wrong(field, what))?;
        if parsed.is_empty() {
            return Err(Wrong(field, "expected at least one address".into()));
        }
        if cfg!(not(unix)) && parsed.iter().any(|address| address.socket().is_some()) {
            return Err(Wrong(field, "this system has no unix sockets".into()));
        }
        Ok(parsed)
    }

    fn server_name(&self, addresses: &[Address]) -> Result<Option<String>, Wrong> {
        let Some(name) = &self.tls_server_name else { return Ok(None) };
        let wrong = |what: &str| Wrong("tls_server_name", what.into());
        if !addresses.iter().all(Address::is_encrypted) {
            return Err(wrong("is of use with https addresses only"));
        }
        match ServerName::try_from(name.as_str()) {
            Ok(ServerName::DnsName(name)) => Ok(Some(name.as_ref().to_ascii_lowercase())),
            _ => Err(wrong("expected a host name, not an IP address")),
        }
    }

    fn trust(&self) -> Result<Trust, Wrong> {
        let trust = match (&self.ca_cert, &self.ca_cert_file) {
            (Some(_), Some(_)) => {
                return Err(Wrong("ca_cert_file", "cannot stand beside `ca_cert`: set one of them".into()));
            }
            (Some(pem), None) => {
                roots(pem, "it").map_err(|error| Wrong("ca_cert", error.to_string()))?;
                Trust::Only(pem.clone())
            }
            (None, Some(path)) => Trust::OnlyFile(path.clone()),
            (None, None) => Trust::System,
        };
        Ok(if self.ssl_verify { trust } else { Trust::Everybody })
    }
}

/// A namespace without the slashes at its ends; the empty one is the root.
fn namespace(field: &'static str, text: Option<&str>) -> Result<Option<String>, Wrong> {
    let name = text.unwrap_or_default().trim_matches('/');
    if name.contains(char::is_control) {
        return Err(Wrong(field, "expected a namespace such as `team`, without control characters".into()));
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

/// What is set, be it the root, or else `other`.
fn namespace_or(
    field: &'static str,
    text: Option<&str>,
    other: &Option<String>,
) -> Result<Option<String>, Wrong> {
    if text.is_none() { Ok(other.clone()) } else { namespace(field, text) }
}
