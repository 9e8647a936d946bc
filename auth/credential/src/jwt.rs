//! What can be told of a JWT without its key: its shape and when it ends.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_core::{Answer, Error, ErrorKind, Secret};

/// Refuses what is not shaped like a JWT, so that no other file of a pod is ever sent to a server by mistake,
/// and a JWT whose own `exp` has passed, so that the message says so instead of the server's bare denial.
///
/// # Errors
///
/// [`ErrorKind::Unauthenticated`]; the message names `what` and holds nothing of it.
pub fn check_jwt(what: &str, token: &Secret) -> Result<(), Error> {
    let refuse = |fault: String| Err(Error::new(ErrorKind::Unauthenticated, format!("the {what} {fault}")));
    let Some(expires) = expiry(token.as_bytes()) else {
        return refuse("is not shaped like a JWT, so it is not sent".into());
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match expires {
        Some(expires) if expires <= now => {
            refuse(format!("has expired {} s ago by its own `exp`", (now - expires).as_secs()))
        }
        _ => Ok(()),
    }
}

/// The time of `exp` since the epoch, if the token has one; none at all where it is not shaped like a JWT.
fn expiry(token: &[u8]) -> Option<Option<Duration>> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts.as_slice() else { return None };
    let alphabet =
        |part: &&[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    if header.is_empty() || signature.is_empty() || ![*header, *payload, *signature].iter().all(alphabet) {
        return None;
    }
    let object = |part: &[u8]| {
        let json = Secret::new(URL_SAFE_NO_PAD.decode(part).ok()?);
        json.as_bytes().starts_with(b"{").then(|| Answer::new(200, json).ok())?
    };
    object(header)?;
    Some(object(payload)?.number("/exp").map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> Secret {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Secret::from(format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(payload)))
    }

    fn check(token: &Secret) -> Result<(), String> {
        check_jwt("service account token", token).map_err(|error| error.to_string())
    }

    #[test]
    fn a_live_token_is_taken() {
        check(&token(r#"{"exp":99999999999}"#)).unwrap();
        check(&token(r#"{"sub":"x"}"#)).unwrap();
        check(&token(r#"{"exp":"soon"}"#)).unwrap();
    }

    #[test]
    fn an_expired_token_is_refused_by_name() {
        let error = check(&token(r#"{"exp":1000}"#)).unwrap_err();
        assert!(error.starts_with("the service account token has expired "), "{error}");
    }

    #[test]
    fn what_is_no_jwt_is_never_sent_nor_shown() {
        for text in [
            "canary",
            "a.b.c",
            "..",
            "canary.canary.canary",
            "e30.e30.",
            "e30.e30.x.y",
            "e30.e30.can ary",
            "e30.WzFd.x",
        ] {
            let error = check(&Secret::from(text)).unwrap_err();
            assert!(error.contains("not shaped like a JWT") && !error.contains("ary"), "{error}");
        }
    }
}
