use std::sync::Mutex;
use std::time::Duration;

use strongroom_core::{Answer, OutsideCall, Replay};

use super::*;

/// Knows wrapping tokens that begin with `wrap` and keeps what it was asked.
#[derive(Debug, Default)]
struct Server {
    creation_path: &'static str,
    /// What comes of an unwrap in place of the secret id.
    unwrap_fault: Mutex<Option<Fault>>,
    asked: Mutex<Vec<String>>,
}

#[derive(Clone, Debug)]
enum Fault {
    Error(Error),
    /// No answer, ever.
    Silence,
}

#[async_trait]
impl LoginServer for Server {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(call.path.to_owned());
        let body = String::from_utf8(call.body().as_bytes().to_vec()).unwrap();
        let refuse = |status: u16| Err(Error::new(ErrorKind::Unauthenticated, "refused").with_status(status));
        let json = match call.path {
            "sys/wrapping/lookup" => {
                assert!(call.token.is_none(), "a lookup with the token in its header would burn it");
                if !body.starts_with(r#"{"token":"wrap"#) {
                    return refuse(400);
                }
                format!(r#"{{"data":{{"creation_path":"{}"}}}}"#, self.creation_path)
            }
            "sys/wrapping/unwrap" => {
                assert!(call.token.unwrap().as_bytes().starts_with(b"wrap") && call.replay == Replay::Never);
                assert_eq!(body, "{}", "a token in header and body would lose the value");
                let fault = self.unwrap_fault.lock().unwrap().clone();
                match fault {
                    Some(Fault::Error(error)) => return Err(error),
                    Some(Fault::Silence) => std::future::pending().await,
                    None => {}
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
    Server { creation_path, ..Server::default() }
}

impl Server {
    fn failing(self, fault: Fault) -> Self {
        *self.unwrap_fault.lock().unwrap() = Some(fault);
        self
    }

    fn unwraps(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| *path == "sys/wrapping/unwrap").count()
    }
}

fn wrapped() -> AppRoleAuth {
    AppRoleAuth::new("r", "wrap-canary").response_wrapping(true)
}

fn cut() -> Fault {
    Fault::Error(Error::new(ErrorKind::Unavailable, "h:1 broke off").transient())
}

fn answered(kind: ErrorKind, status: u16) -> Fault {
    let error = Error::new(kind, format!("HTTP {status}")).with_status(status);
    let passes = kind != ErrorKind::Unauthenticated;
    Fault::Error(if passes { error.transient() } else { error })
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
    let error = wrapped().login(&server(MADE).failing(cut())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the wrapping token cannot be used: it was sent to be unwrapped and no secret id came back, which may be lost \
         (h:1 broke off); a new one is needed"
    );
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthenticated, false));
    let refused = server(MADE).failing(answered(ErrorKind::Unauthenticated, 400));
    let error = wrapped().login(&refused).await.unwrap_err();
    assert!(error.to_string().contains("somebody else may have opened it"), "{error}");
}

#[tokio::test]
async fn a_wrapping_token_whose_unwrap_was_sent_is_never_sent_again() {
    let refused = answered(ErrorKind::Unauthenticated, 403);
    for fault in
        [cut(), answered(ErrorKind::Unavailable, 502), refused, answered(ErrorKind::InvalidResponse, 403)]
    {
        let (server, auth) = (server(MADE).failing(fault), wrapped());
        let first = auth.login(&server).await.unwrap_err();
        // The vault would still open it, as far as a look-up can tell.
        *server.unwrap_fault.lock().unwrap() = None;
        let asked = server.asked.lock().unwrap().len();
        for error in [auth.login(&server).await.unwrap_err(), auth.examine(&server).await.unwrap_err()] {
            assert_eq!((error.to_string(), error.status()), (first.to_string(), first.status()));
        }
        assert_eq!(server.asked.lock().unwrap().len(), asked, "the vault has nothing to add");
        assert!(!format!("{auth:?} {first:?}").contains("canary"), "{auth:?} {first:?}");
    }
}

#[tokio::test]
async fn an_unwrap_that_nobody_waited_for_was_sent() {
    let (server, auth) = (server(MADE).failing(Fault::Silence), wrapped());
    tokio::time::timeout(Duration::from_millis(50), auth.login(&server)).await.unwrap_err();
    *server.unwrap_fault.lock().unwrap() = None;
    let error = auth.login(&server).await.unwrap_err();
    assert!(error.to_string().contains("the login ended before an answer came"), "{error}");
    assert_eq!(server.unwraps(), 1);
}

#[tokio::test]
async fn a_wrapping_token_that_certainly_was_not_touched_is_sent_again() {
    for fault in [
        answered(ErrorKind::Sealed, 503),
        answered(ErrorKind::RateLimited, 429),
        answered(ErrorKind::Unavailable, 307),
        Fault::Error(Error::new(ErrorKind::InvalidConfig, "the CA file cannot be read")),
        Fault::Error(Error::new(ErrorKind::Unavailable, "could not connect to h:1").transient().unsent()),
    ] {
        let (server, auth) = (server(MADE).failing(fault), wrapped());
        let error = auth.login(&server).await.unwrap_err();
        assert!(!error.to_string().contains("lost"), "{error}");
        *server.unwrap_fault.lock().unwrap() = None;
        auth.login(&server).await.unwrap();
    }
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

#[tokio::test]
async fn a_new_wrapping_token_follows_one_that_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret-id");
    std::fs::write(&path, "wrap\n").unwrap();
    let lossy = server(MADE).failing(cut());
    let auth = AppRoleAuth::with_secret_id_file("r", &path).response_wrapping(true);
    auth.login(&lossy).await.unwrap_err();
    std::fs::write(&path, "wrap-2\n").unwrap();
    auth.login(&server(MADE)).await.unwrap();
}
