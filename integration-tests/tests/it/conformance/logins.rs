//! Every login against the scripted server of the suite. What real servers make of them is in `logins`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use strongroom::auth::{AppRoleAuth, CertAuth, JwtAuth, JwtSource, KubernetesAuth, OAuth2, TokenAuth};
use strongroom::hashicorp::NoAuth;
use strongroom_core::AuthMethod;
use strongroom_testkit::{Call, LoginCapabilities, LoginFixture, Reply, run_login};
use tempfile::TempDir;

use super::Named;

/// A login whose credential stands in a file.
struct Method {
    /// A login as somebody, from the credential file.
    login: fn(&Path, somebody: &'static str) -> Arc<dyn AuthMethod>,
    /// A credential unlike all others.
    credential: fn(usize) -> String,
    /// What the server makes of a call that has to carry this credential.
    judge: fn(&Call, present: &str) -> Reply,
    refusal: u16,
    can: LoginCapabilities,
}

struct InFile {
    method: Method,
    dir: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    credentials: Vec<String>,
    spoiled: bool,
}

impl InFile {
    fn new(method: Method) -> Self {
        let fixture = Self { method, dir: tempfile::tempdir().unwrap(), state: Mutex::default() };
        fixture.put(false);
        fixture
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("credential")
    }

    fn put(&self, spoiled: bool) {
        let mut state = self.state.lock().unwrap();
        let credential = (self.method.credential)(state.credentials.len());
        // At once, as those who rotate credentials do.
        std::fs::write(self.dir.path().join("new"), format!("{credential}\n")).unwrap();
        std::fs::rename(self.dir.path().join("new"), self.file()).unwrap();
        state.credentials.push(credential);
        state.spoiled = spoiled;
    }
}

impl std::fmt::Debug for InFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InFile")
    }
}

#[async_trait]
impl LoginFixture for InFile {
    fn login(&self) -> Arc<dyn AuthMethod> {
        (self.method.login)(&self.file(), "web")
    }
    fn another(&self) -> Option<Arc<dyn AuthMethod>> {
        Some((self.method.login)(&self.dir.path().join("another"), "db"))
    }
    fn capabilities(&self) -> LoginCapabilities {
        self.method.can
    }
    fn secrets(&self) -> Vec<String> {
        self.state.lock().unwrap().credentials.clone()
    }
    fn judge(&self, call: &Call) -> Reply {
        let state = self.state.lock().unwrap();
        match (self.method.judge)(call, state.credentials.last().unwrap()) {
            Reply::Refused(_) => Reply::Refused(self.method.refusal),
            _ if state.spoiled => Reply::Refused(self.method.refusal),
            reply => reply,
        }
    }
    async fn change(&self) {
        self.put(false);
    }
    async fn spoil(&self) {
        self.put(true);
    }
    async fn lose(&self) {
        std::fs::remove_file(self.file()).unwrap();
    }
}

/// The login that asks nobody and has no credential.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl LoginFixture for Nobody {
    fn login(&self) -> Arc<dyn AuthMethod> {
        Arc::new(NoAuth)
    }
    fn another(&self) -> Option<Arc<dyn AuthMethod>> {
        None
    }
    fn capabilities(&self) -> LoginCapabilities {
        LoginCapabilities::all().without_asking().without_changes()
    }
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    fn judge(&self, _: &Call) -> Reply {
        Reply::Refused(400)
    }
    async fn change(&self) {}
    async fn spoil(&self) {}
    async fn lose(&self) {}
}

fn granted(good: bool) -> Reply {
    if good { Reply::Granted } else { Reply::Refused(400) }
}

fn plain(n: usize) -> String {
    format!("canary-credential-{n}-of-many")
}

