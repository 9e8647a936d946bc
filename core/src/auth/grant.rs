//! What a login gets: an answer, and the token in it.

use std::fmt;
use std::time::Duration;

use crate::json::Json;
use crate::{ClientIdentity, Error, ErrorKind, Secret};

/// A successful answer: JSON that is wiped on drop and never shown.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    body: Secret,
}

impl Answer {
    /// An answer with this status and body. An empty body stands for an empty object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the body is no strict JSON; the message holds no part of it.
    pub fn new(status: u16, body: Secret) -> Result<Self, Error> {
        let invalid = |what: &dyn fmt::Display| {
            let message = format!("the answer is {what} (HTTP {status})");
            Error::new(ErrorKind::InvalidResponse, message).with_status(status)
        };
        let body = if body.is_empty() { Secret::from("{}") } else { body };
        let text = body.as_str().map_err(|_| invalid(&"not UTF-8 text").transient())?;
        Json::parse(text).map_err(|fault| {
            let error = invalid(&fault);
            if fault.passes() { error.transient() } else { error }
        })?;
        Ok(Self { status, body })
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The string at an RFC 6901 pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<Secret> {
        match self.at(pointer)? {
            Json::String(raw) => raw.decode(),
            _ => None,
        }
    }

    /// The whole number at a pointer, if it is not negative and fits.
    #[must_use]
    pub fn number(&self, pointer: &str) -> Option<u64> {
        match self.at(pointer)? {
            Json::Number(literal) => literal.parse().ok(),
            _ => None,
        }
    }

    /// The number of seconds at a pointer: none where it is zero or no whole number, and ten years at most, so that
    /// nobody who adds it to a time runs out of times.
    #[must_use]
    pub fn seconds(&self, pointer: &str) -> Option<Duration> {
        const TEN_YEARS: u64 = 10 * 365 * 24 * 3600;
        self.number(pointer).filter(|seconds| *seconds > 0).map(|s| Duration::from_secs(s.min(TEN_YEARS)))
    }

    /// The boolean at a pointer.
    #[must_use]
    pub fn flag(&self, pointer: &str) -> Option<bool> {
        match self.at(pointer)? {
            Json::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    fn at(&self, pointer: &str) -> Option<Json<'_>> {
        Json::parse(self.body.as_str().ok()?).ok()?.pointer(pointer)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Who made a token, and so who may revoke it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A login of ours: it is revoked when its session ends.
    Minted,
    /// The user's configuration: never revoked by us.
    Supplied,
    /// Nobody: requests carry no token, a local proxy adds one.
    Absent,
}

/// What a login obtained.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The token to send; none with [`Origin::Absent`].
    pub token: Option<Secret>,
    /// Who made the token.
    pub origin: Origin,
    /// How long it lives from now; none where it does not end or that is not known.
    pub lease: Option<Duration>,
    /// Whether the server would renew it.
    pub renewable: bool,
    /// How many more requests it is good for; none for any number.
    pub uses: Option<u64>,
    /// Whether it is a batch token, which can be neither renewed nor revoked.
    pub batch: bool,
    /// The client certificate that renewals have to come with.
    pub identity: Option<ClientIdentity>,
}

impl Grant {
    /// A token from the user's configuration.
    #[must_use]
    pub fn supplied(token: Secret) -> Self {
        Self { token: Some(token), origin: Origin::Supplied, ..Self::absent() }
    }

    /// No token: somebody on the way adds one.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            token: None,
            origin: Origin::Absent,
            lease: None,
            renewable: false,
            uses: None,
            batch: false,
            identity: None,
        }
    }

    /// The token that a login endpoint of the vault answered with.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidResponse`] where the answer holds no token, as with a login that wants a second
    /// factor.
    pub fn from_answer(answer: &Answer) -> Result<Self, Error> {
        let token = answer.text("/auth/client_token").filter(|token| !token.is_empty()).ok_or_else(|| {
            let message = format!("the login answer holds no client token (HTTP {})", answer.status);
            let error = Error::new(ErrorKind::InvalidResponse, message).with_status(answer.status);
            match answer.at("/auth/mfa_requirement") {
                Some(Json::Object(_)) => {
                    error.note("the server asks for a second factor, which no proxy can give")
                }
                _ => error,
            }
        })?;
        Ok(Self {
            token: Some(token),
            origin: Origin::Minted,
            lease: answer.seconds("/auth/lease_duration"),
            renewable: answer.flag("/auth/renewable").unwrap_or(false),
            uses: answer.number("/auth/num_uses").filter(|uses| *uses > 0),
            batch: answer.text("/auth/token_type").is_some_and(|kind| kind.as_bytes() == b"batch"),
            identity: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer::new(200, body.into()).unwrap()
    }

    #[test]
    fn a_grant_takes_what_the_server_says_of_the_token() {
        let grant = Grant::from_answer(&answer(
            r#"{"auth":{"client_token":"hvs.canary","lease_duration":3600,"renewable":true,"num_uses":0,"token_type":"service"}}"#,
        ))
        .unwrap();
        assert_eq!(grant.token.as_ref().unwrap().as_bytes(), b"hvs.canary");
        assert_eq!((grant.lease, grant.renewable, grant.uses), (Some(Duration::from_secs(3600)), true, None));
        assert!(!format!("{grant:?}").contains("canary"));
    }

    #[test]
    fn numbers_of_an_answer_are_what_they_say() {
        for (number, seconds) in [
            ("3600", Some(3600)),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("1e3", None),
            ("\"60\"", None),
            ("null", None),
            ("[60]", None),
            ("9223372036854775808", Some(315_360_000)),
            ("18446744073709551615", Some(315_360_000)),
            ("99999999999999999999999", None),
        ] {
            let body = format!(r#"{{"auth":{{"client_token":"t","lease_duration":{number}}}}}"#);
            let grant = Grant::from_answer(&answer(&body)).unwrap();
            assert_eq!(grant.lease.map(|lease| lease.as_secs()), seconds, "{number}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_answer_names_its_status() {
        let wrong = |body: &[u8]| Answer::new(200, Secret::new(body)).unwrap_err();
        for (body, said) in [
            (b"{".as_slice(), "the answer is not valid JSON (HTTP 200)"),
            (b"\xff", "the answer is not UTF-8 text (HTTP 200)"),
            (b"{\"a\":1,\"a\":2}", "the answer is a JSON object that names a member twice (HTTP 200)"),
        ] {
            let error = wrong(body);
            assert_eq!((error.to_string().as_str(), error.status()), (said, Some(200)));
            assert!(error.is_retryable(), "{error}");
        }
        let deep = wrong(format!("{}{}", "[".repeat(65), "]".repeat(65)).as_bytes());
        assert!(!deep.is_retryable() && deep.to_string().ends_with("64 levels (HTTP 200)"), "{deep}");
    }

    #[test]
    fn an_answer_without_a_token_is_no_grant() {
        for body in
            ["{}", r#"{"auth":null}"#, r#"{"auth":{"client_token":""}}"#, r#"{"auth":{"client_token":7}}"#]
        {
            let error = Grant::from_answer(&answer(body)).unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidResponse, Some(200)), "{body}");
            assert_eq!(error.to_string(), "the login answer holds no client token (HTTP 200)");
        }
        let mfa = Grant::from_answer(&answer(r#"{"auth":{"client_token":"","mfa_requirement":{"x":1}}}"#));
        assert!(mfa.unwrap_err().to_string().contains("second factor"));
    }
}
