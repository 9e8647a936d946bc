//! Doors for the fuzzer, which exist only in its builds and in tests: what a server says, handed to those who read it.

use std::time::SystemTime;

use strongroom_core::{Error, Secret};

use crate::kv::{Engine, engine_of_mount};
use crate::path::WirePath;
use crate::refusal::{Asked, accept};
use crate::transport::Response;

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
        let body = Secret::new(body);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed corpora, and what a few changes make of them: the fuzzer's own work, in small.
    fn each_of(corpus: &str, rounds: u32, mut try_it: impl FnMut(&[u8])) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
        let mut dice = fastrand::Rng::with_seed(7);
        for entry in std::fs::read_dir(folder).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            try_it(&seed);
            for _ in 0..rounds {
                let mut changed = seed.clone();
                for _ in 0..dice.usize(1..4) {
                    let at = dice.usize(..=changed.len());
                    match dice.u8(..4) {
                        0 => changed.insert(at, dice.u8(..)),
                        1 => changed.truncate(at),
                        2 if at < changed.len() => {
                            let special = b"\"{}[]:,\\0e- ";
                            changed[at] = special[dice.usize(..special.len())];
                        }
                        _ if at < changed.len() => changed[at] ^= 1 << dice.u8(..8),
                        _ => {}
                    }
                }
                try_it(&changed);
            }
        }
    }

    #[test]
    fn whatever_a_server_says_is_said_on_one_printable_line() {
        each_of("response", 200, |data| {
            let [high, low, body @ ..] = data else { return };
            let status = u16::from_be_bytes([*high, *low]);
            for said in answer(status, body).unwrap() {
                assert!(!said.contains(char::is_control) && !said.contains("canary"), "{said:?}");
            }
        });
    }

    #[test]
    fn whatever_a_retry_after_says_has_bounds() {
        each_of("retry_after", 2000, |data| retry_after(&String::from_utf8_lossy(data)));
    }
}
