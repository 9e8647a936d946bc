//! Doors for the fuzzer, which exist only in its builds: what a server says, handed to those who read it.

use std::time::SystemTime;

use strongroom_core::Error;

use crate::kv::{Engine, engine_of_mount};
use crate::path::WirePath;
use crate::refusal::{Asked, accept};
use crate::transport::Response;
use zeroize::Zeroizing;

/// Reads an answer to every kind of question and gives all that is said about it.
///
/// # Errors
///
/// The path cannot be made, which would be a defect here.
pub fn answer(status: u16, body: &[u8]) -> Result<Vec<String>, Error> {
    let path = WirePath::api("secret/data/a/b")?;
    let secret = Asked::Secret { mount: "secret", resource: "a/b" };
    let mut said = Vec::new();
    for asked in [secret, Asked::Mount("secret"), Asked::Login, Asked::Token] {
        let body = Zeroizing::new(body.to_vec());
        let response = Response { status, body, retry_after: None, location: None };
        if let Err(refusal) = accept(response, asked, &path, &[b"canary"]) {
            said.push(format!("{:?}", refusal.error));
        }
    }
    for engine in [Engine::V1, Engine::V2] {
        match engine.document(body, "a/b", None) {
            Ok(document) => drop(document.get("n")),
            Err(error) => said.push(format!("{error:?}")),
        }
    }
    said.extend(engine_of_mount(body).err().map(|error| format!("{error:?}")));
    Ok(said)
}

/// Reads a `Retry-After`, and has the breaker live by it.
pub fn retry_after(text: &str) {
    let wait = crate::retry::parse_after(text, SystemTime::now());
    let breaker = crate::breaker::Breaker::new(3);
    breaker.told_to_wait(wait, &Error::new(strongroom_core::ErrorKind::RateLimited, "slow down"));
    assert!(wait.is_none() || breaker.admit().is_err(), "nobody is asked at once again");
}
