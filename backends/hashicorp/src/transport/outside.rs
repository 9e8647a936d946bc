//! A form that a login posts to somebody else than the vault, such as an identity provider.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{self, HeaderValue};
use reqwest::{Client, Url};
use strongroom_core::{Answer, Error, ErrorKind, OutsideCall};
use zeroize::Zeroizing;

use super::Limits;
use super::address::{Address, is_loopback};
use super::body::{self, Cap};
use super::fault::Fault;
use super::request::AGENT;
use super::tls::{self, Trust};
use crate::path::encode;
use crate::quote::{credentials, quote};

/// Makes the call, as [`Transport::outside`](super::Transport::outside) promises.
pub(super) async fn call(call: &OutsideCall<'_>, limits: &Limits) -> Result<Answer, Error> {
    let url = outside_url(call.url)?;
    // What follows the host is the caller's, and nothing here needs it.
    let address = Address::parse(&url.origin().ascii_serialization()).map_err(|what| refused(&what))?;
    let limit = limits.request_timeout;
    let exchange = post(url, call, &address, limits.connect_timeout, limits.max_response_bytes);
    match tokio::time::timeout(limit, exchange).await {
        Ok(result) => result.map_err(|fault| fault.error),
        Err(_) => Err(Fault::timeout(&address, limit).error),
    }
}

/// Nothing is followed, remembered, decompressed, repeated or sent through a proxy, whatever features the embedding
/// program has turned on.
fn client(trust: &Trust, connect_timeout: Duration) -> Result<Client, Error> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls::client_config(trust, None)?)
        .user_agent(AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_only()
        .connect_timeout(connect_timeout);
    client.build().map_err(|_| Error::new(ErrorKind::Internal, "the HTTP client could not be built"))
}

/// Posts a form. The client lives for this call alone: nothing is shared with the vault's connections.
async fn post(
    url: Url,
    call: &OutsideCall<'_>,
    address: &Address,
    connect_timeout: Duration,
    max_bytes: usize,
) -> Result<Answer, Fault> {
    let trust = match call.ca_pem {
        _ if !address.is_encrypted() => Trust::Nobody,
        Some(pem) => Trust::Only(pem.into()),
        None => Trust::System,
    };
    let client = client(&trust, connect_timeout).map_err(Fault::sent)?;
    let network = |error: reqwest::Error| Fault::network(&error, address, connect_timeout);
    let response = client
        .post(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .body(form(&call.form))
        .send()
        .await
        .map_err(network)?;
    let status = response.status();
    let body =
        body::read(response.into(), Cap { bytes: max_bytes, whole: status.is_success() }, network).await?;
    if status.is_success() {
        return Answer::new(status.as_u16(), body).map_err(Fault::sent);
    }
    let said = Answer::new(status.as_u16(), body).ok();
    let said = |pointer| said.as_ref().and_then(|answer| answer.text(pointer));
    let said = [said("/error"), said("/error_description")];
    let texts = said.iter().flatten().filter_map(|text| text.as_str().ok());
    let quoted = quote(texts, &credentials(&call.form));
    let colon = if quoted.is_empty() { "" } else { ": " };
    let message = format!("{} refused (HTTP {}{colon}{quoted})", address.peer(), status.as_u16());
    let error = match status.as_u16() {
        408 | 500.. => Error::new(ErrorKind::Unavailable, message).transient(),
        429 => Error::new(ErrorKind::RateLimited, message).transient(),
        300..400 => Error::new(ErrorKind::InvalidResponse, message).note("redirects are not followed"),
        _ => Error::new(ErrorKind::Unauthenticated, message),
    };
    Err(Fault::sent(error.with_status(status.as_u16())))
}

fn outside_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|_| refused("expected a URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(refused("user info and fragments have no place in it"));
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(host) => Ok(url),
        _ => Err(refused("expected https, or http to a loopback address")),
    }
}

/// The endpoint is not quoted: a key may be part of it.
fn refused(what: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("the identity provider's address cannot be used: {what}"))
}

fn form(fields: &[(&str, &str)]) -> Bytes {
    let room = fields.iter().map(|(name, value)| 2 + 3 * (name.len() + value.len())).sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    for (at, (name, value)) in fields.iter().enumerate() {
        let value = Zeroizing::new(encode(value));
        for part in [if at > 0 { "&" } else { "" }, &encode(name), "=", &value] {
            body.extend_from_slice(part.as_bytes());
        }
    }
    Bytes::from_owner(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_once_and_shown_never() {
        let fields = [("grant_type", "client_credentials"), ("client_secret", "a b&c=d%+é")];
        let expected = "grant_type=client_credentials&client_secret=a%20b%26c%3Dd%25%2B%C3%A9";
        assert_eq!(form(&fields), expected);
        assert_eq!(credentials(&fields), ["a b&c=d%+é".as_bytes()]);
    }

    #[test]
    fn outside_is_encrypted_or_here() {
        for good in ["https://idp.example/token", "http://127.0.0.1:9/token", "http://localhost/t?x=y"] {
            assert!(outside_url(good).is_ok(), "{good}");
        }
        for bad in
            ["canary", "http://canary/token", "https://user:canary@idp/t", "https://idp/t#canary", "ftp://c"]
        {
            let error = outside_url(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
