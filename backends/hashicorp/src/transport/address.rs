//! Where a server is: a URL without secrets in it, or a unix socket.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use reqwest::Url;
use strongroom_core::{Error, ErrorKind};

use crate::path;

/// The host of a server behind a socket, as the servers' own clients send it.
const SOCKET_HOST: &str = "localhost";

/// One address of a server. What it prints holds no secret, since user info is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp {
        encrypted: bool,
        /// As a URL writes it: lower case, IPv6 in brackets.
        host: String,
        port: u16,
        /// What stands before `/v1`: empty, or `/a/b`.
        base: String,
    },
    Unix(PathBuf),
}

impl Address {
    /// Reads `https://host[:port][/path]`, `http://...` or `unix:///path/to/socket`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without quoting it: a password may be part of it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err("expected a URL without white space, control characters and backslashes".into());
        }
        // The case of a scheme does not matter (RFC 3986, 3.1).
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let encrypted = match scheme.to_ascii_lowercase().as_str() {
            "unix" => {
                return match rest.strip_prefix('/') {
                    Some("") | None => Err("expected an absolute path: unix:///path/to/socket".into()),
                    Some(_) => Ok(Self::Unix(rest.into())),
                };
            }
            "https" => true,
            "http" => false,
            _ => return Err("expected a URL that begins with https://, http:// or unix://".into()),
        };
        if rest.contains(['?', '#']) {
            return Err("a query or fragment has no place in an address".into());
        }
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("user info has no place in an address".into());
        }
        let base = base.trim_end_matches('/');
        let segments = base.split('/').skip(1);
        if segments.into_iter().any(|segment| path::check(segment).is_err() || segment.contains('%')) {
            return Err("its path holds an empty or dot segment, or a percent sign".into());
        }
        Self::tcp(encrypted, authority, base)
    }

    /// Puts the fields `protocol`, `host` and `port` together.
    ///
    /// # Errors
    ///
    /// What is wrong with the host.
    pub(crate) fn from_parts(encrypted: bool, host: &str, port: u16) -> Result<Self, String> {
        if host.contains("://") {
            return Err("expected a host name without a scheme: set `protocol`, or use `address`".into());
        }
        if host.contains(['/', '?', '#', '@', '\\', '%'])
            || host.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err("expected a host name or an IP address".into());
        }
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let is_v6 = bare.parse::<std::net::Ipv6Addr>().is_ok();
        if !is_v6 && host.contains(':') {
            return Err("expected a host name without a port: set `port`".into());
        }
        let host = if is_v6 { format!("[{bare}]") } else { host.to_owned() };
        Self::tcp(encrypted, &format!("{host}:{port}"), "")
    }

    fn tcp(encrypted: bool, authority: &str, base: &str) -> Result<Self, String> {
        let scheme = if encrypted { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{authority}/"));
        let url = url.ok().filter(|url| url.path() == "/" && !authority.is_empty());
        let url = url.ok_or("expected a host name or IP address, and a port from 1 to 65535")?;
        let port = url.port_or_known_default().filter(|port| *port != 0);
        let (Some(host), Some(port)) = (url.host_str(), port) else {
            return Err("expected a host name or IP address, and a port from 1 to 65535".into());
        };
        let base = base.split('/').map(path::encode).collect::<Vec<_>>().join("/");
        Ok(Self::Tcp { encrypted, host: host.to_owned(), port, base })
    }

    /// Scheme, host and port, where connections to this address go.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where the host is none that can be sent.
    pub(crate) fn origin(&self) -> Result<Uri, Error> {
        let (scheme, authority) = match self {
            Self::Tcp { encrypted, .. } => (if *encrypted { "https" } else { "http" }, self.peer()),
            Self::Unix(_) => ("http", SOCKET_HOST.into()),
        };
        let origin = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
        origin.map_err(|_| unsendable())
    }

    /// What a request calls this address: the host, and the port unless it is the usual one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] where the host is none that can be sent.
    pub(crate) fn host_header(&self) -> Result<HeaderValue, Error> {
        let host = match self {
            Self::Tcp { encrypted: true, host, port: 443, .. }
            | Self::Tcp { encrypted: false, host, port: 80, .. } => host.clone(),
            Self::Tcp { .. } => self.peer(),
            Self::Unix(_) => SOCKET_HOST.into(),
        };
        HeaderValue::try_from(host).map_err(|_| unsendable())
    }

    /// What a request for a path below this address asks for.
    ///
    /// # Errors
    ///
    /// Where the URI type would send another path than the one asked for.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Result<Uri, String> {
        let base = match self {
            Self::Tcp { base, .. } => base.as_str(),
            Self::Unix(_) => "",
        };
        let mut whole =
            String::with_capacity(base.len() + path.len() + query.map_or(0, |query| query.len() + 1));
        whole.push_str(base);
        whole.push_str(path);
        let end = whole.len();
        if let Some(query) = query {
            whole.push('?');
            whole.push_str(query);
        }
        let length = whole.len();
        let target = PathAndQuery::from_maybe_shared(Bytes::from(whole)).ok();
        // Neither shortened, nor cut elsewhere than here.
        let target = target.filter(|target| target.as_str().len() == length && target.path().len() == end);
        target.map(Uri::from).ok_or_else(|| "the path cannot be sent as it is".to_owned())
    }

    /// Whether `location` is a URL with the scheme, host and port of this address. A host is compared as it is
    /// written: another way to write the same machine is another host.
    pub(crate) fn has_the_origin_of(&self, location: &str) -> bool {
        let (Self::Tcp { encrypted, host, port, .. }, Ok(url)) = (self, Url::parse(location)) else {
            return false;
        };
        let scheme = if *encrypted { "https" } else { "http" };
        let bare = url.username().is_empty() && url.password().is_none();
        bare && url.scheme() == scheme
            && url.host_str() == Some(host)
            && url.port_or_known_default() == Some(*port)
    }

    /// `host:port`, or the socket's path: what messages call the other side.
    pub(crate) fn peer(&self) -> String {
        match self {
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
            Self::Unix(path) => path.display().to_string(),
        }
    }

    /// The host as a URL writes it; none for a socket.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }

    pub(crate) fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp { .. } => None,
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tcp { encrypted: true, .. })
    }

    /// Whether nothing that is sent there leaves this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => is_loopback(host),
            Self::Unix(_) => true,
        }
    }
}