fn jwt(n: usize) -> String {
    let claims = json!({"exp": 9_999_999_999_u64, "jti": n});
    let key = jsonwebtoken::EncodingKey::from_secret(b"of the test");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn pem(n: usize) -> String {
    format!("-----BEGIN CANARY {n}-----\nY2FuYXJ5\n-----END CANARY {n}-----")
}

fn token() -> Method {
    Method {
        login: |file, _| Arc::new(TokenAuth::from_file(file)),
        credential: plain,
        judge: |_, _| Reply::Refused(400),
        refusal: 400,
        can: LoginCapabilities::all().without_asking(),
    }
}

fn kubernetes() -> Method {
    Method {
        login: |file, role| Arc::new(KubernetesAuth::new(role).token_file(file)),
        credential: jwt,
        judge: |call, jwt| {
            let as_web = (call.field("role"), call.field("jwt")) == (Some("web"), Some(jwt));
            granted(as_web && call.to == "auth/kubernetes/login")
        },
        refusal: 403,
        can: LoginCapabilities::all(),
    }
}

fn approle() -> Method {
    Method {
        login: |file, role| Arc::new(AppRoleAuth::with_secret_id_file(role, file)),
        credential: plain,
        judge: |call, secret_id| {
            let as_web = (call.field("role_id"), call.field("secret_id")) == (Some("web"), Some(secret_id));
            granted(as_web && call.to == "auth/approle/login")
        },
        refusal: 400,
        can: LoginCapabilities::all(),
    }
}

fn wrapped_approle() -> Method {
    Method {
        login: |file, role| Arc::new(AppRoleAuth::with_secret_id_file(role, file).response_wrapping(true)),
        credential: plain,
        judge: |call, wrapping| match call.to.as_str() {
            "sys/wrapping/lookup" if call.field("token") == Some(wrapping) => {
                Reply::Json(r#"{"data":{"creation_path":"auth/approle/role/web/secret-id"}}"#.into())
            }
            "sys/wrapping/unwrap"
                if call.token.as_ref().is_some_and(|token| token.as_bytes() == wrapping.as_bytes()) =>
            {
                Reply::Json(format!(r#"{{"data":{{"secret_id":"inside-{wrapping}"}}}}"#))
            }
            "auth/approle/login" => {
                let inside = format!("inside-{wrapping}");
                granted(
                    call.field("secret_id") == Some(inside.as_str()) && call.field("role_id") == Some("web"),
                )
            }
            _ => Reply::Refused(400),
        },
        refusal: 400,
        can: LoginCapabilities::all(),
    }
}

fn cert() -> Method {
    Method {
        login: |file, role| Arc::new(CertAuth::from_files(file, file).role_name(role)),
        credential: pem,
        judge: |call, pem| {
            let key = call.identity.as_ref().map(|identity| identity.key().trim_ascii_end());
            granted(key == Some(pem.as_bytes()) && call.to == "auth/cert/login")
        },
        refusal: 400,
        can: LoginCapabilities::all(),
    }
}

fn jwt_from_a_file() -> Method {
    Method {
        login: |file, role| Arc::new(JwtAuth::new(role, JwtSource::file(file))),
        credential: jwt,
        judge: |call, jwt| {
            let as_web = (call.field("role"), call.field("jwt")) == (Some("web"), Some(jwt));
            granted(as_web && call.to == "auth/jwt/login")
        },
        refusal: 400,
        can: LoginCapabilities::all(),
    }
}

fn jwt_by_oauth2() -> Method {
    const ENDPOINT: &str = "https://idp.example/token";
    Method {
        login: |file, client| {
            let grant = OAuth2::with_secret_file(ENDPOINT, client, file);
            Arc::new(JwtAuth::new("web", JwtSource::oauth2(grant)))
        },
        credential: plain,
        judge: |call, secret| match call.to.as_str() {
            ENDPOINT => {
                let as_web =
                    (call.field("client_id"), call.field("client_secret")) == (Some("web"), Some(secret));
                if as_web { Reply::Json(json!({"access_token": jwt(0)}).to_string()) } else { granted(false) }
            }
            other => granted(other == "auth/jwt/login" && call.field("jwt") == Some(jwt(0).as_str())),
        },
        refusal: 400,
        can: LoginCapabilities::all(),
    }
}

/// All of them, each by itself, at the same time.
pub(super) async fn reports() -> Vec<Named> {
    let methods = [
        ("`token`", token()),
        ("`kubernetes`", kubernetes()),
        ("`approle`", approle()),
        ("`approle`, wrapped", wrapped_approle()),
        ("`cert`", cert()),
        ("`jwt`, from a file", jwt_from_a_file()),
        ("`jwt`, by OAuth2", jwt_by_oauth2()),
    ];
    let running: Vec<_> =
        methods.map(|(name, method)| (name, tokio::spawn(run_login(InFile::new(method))))).into();
    let mut reports = Vec::new();
    for (name, running) in running {
        reports.push((name, running.await.unwrap()));
    }
    reports.push(("`none`", run_login(Nobody).await));
    reports
}
