use std::sync::Mutex;

use strongroom_core::{Answer, OutsideCall};

use super::*;

const LIVE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTk5fQ.c2ln";
const EXPIRED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjEwMDB9.c2ln";

/// A vault and an identity provider that hands out one token.
#[derive(Debug)]
struct Server {
    token: &'static str,
    refuse: Option<u16>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl LoginServer for Server {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(format!(
            "{} {}",
            call.path,
            String::from_utf8_lossy(call.body().as_bytes())
        ));
        Answer::new(200, br#"{"auth":{"client_token":"t"}}"#.to_vec().into())
    }
    async fn outside(&self, call: OutsideCall<'_>) -> Result<Answer, Error> {
        let trusting = call.ca_pem.map(|pem| format!(" trusting {}", String::from_utf8_lossy(pem)));
        let trusting = trusting.unwrap_or_default();
        self.asked.lock().unwrap().push(format!("{} {:?}{trusting}", call.url, call.form));
        match self.refuse {
            Some(status) => Err(Error::new(ErrorKind::InvalidResponse, "no").with_status(status)),
            None => Answer::new(200, format!(r#"{{"access_token":"{}"}}"#, self.token).into_bytes().into()),
        }
    }
    fn is_encrypted(&self) -> bool {
        true
    }
}

fn server(token: &'static str) -> Server {
    Server { token, refuse: None, asked: Mutex::default() }
}

fn grant() -> OAuth2 {
    OAuth2::new("https://idp/token", "me", "canary").audiences(["a", "b"]).scopes(["x", "y"])
}

#[tokio::test]
async fn a_file_is_sent_to_the_vault_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwt");
    std::fs::write(&path, format!("{LIVE}\n")).unwrap();
    let server = server("");
    JwtAuth::new("r", JwtSource::file(&path)).mount("/corp/jwt/").login(&server).await.unwrap();
    assert_eq!(
        *server.asked.lock().unwrap(),
        [format!(r#"auth/corp/jwt/login {{"role":"r","jwt":"{LIVE}"}}"#)]
    );
    std::fs::write(&path, EXPIRED).unwrap();
    let error = JwtAuth::new("r", JwtSource::file(&path)).login(&server).await.unwrap_err();
    assert!(error.to_string().contains("/jwt`: the JWT has expired"), "{error}");
}

#[tokio::test]
async fn a_provider_is_asked_by_client_credentials() {
    let server = server(LIVE);
    JwtAuth::new("r", JwtSource::oauth2(grant())).login(&server).await.unwrap();
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(
        asked[0],
        r#"https://idp/token [("grant_type", "client_credentials"), ("client_id", "me"), ("client_secret", "canary"), ("scope", "x y"), ("audience", "a"), ("audience", "b")]"#
    );
    assert_eq!(asked[1], format!(r#"auth/jwt/login {{"role":"r","jwt":"{LIVE}"}}"#));
}

#[cfg(unix)]
#[tokio::test]
async fn the_providers_authorities_are_read_from_a_file_and_from_nothing_that_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (pipe, file, link) = (dir.path().join("pipe"), dir.path().join("file"), dir.path().join("link"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let server = server(LIVE);
    let login = async |path: &std::path::Path| {
        JwtAuth::new("r", JwtSource::oauth2(grant().ca_file(path))).login(&server).await
    };
    let error = login(&pipe).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the CA file `{}` cannot be read: it is not a regular file", pipe.display())
    );
    assert!(server.asked.lock().unwrap().is_empty());
    std::fs::write(&file, "PEM").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    login(&link).await.unwrap();
    assert!(server.asked.lock().unwrap()[0].ends_with(" trusting PEM"));
}

#[tokio::test]
async fn what_the_provider_gives_is_checked_before_it_is_sent_on() {
    for token in ["", "opaque-canary", EXPIRED] {
        let server = server(token);
        let error = JwtAuth::new("r", JwtSource::oauth2(grant())).login(&server).await.unwrap_err();
        assert!(
            error.to_string().contains("identity provider's") && !format!("{error:?}").contains("canary"),
            "{error:?}"
        );
        assert_eq!(server.asked.lock().unwrap().len(), 1, "nothing went to the vault");
    }
    let refusing = Server { refuse: Some(401), ..server("") };
    let error = JwtAuth::new("r", JwtSource::oauth2(grant())).login(&refusing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

#[test]
fn equal_logins_have_equal_identities_and_show_nothing() {
    let auth = |grant| JwtAuth::new("r", JwtSource::oauth2(grant));
    assert_eq!(auth(grant()).identity(), auth(grant()).identity());
    assert_ne!(auth(grant()).identity(), auth(grant().scopes(["x"])).identity());
    assert!(!format!("{:?}", auth(grant())).contains("canary"));
}

#[test]
fn a_key_in_the_address_of_an_identity_provider_is_not_shown() {
    let grant = OAuth2::new("https://idp/token?key=canary", "me", "canary");
    assert!(!format!("{grant:?}").contains("canary"));
}
