//! A secret id in a wrapping token: looked up, checked where it was made, then unwrapped exactly once.
//!
//! Any call but `sys/wrapping/lookup` burns a wrapping token, a denied one too, and a token that is spent already
//! may have been opened by somebody else. So none is sent by two logins, and a foreign one is not touched.

use std::sync::{MutexGuard, PoisonError};

use strongroom_core::{Answer, Error, ErrorKind, LoginCall, LoginServer, Result, Secret, escaped};

use crate::AppRoleAuth;

impl AppRoleAuth {
    /// The secret id in the wrapping token `token`.
    pub(crate) async fn unwrap(&self, server: &dyn LoginServer, token: Secret) -> Result<Secret> {
        if let Some(secret_id) = self.look_up(server, &token).await? {
            return Ok(secret_id);
        }
        // Noted before it is sent: a login may be ended at any moment.
        let ended = Error::new(ErrorKind::Timeout, "the login ended before an answer came");
        *self.lock() = Some((token.clone(), Err(burnt(ended))));
        let call = LoginCall::new("sys/wrapping/unwrap").token(&token).never_repeat();
        let none = || Error::new(ErrorKind::InvalidResponse, "the answer holds none");
        let held = |body: Answer| body.text("/data/secret_id").filter(|id| !id.is_empty()).ok_or_else(none);
        let opened = server.call(call).await.and_then(held);
        let untouched = opened.as_ref().is_err_and(is_untouched);
        let opened = if untouched { opened } else { opened.map_err(burnt) };
        *self.lock() = (!untouched).then(|| (token, opened.clone()));
        opened
    }

    /// Checks that `token` is alive and for this mount and role. Of one that was sent before it gives what came of it.
    pub(crate) async fn look_up(&self, server: &dyn LoginServer, token: &Secret) -> Result<Option<Secret>> {
        let sent = self.lock().clone().filter(|(sent, _)| sent.as_bytes() == token.as_bytes());
        if let Some((_, opened)) = sent {
            return opened.map(Some);
        }
        let call = LoginCall::new("sys/wrapping/lookup").field("token", token.as_str()?);
        let answer = server.call(call).await;
        let answer = answer.map_err(|error| if is_refusal(&error) { burnt(error) } else { error })?;
        let path = answer.text("/data/creation_path");
        let path = path.as_ref().and_then(|path| path.as_str().ok()).unwrap_or_default();
        let (mount, role) = (&self.mount, self.role_name.as_deref());
        if is_for(path, mount, role) {
            return Ok(None);
        }
        let (path, role) = (escaped(path), role.unwrap_or("<role>"));
        let message = format!(
            "the wrapping token was made by `{path}`, not by `auth/{mount}/role/{role}/secret-id`: it is not opened, \
             and somebody may have put it there"
        );
        Err(Error::new(ErrorKind::Unauthenticated, message))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Secret, Result<Secret>)>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `path` makes secret ids of `mount`: exactly one segment for the role, which the server lower-cases.
fn is_for(path: &str, mount: &str, role_name: Option<&str>) -> bool {
    let role = path.strip_prefix("auth/").and_then(|path| path.strip_prefix(mount)?.strip_prefix("/role/"));
    let Some((role, made)) = role.and_then(|rest| rest.split_once('/')) else { return false };
    let named = role_name.is_none_or(|name| name.to_lowercase() == role.to_lowercase());
    matches!(made, "secret-id" | "custom-secret-id") && !role.is_empty() && named
}

/// Whether the token was certainly not touched.
fn is_untouched(error: &Error) -> bool {
    error.is_unsent()
        || matches!(error.kind(), ErrorKind::InvalidConfig | ErrorKind::Sealed | ErrorKind::RateLimited)
        || matches!(error.status(), Some(307 | 472 | 473))
}

/// Whether the vault itself does not take the token.
fn is_refusal(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 403 | 404)) && !error.is_retryable()
}

fn burnt(error: Error) -> Error {
    let lost = format!("it was sent to be unwrapped and no secret id came back, which may be lost ({error})");
    let spent = "it is spent, expired or unknown; somebody else may have opened it";
    let what = if is_refusal(&error) { spent } else { &lost };
    let message = format!("the wrapping token cannot be used: {what}; a new one is needed");
    error.with_kind(ErrorKind::Unauthenticated).lasting().context(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_creation_path_is_exact() {
        for good in ["auth/approle/role/web/secret-id", "auth/approle/role/web/custom-secret-id"] {
            assert!(is_for(good, "approle", None), "{good}");
            assert!(is_for(good, "approle", Some("WEB")), "{good}");
            assert!(!is_for(good, "approle", Some("db")), "{good}");
            assert!(!is_for(good, "other", None), "{good}");
        }
        for bad in [
            "",
            "sys/wrapping/wrap",
            "auth/approle/role//secret-id",
            "auth/approle/role/a/b/secret-id",
            "auth/approle/role/web/secret-id/x",
            "auth/approle/role/web/secret-id/",
            "auth/approle/role/web/secret-id-accessor",
            "auth/approle2/role/web/secret-id",
            "/auth/approle/role/web/secret-id",
            "ns/auth/approle/role/web/secret-id",
        ] {
            assert!(!is_for(bad, "approle", None), "{bad}");
        }
        assert!(is_for("auth/team/approle/role/web/secret-id", "team/approle", None));
    }
}
