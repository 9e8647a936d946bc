use std::sync::Mutex;

use strongroom_core::{Answer, OutsideCall};

use super::*;

/// Answers one way and keeps the bodies it was sent.
#[derive(Debug)]
struct Server {
    status: u16,
    bodies: Mutex<Vec<String>>,
}

#[async_trait]
impl LoginServer for Server {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        assert_eq!(call.path, "auth/clusters/eu/login");
        self.bodies.lock().unwrap().push(String::from_utf8(call.body().as_bytes().to_vec()).unwrap());
        match self.status {
            200 => Answer::new(200, br#"{"auth":{"client_token":"t"}}"#.to_vec().into()),
            status => Err(Error::new(ErrorKind::PermissionDenied, "permission denied").with_status(status)),
        }
    }
    async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
        panic!("nobody else is asked")
    }
    fn is_encrypted(&self) -> bool {
        true
    }
}

const LIVE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTk5fQ.c2ln";
const EXPIRED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjEwMDB9.c2ln";

async fn login(token: &str, status: u16) -> (Result<Grant, Error>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, token).unwrap();
    let server = Server { status, bodies: Mutex::default() };
    let grant = KubernetesAuth::new("my-role").mount("/clusters/eu/").token_file(path).login(&server).await;
    (grant, server.bodies.into_inner().unwrap())
}

#[tokio::test]
async fn role_and_token_are_sent() {
    let (grant, bodies) = login(&format!("{LIVE}\n"), 200).await;
    assert_eq!(grant.unwrap().token.unwrap().as_bytes(), b"t");
    assert_eq!(bodies, [format!(r#"{{"role":"my-role","jwt":"{LIVE}"}}"#)]);
}

#[tokio::test]
async fn what_would_fail_is_refused_by_name_and_never_sent() {
    for (token, fault) in [(EXPIRED, "has expired"), ("hunter2", "not shaped like a JWT"), ("", "is empty")] {
        let (grant, bodies) = login(token, 200).await;
        let error = grant.unwrap_err().to_string();
        assert!(error.contains("/token`: the service account token ") && error.contains(fault), "{error}");
        assert!(bodies.is_empty() && !error.contains("hunter2"));
    }
}

#[tokio::test]
async fn a_bare_denial_may_pass() {
    let error = login(LIVE, 403).await.0.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("a cluster that the server cannot reach"),
        "{error}"
    );
    assert!(!login(LIVE, 400).await.0.unwrap_err().is_retryable());
}