fn unsendable() -> Error {
    Error::new(ErrorKind::InvalidConfig, "the host cannot be sent as it is")
}

/// Whether a host, as a URL writes it, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { encrypted, host, port, base } => {
                let (scheme, usual) = if *encrypted { ("https", 443) } else { ("http", 80) };
                write!(f, "{scheme}://{host}")?;
                if *port != usual {
                    write!(f, ":{port}")?;
                }
                f.write_str(base)
            }
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_was_meant() {
        for (text, shown, peer) in [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200", "127.0.0.1:8200"),
            ("http://127.0.0.1:8200/", "http://127.0.0.1:8200", "127.0.0.1:8200"),
            ("https://Vault.Example", "https://vault.example", "vault.example:443"),
            ("HTTPS://Vault.Example", "https://vault.example", "vault.example:443"),
            ("Http://127.0.0.1:8200", "http://127.0.0.1:8200", "127.0.0.1:8200"),
            ("https://[::1]:8200", "https://[::1]:8200", "[::1]:8200"),
            ("https://lb.example/team/vault/", "https://lb.example/team/vault", "lb.example:443"),
            ("unix:///run/bao/p.sock", "unix:///run/bao/p.sock", "/run/bao/p.sock"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.peer().as_str()), (shown, peer), "{text}");
        }
    }

    #[test]
    fn what_does_not_belong_into_an_address_is_refused_unquoted() {
        for text in [
            "",
            "canary",
            "canary:8200",
            "ftp://canary",
            "http://",
            "http:///canary",
            "http://user:canary@host",
            "http://canary@host",
            "http://host/?canary",
            "http://host/#canary",
            "http://host/canary/../x",
            "http://host/canary//x",
            "http://host/canary%2e%2e",
            "http://host\\canary",
            "http://ho st/canary",
            "http://host\t/canary",
            "http://host:0/canary",
            "http://host:canary",
            "http://host:65536",
            "http://[::1/canary",
            "unix://canary",
            "unix:///",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(!error.contains("canary"), "{text}: {error}");
        }
    }

    #[test]
    fn a_host_has_neither_scheme_nor_port() {
        let shown = |host: &str| Address::from_parts(true, host, 8200).map(|address| address.to_string());
        assert_eq!(shown("vault.example").unwrap(), "https://vault.example:8200");
        assert_eq!(shown("::1").unwrap(), "https://[::1]:8200");
        assert_eq!(shown("[2001:db8::1]").unwrap(), "https://[2001:db8::1]:8200");
        assert!(shown("http://vault").unwrap_err().contains("`protocol`"));
        assert!(shown("vault:8200").unwrap_err().contains("`port`"));
        for bad in ["", "a b", "vault/path", "user@vault", "a\nb", "[::1]:8200", "a%20b"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_is_the_path_that_was_asked_for() {
        let address = Address::parse("https://lb.example:8200/team").unwrap();
        let shown = |path, query| address.target(path, query).map(|uri| uri.to_string());
        let whole = "/team/v1/secret/data/a%2Fb?version=2";
        assert_eq!(shown("/v1/secret/data/a%2Fb", Some("version=2")).unwrap(), whole);
        // Nothing is collapsed on the way: what asks for that has no path made of it.
        for path in ["/v1/../x", "/v1/%2e%2e/x", "/v1/./x"] {
            assert_eq!(shown(path, None).unwrap(), format!("/team{path}"));
        }
        for path in ["/v1/a b", "/v1/a?b", "/v1/a#b", "/v1/a\tb", "/v1/a\0b"] {
            assert!(shown(path, None).is_err(), "{path}");
        }
        assert!(shown("/v1/a", Some("b#c")).is_err());
        let socket = Address::parse("unix:///run/x").unwrap();
        assert_eq!(socket.target("/v1/x", None).unwrap(), "/v1/x");
    }

    #[test]
    fn a_request_names_the_host_and_an_unusual_port() {
        for (address, host) in [
            ("https://lb.example/team", "lb.example"),
            ("https://lb.example:8200", "lb.example:8200"),
            ("http://lb.example:443", "lb.example:443"),
            ("http://127.0.0.1:80", "127.0.0.1"),
            ("https://[::1]:8200", "[::1]:8200"),
            ("unix:///run/x", "localhost"),
        ] {
            assert_eq!(Address::parse(address).unwrap().host_header().unwrap(), host);
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let address = Address::parse("https://127.0.0.1:8200/team").unwrap();
        for same in [
            "https://127.0.0.1:8200",
            "https://127.0.0.1:8200/v1/secret/data/x?version=2",
            "HTTPS://127.1:8200/",
        ] {
            assert!(address.has_the_origin_of(same), "{same}");
        }
        for other in [
            "",
            "/v1/secret/data/x",
            "//127.0.0.1:8200/v1/x",
            "http://127.0.0.1:8200/v1/x",
            "https://127.0.0.1/v1/x",
            "https://127.0.0.1:8201/v1/x",
            "https://127.0.0.2:8200/v1/x",
            "https://[::ffff:127.0.0.1]:8200/v1/x",
            "https://localhost:8200/v1/x",
            "https://user@127.0.0.1:8200/v1/x",
            "https://:secret@127.0.0.1:8200/v1/x",
            "https://127.0.0.1:8200@evil.example/v1/x",
            "https://127.0.0.1:8200.evil.example/v1/x",
            "unix:///run/x",
        ] {
            assert!(!address.has_the_origin_of(other), "{other}");
        }
        assert!(
            Address::parse("https://vault.example").unwrap().has_the_origin_of("https://Vault.Example:443/x")
        );
        assert!(!Address::parse("unix:///run/x").unwrap().has_the_origin_of("http://localhost/v1/x"));
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        for here in ["http://127.0.0.1", "http://127.1.2.3:1", "http://[::1]", "http://[::ffff:127.0.0.1]"] {
            assert!(Address::parse(here).unwrap().is_loopback(), "{here}");
        }
        assert!(Address::parse("http://localhost:8200").unwrap().is_loopback());
        assert!(Address::parse("unix:///x").unwrap().is_loopback());
        for there in ["http://10.0.0.1", "http://localhost.example", "http://[::2]", "http://vault"] {
            assert!(!Address::parse(there).unwrap().is_loopback(), "{there}");
        }
    }
}
