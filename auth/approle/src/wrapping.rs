//! A secret id in a wrapping token: looked up, checked where it was made, then unwrapped exactly once.
//!
//! Any call but `sys/wrapping/lookup` burns a wrapping token, a denied one too, and a token that is spent already
//! may have been opened by somebody else. So nothing here is ever repeated, and a foreign token is not touched.

use std::sync::{MutexGuard, PoisonError};

use strongroom_core::{Error, ErrorKind, LoginCall, LoginServer, Secret, escaped};

use crate::AppRoleAuth;

impl AppRoleAuth {
    /// The secret id in the wrapping token `token`.
    pub(crate) async fn unwrap(&self, server: &dyn LoginServer, token: Secret) -> Result<Secret, Error> {
        if let Some(secret_id) = self.opened(&token) {
            return Ok(secret_id);
        }
        self.look_up(server, &token).await?;
        let call = LoginCall::new("sys/wrapping/unwrap").token(&token).never_repeat();
        let lost = "unwrapping failed, and the secret id in it is lost";
        let answer = server.call(call).await.map_err(|error| burnt(&error, lost))?;
        let secret_id = answer.text("/data/secret_id").filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidResponse, "the wrapping token held no secret id and is spent now")
        })?;
        *self.lock() = Some((token, secret_id.clone()));
        Ok(secret_id)
    }

    /// Checks that `token` is alive and was made for a secret id of this mount, and of this role where it is named.
    pub(crate) async fn look_up(&self, server: &dyn LoginServer, token: &Secret) -> Result<(), Error> {
        let call = LoginCall::new("sys/wrapping/lookup").field("token", token.as_str()?);
        let answer = server.call(call).await.map_err(|error| match error.status() {
            Some(400 | 403 | 404) => {
                burnt(&error, "it is spent, expired or never existed; somebody else may have opened it")
            }
            _ => error,
        })?;
        let path = answer.text("/data/creation_path");
        let path = path.as_ref().and_then(|path| path.as_str().ok()).unwrap_or_default();
        let (mount, role) = (&self.mount, self.role_name.as_deref());
        if is_for(path, mount, role) {
            return Ok(());
        }
        let (path, role) = (escaped(path), role.unwrap_or("<role>"));
        let message = format!(
            "the wrapping token was made by `{path}`, not by `auth/{mount}/role/{role}/secret-id`: it is not opened, \
             and somebody may have put it there"
        );
        Err(Error::new(ErrorKind::Unauthenticated, message))
    }

    /// The secret id in `token`, where it was opened here before.
    pub(crate) fn opened(&self, token: &Secret) -> Option<Secret> {
        let opened = self.lock();
        let (opened, secret_id) = opened.as_ref()?;
        (opened.as_bytes() == token.as_bytes()).then(|| secret_id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Secret, Secret)>> {
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

fn burnt(error: &Error, what: &str) -> Error {
    let message = format!("the wrapping token cannot be used: {what}; a new one is needed");
    let made = Error::new(ErrorKind::Unauthenticated, message).with_source(error.clone());
    error.status().into_iter().fold(made, Error::with_status)
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
