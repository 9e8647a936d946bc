//! Administration of a server under test over its HTTP API, as root unless told otherwise. Paths are relative to
//! `/v1/`. Not a client to copy: it panics where something fails that a test takes for granted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Request;

/// A blocking client of one server with one token.
#[derive(Clone)]
pub struct Api {
    agent: ureq::Agent,
    address: String,
    token: String,
    namespace: Option<String>,
}

impl Api {
    /// A client of the server at `address`, such as `http://127.0.0.1:8200`. An empty token is not sent.
    #[must_use]
    pub fn new(address: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            // A pooled connection would be a broken one after the server was started again.
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(30)));
        Self { agent: config.build().into(), address: address.into(), token: token.into(), namespace: None }
    }

    /// The same server with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    /// The same server and token in a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.into()), ..self.clone() }
    }

    /// The token that is sent.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request with a body as it stands; gives the status and the text of the answer.
    ///
    /// # Errors
    /// No answer came.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let url = format!("{}/v1/{path}", self.address);
        let mut request = Request::builder().method(method).uri(&url).header("X-Vault-Request", "true");
        if !self.token.is_empty() {
            request = request.header("X-Vault-Token", &self.token);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let answer = if body.is_empty() && method != "POST" && method != "PUT" {
            request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
        } else {
            request
                .body(body.to_owned())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request))
        };
        let answer =
            answer.and_then(|mut answer| Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?)));
        answer.map_err(|error| format!("{method} {url}: {error}"))
    }

    /// Sends a request with a JSON body (none for `Null`); gives the status and the JSON of the answer (`Null` where
    /// it is none).
    ///
    /// # Panics
    /// No answer came.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) =
            self.send(method, path, &text_of(body)).unwrap_or_else(|error| panic!("{error}"));
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// `GET`.
    #[track_caller]
    pub fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, &Value::Null)
    }

    /// `LIST`, as `GET` with `list=true`.
    #[track_caller]
    pub fn list(&self, path: &str) -> (u16, Value) {
        self.get(&format!("{path}?list=true"))
    }

    /// `POST`.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("POST", path, body)
    }

    /// `PUT`.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PUT", path, body)
    }

    /// `DELETE`.
    #[track_caller]
    pub fn delete(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, &Value::Null)
    }

    /// A request that has to succeed; gives the JSON of the answer.
    ///
    /// # Panics
    /// The status is not 2xx.
    #[track_caller]
    pub fn must(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_must(method, path, body).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_must(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let (status, text) = self.send(method, path, &text_of(body))?;
        if (200..300).contains(&status) {
            Ok(serde_json::from_str(&text).unwrap_or_default())
        } else {
            Err(format!("{method} {path}: {status} {text}"))
        }
    }

    /// Mounts a KV engine of that version and waits until it answers.
    #[track_caller]
    pub fn mount_kv(&self, mount: &str, version: u8) {
        let body = json!({"type": "kv", "options": {"version": version.to_string()}});
        self.must("POST", &format!("sys/mounts/{mount}"), &body);
        if version == 2 {
            self.wait_for(&format!("{mount}/config"), Duration::from_secs(30))
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Polls until a `GET` of the path succeeds.
    pub(crate) fn wait_for(&self, path: &str, at_most: Duration) -> Result<(), String> {
        self.wait_until(path, at_most, |_| true)
    }

    /// Polls until a `GET` of the path succeeds with an answer that will do.
    pub(crate) fn wait_until(
        &self,
        path: &str,
        at_most: Duration,
        ok: impl Fn(Value) -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + at_most;
        loop {
            let answer = self.try_must("GET", path, &Value::Null);
            if answer.clone().is_ok_and(&ok) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("GET {path} was not answered as hoped within {at_most:?}: {answer:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes a secret to a KV v2 mount and gives its new version. The path is plain text, encoded here.
    #[track_caller]
    pub fn write_kv2(&self, mount: &str, path: &str, data: &Value) -> u64 {
        let answer = self.must("POST", &format!("{mount}/data/{}", encoded(path)), &json!({ "data": data }));
        answer["data"]["version"].as_u64().unwrap_or_else(|| panic!("no version in {answer}"))
    }

    /// Writes a secret to a KV v1 mount. The path is plain text, encoded here.
    #[track_caller]
    pub fn write_kv1(&self, mount: &str, path: &str, data: &Value) {
        self.must("POST", &format!("{mount}/{}", encoded(path)), data);
    }

    /// Deletes versions of a KV v2 secret, so that they can be undeleted.
    #[track_caller]
    pub fn delete_versions(&self, mount: &str, path: &str, versions: &[u64]) {
        self.must("POST", &format!("{mount}/delete/{}", encoded(path)), &json!({ "versions": versions }));
    }

    /// Brings deleted versions of a KV v2 secret back.
    #[track_caller]
    pub fn undelete_versions(&self, mount: &str, path: &str, versions: &[u64]) {
        self.must("POST", &format!("{mount}/undelete/{}", encoded(path)), &json!({ "versions": versions }));
    }

    /// Destroys versions of a KV v2 secret for good.
    #[track_caller]
    pub fn destroy_versions(&self, mount: &str, path: &str, versions: &[u64]) {
        self.must("PUT", &format!("{mount}/destroy/{}", encoded(path)), &json!({ "versions": versions }));
    }

    /// Writes a policy in HCL.
    #[track_caller]
    pub fn policy(&self, name: &str, hcl: &str) {
        self.must("PUT", &format!("sys/policies/acl/{name}"), &json!({ "policy": hcl }));
    }

    /// Creates a token, `{"policies": ["x"], "ttl": "1h"}`, and gives it.
    #[track_caller]
    pub fn create_token(&self, body: &Value) -> String {
        let answer = self.must("POST", "auth/token/create", body);
        answer["auth"]["client_token"].as_str().unwrap_or_else(|| panic!("no token in {answer}")).to_owned()
    }

    /// Revokes a token.
    #[track_caller]
    pub fn revoke(&self, token: &str) {
        self.must("POST", "auth/token/revoke", &json!({ "token": token }));
    }

    /// Creates a namespace in this client's namespace and gives a client inside it.
    #[track_caller]
    pub fn create_namespace(&self, name: &str) -> Self {
        self.must("POST", &format!("sys/namespaces/{name}"), &json!({}));
        self.in_namespace(
            &self.namespace.as_ref().map_or_else(|| name.to_owned(), |outer| format!("{outer}/{name}")),
        )
    }
}

fn text_of(body: &Value) -> String {
    if body.is_null() { String::new() } else { body.to_string() }
}

/// Each segment percent-encoded once; `/` separates.
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
