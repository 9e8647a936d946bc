use std::time::Duration;

use strongroom_core::{Answer, OutsideCall};

use super::*;

/// Takes pairs whose halves end alike: `chain-1` and `key-1`.
#[derive(Debug)]
struct Server {
    encrypted: bool,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl LoginServer for Server {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        let pair = call.identity.expect("the certificate travels with the call");
        let (chain, key) = (String::from_utf8_lossy(pair.chain()), String::from_utf8_lossy(pair.key()));
        if chain.trim().rsplit('-').next() != key.trim().rsplit('-').next() {
            return Err(Error::new(ErrorKind::InvalidConfig, "the key does not belong to the certificate"));
        }
        let body = String::from_utf8_lossy(call.body().as_bytes()).into_owned();
        self.asked.lock().unwrap().push(format!("{} {body} {}", call.path, chain.trim()));
        Answer::new(200, br#"{"auth":{"client_token":"t"}}"#.to_vec().into())
    }
    async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
        panic!("nobody else is asked")
    }
    fn is_encrypted(&self) -> bool {
        self.encrypted
    }
}

fn server() -> Server {
    Server { encrypted: true, asked: Mutex::default() }
}

#[tokio::test]
async fn the_pair_travels_with_the_login_and_comes_back_with_the_grant() {
    let server = server();
    let grant =
        CertAuth::new("chain-1", "key-1").role_name("web").mount("/corp/").login(&server).await.unwrap();
    assert_eq!(grant.identity.unwrap().chain(), b"chain-1");
    assert_eq!(*server.asked.lock().unwrap(), [r#"auth/corp/login {"name":"web"} chain-1"#]);
}

#[tokio::test]
async fn plain_http_is_refused_before_anything_is_sent() {
    let server = Server { encrypted: false, ..server() };
    let error = CertAuth::new("chain-1", "key-1").login(&server).await.unwrap_err();
    assert!(error.to_string().contains("needs an https address"), "{error}");
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_rotation_that_is_half_way_leaves_the_old_pair_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("chain"), dir.path().join("key"));
    let write = |chain_text: &str, key_text: &str| {
        std::fs::write(&chain, chain_text).unwrap();
        std::fs::write(&key, key_text).unwrap();
    };
    let (server, auth) = (server(), CertAuth::from_files(&chain, &key));
    write("chain-1", "key-2");
    assert_eq!(auth.login(&server).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    write("chain-1", "key-1");
    auth.login(&server).await.unwrap();
    write("chain-2", "key-1");
    assert_eq!(auth.login(&server).await.unwrap().identity.unwrap().chain(), b"chain-1");
    write("chain-2", "key-2");
    assert_eq!(auth.login(&server).await.unwrap().identity.unwrap().chain(), b"chain-2");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(auth.login(&server).await.unwrap().identity.unwrap().chain(), b"chain-2");
}

/// Whether a login is worth trying within a few looks at the files.
async fn changes(auth: &CertAuth) -> bool {
    tokio::time::timeout(Duration::from_secs(20), auth.credential_changed()).await.is_ok()
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_pair_that_cannot_be_opened_is_one_login_with_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for (part, text) in [("chain", "chain-1"), ("key", "key-1")] {
        std::fs::write(path(part), text).unwrap();
    }
    let (server, auth) = (server(), CertAuth::from_files(path("chain"), path("key")));
    auth.login(&server).await.unwrap();
    // Links are not followed, not even for root.
    for (part, text) in [("chain", "chain-2"), ("key", "key-2")] {
        std::fs::remove_file(path(part)).unwrap();
        std::fs::write(path(&format!("new-{part}")), text).unwrap();
        std::os::unix::fs::symlink(path(&format!("new-{part}")), path(part)).unwrap();
    }
    assert!(changes(&auth).await);
    assert_eq!(auth.login(&server).await.unwrap().identity.unwrap().chain(), b"chain-1");
    assert!(!changes(&auth).await, "neither file has changed since");
    for part in ["chain", "key"] {
        std::fs::rename(path(&format!("new-{part}")), path(part)).unwrap();
    }
    assert!(changes(&auth).await);
    assert_eq!(auth.login(&server).await.unwrap().identity.unwrap().chain(), b"chain-2");
    assert!(!changes(&auth).await);
}

#[tokio::test(start_paused = true)]
async fn a_login_over_plain_http_is_not_tried_again_for_files_that_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pem");
    std::fs::write(&path, "pem-1").unwrap();
    let auth = CertAuth::from_files(&path, &path);
    auth.login(&Server { encrypted: false, ..server() }).await.unwrap_err();
    assert!(!changes(&auth).await);
}

#[test]
fn nothing_of_a_key_is_shown() {
    assert!(!format!("{:?}", CertAuth::new("chain", "canary")).contains("canary"));
}
