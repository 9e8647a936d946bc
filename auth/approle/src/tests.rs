use std::sync::Mutex;

use strongroom_core::{Answer, OutsideCall, Replay};

use super::*;

/// Knows one wrapping token and keeps what it was asked.
#[derive(Debug, Default)]
struct Server {
    creation_path: &'static str,
    unwrap_status: u16,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl LoginServer for Server {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(call.path.to_owned());
        let body = String::from_utf8(call.body().as_bytes().to_vec()).unwrap();
        let refuse = |status: u16| Err(Error::new(ErrorKind::InvalidResponse, "refused").with_status(status));
        let json = match call.path {
            "sys/wrapping/lookup" => {
                assert!(call.token.is_none(), "a lookup with the token in its header would burn it");
                if body != r#"{"token":"wrap"}"# {
                    return refuse(400);
                }
                format!(r#"{{"data":{{"creation_path":"{}"}}}}"#, self.creation_path)
            }
            "sys/wrapping/unwrap" => {
                assert_eq!((call.token.unwrap().as_bytes(), call.replay), (&b"wrap"[..], Replay::Never));
                assert_eq!(body, "{}", "a token in header and body would lose the value");
                if self.unwrap_status != 200 {
                    return refuse(self.unwrap_status);
                }
                r#"{"data":{"secret_id":"s3"}}"#.into()
            }
            "auth/approle/login" if body == r#"{"role_id":"r","secret_id":"s3"}"# => {
                r#"{"auth":{"client_token":"t"}}"#.into()
            }
            _ => return refuse(400),
        };
        Answer::new(200, json.into_bytes().into())
    }
    async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
        panic!("nobody else is asked")
    }
    fn is_encrypted(&self) -> bool {
        true
    }
}

fn server(creation_path: &'static str) -> Server {
    Server { creation_path, unwrap_status: 200, ..Server::default() }
}

const MADE: &str = "auth/approle/role/web/secret-id";

#[tokio::test]
async fn a_plain_secret_id_logs_in() {
    let server = server(MADE);
    let grant = AppRoleAuth::new("r", "s3").login(&server).await.unwrap();
    assert_eq!(grant.token.unwrap().as_bytes(), b"t");
    let error = AppRoleAuth::new("r", "canary").login(&server).await.unwrap_err();
    assert!(
        error.to_string().contains("a new secret id is needed") && !format!("{error:?}").contains("canary")
    );
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_wrapping_token_is_looked_up_then_opened_once_for_many_logins() {
    let server = server(MADE);
    let auth = AppRoleAuth::new("r", "wrap").response_wrapping(true).role_name("Web");
    for _ in 0..2 {
        auth.login(&server).await.unwrap();
    }
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["sys/wrapping/lookup", "sys/wrapping/unwrap", "auth/approle/login", "auth/approle/login"]
    );
}

#[tokio::test]
async fn a_foreign_wrapping_token_is_not_opened() {
    let server = server("sys/wrapping/wrap");
    let auth = AppRoleAuth::new("r", "wrap").response_wrapping(true);
    let error = auth.login(&server).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("made by `sys/wrapping/wrap`, not by `auth/approle/role/<role>/secret-id`"),
        "{error}"
    );
    assert_eq!(*server.asked.lock().unwrap(), ["sys/wrapping/lookup"]);
}

#[tokio::test]
async fn a_spent_or_lost_token_says_what_it_may_mean() {
    let spent = AppRoleAuth::new("r", "gone").response_wrapping(true);
    let error = spent.login(&server(MADE)).await.unwrap_err();
    assert!(error.to_string().contains("somebody else may have opened it"), "{error}");
    let lost = AppRoleAuth::new("r", "wrap").response_wrapping(true);
    let error = lost.login(&Server { unwrap_status: 500, ..server(MADE) }).await.unwrap_err();
    assert!(error.to_string().contains("the secret id in it is lost") && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn an_examination_opens_nothing() {
    let server = server(MADE);
    let auth = AppRoleAuth::new("r", "wrap").response_wrapping(true);
    assert!(!auth.examine(&server).await.unwrap());
    assert_eq!(*server.asked.lock().unwrap(), ["sys/wrapping/lookup"]);
    assert!(AppRoleAuth::new("r", "s3").examine(&server).await.unwrap());
}

#[tokio::test]
async fn a_new_wrapping_token_in_the_file_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret-id");
    std::fs::write(&path, "gone\n").unwrap();
    let server = server(MADE);
    let auth = AppRoleAuth::with_secret_id_file("r", &path).response_wrapping(true);
    auth.login(&server).await.unwrap_err();
    std::fs::write(&path, "wrap\n").unwrap();
    auth.login(&server).await.unwrap();
}
