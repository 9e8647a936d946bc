use async_trait::async_trait;

use super::*;
use crate::{Answer, Grant, Identity, LoginCall, LoginServer, MemoryVault, OutsideCall, Secret};

/// A foreign backend with a login, as a crate of somebody else's would write it.
#[derive(Debug)]
struct Acme;

const MOUNT: Field = Field::new("mount", Shape::Text, "Where.").default("secret");
const AUTH_METHOD: Field = Field::new("auth_method", Shape::Text, "How to log in.").default("pin");
const GCP_PATH: Field = Field::unbuilt("gcp_login_path", "the gcp_iam login").default("/v1/auth/gcp/login");

impl BackendFactory for Acme {
    fn name(&self) -> &'static str {
        "acme"
    }
    fn aliases(&self) -> &'static [&'static str] {
        &["acme-corp"]
    }
    fn fields(&self) -> &'static [Field] {
        &[MOUNT, AUTH_METHOD, GCP_PATH]
    }
    fn logs_in(&self) -> bool {
        true
    }
    fn build(&self, settings: &Settings, factories: &Factories) -> Result<Vault, Error> {
        let method = settings.required(&AUTH_METHOD)?.to_owned();
        factories.login(&method, &AUTH_METHOD, settings)?;
        Ok(MemoryVault::new().into())
    }
}

/// A foreign login.
#[derive(Debug)]
struct Pin(Secret);

#[derive(Debug)]
struct PinFactory;

const PIN: Field = Field::new("pin", Shape::Credential, "The number.");

impl AuthFactory for PinFactory {
    fn name(&self) -> &'static str {
        "pin"
    }
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }
    fn fields(&self) -> &'static [Field] {
        &[PIN]
    }
    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        let pin = settings.secret(&PIN)?.ok_or_else(|| settings.error(&PIN, "is required"))?;
        Ok(Arc::new(Pin(pin)))
    }
}

#[async_trait]
impl AuthMethod for Pin {
    fn name(&self) -> &'static str {
        "pin"
    }
    fn identity(&self) -> Identity {
        Identity::new("pin", &[self.0.as_bytes()])
    }
    async fn login(&self, server: &dyn LoginServer) -> Result<Grant, Error> {
        let call = LoginCall::new("auth/pin/login").field("pin", self.0.as_str()?);
        Grant::from_answer(&server.call(call).await?)
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// A server that answers every login.
#[derive(Debug)]
struct Yes;

#[async_trait]
impl LoginServer for Yes {
    async fn call(&self, call: LoginCall<'_>) -> Result<Answer, Error> {
        assert_eq!((call.path, call.body().as_bytes()), ("auth/pin/login", &b"{\"pin\":\"0123\"}"[..]));
        Answer::new(200, Secret::from(r#"{"auth":{"client_token":"t"}}"#))
    }
    async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
        Answer::new(200, Secret::default())
    }
    fn is_encrypted(&self) -> bool {
        true
    }
}

fn factories() -> Factories {
    Factories::new()
        .with_backend(Acme)
        .with_login(PinFactory)
        .with_absent_backend(Absent::new("file", Some("file")).aliases(&["fs"]))
        .with_absent_backend(Absent::new("aws", None))
        .with_absent_login(Absent::new("approle", Some("auth-approle")).field_prefixes(&["approle_"]))
        .with_absent_login(Absent::new("aws_iam", None))
}

fn build(name: &str, fields: &[(&str, &str)]) -> Result<Vault, String> {
    let settings = fields.iter().fold(Settings::new("vault `p`"), |all, (name, text)| all.with(*name, *text));
    factories().build(name, &settings).map_err(|error| error.to_string())
}

#[test]
fn a_foreign_backend_and_login_are_built_from_settings() {
    let vault = build("acme-corp", &[("pin", "0123"), ("ttl", "60"), ("decode_base64", "true")]).unwrap();
    assert_eq!(vault.policy().ttl, Some(std::time::Duration::from_secs(60)));
    assert!(vault.policy().base64_decode);
    assert_eq!(build("acme", &[("pin", "1"), ("ttl", "0")]).unwrap().policy().ttl, None);
}

#[tokio::test]
async fn a_foreign_login_needs_no_http_client() {
    let grant = Pin(Secret::from("0123")).login(&Yes).await.unwrap();
    assert_eq!(grant.token.unwrap().as_bytes(), b"t");
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let error = build("acme", &[("pin", "1"), ("muont", "x")]).unwrap_err();
    assert!(
        error.starts_with("vault `p`: unknown field `muont`; did you mean `mount`? (known: `ttl`"),
        "{error}"
    );
    let error = build("acne", &[]).unwrap_err();
    assert!(error.contains("unknown backend `acne`; did you mean `acme`?"), "{error}");
    let error = build("acme", &[("auth_method", "pim")]).unwrap_err();
    assert!(error.contains("unknown login `pim`; did you mean `pin`?"), "{error}");
}

#[test]
fn what_is_not_in_this_build_says_how_to_get_it() {
    let error = build("acme", &[("auth_method", "approle")]).unwrap_err();
    assert!(
        error.contains("the login `approle` is not in this build: enable the cargo feature `auth-approle`"),
        "{error}"
    );
    let error = build("acme", &[("auth_method", "aws_iam")]).unwrap_err();
    assert!(error.contains("recognised but not built yet; `jwt` or `kubernetes` are ways"), "{error}");
    build("acme", &[("pin", "1"), ("approle_role_id", "x")]).unwrap();
}

#[tokio::test]
async fn a_backend_that_is_not_in_this_build_fails_only_when_used() {
    let read = build("fs", &[("whatever", "x")]).unwrap();
    let error = read.backend().read(&crate::ReadRequest::new("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "the backend `file` is not in this build: enable the cargo feature `file`");
    let check = build("aws", &[]).unwrap().backend().check(crate::Probe::Careful).await.unwrap_err();
    assert_eq!(check.to_string(), "the backend `aws` is recognised but not built yet");
}

#[test]
fn a_recognised_field_may_only_stand_at_its_default() {
    build("acme", &[("pin", "1"), ("gcp_login_path", "")]).unwrap();
    build("acme", &[("pin", "1"), ("gcp_login_path", "/v1/auth/gcp/login")]).unwrap();
    let error = build("acme", &[("pin", "1"), ("gcp_login_path", "/canary")]).unwrap_err();
    assert!(
        error.contains("recognised but not built yet (the gcp_iam login)") && !error.contains("canary"),
        "{error}"
    );
}
