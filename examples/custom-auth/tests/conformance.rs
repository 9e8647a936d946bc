//! The login does what every login must do, and logs in to a real server, by hand and from configuration.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use custom_auth::{PasswordAuth, PasswordFactory};
use serde_json::json;
use strongroom::config::{Config, Format};
use strongroom::hashicorp::{HashicorpVault, KvVersion};
use strongroom::{AuthMethod, ErrorKind, Registry};
use strongroom_integration_tests::Server;
use strongroom_testkit::{Call, LoginCapabilities, LoginFixture, Reply, run_login};
use tempfile::TempDir;

/// A password file, and what the server holds the password to be.
#[derive(Debug)]
struct Password {
    dir: TempDir,
    all: Mutex<Vec<String>>,
    spoiled: Mutex<bool>,
}

impl Password {
    fn file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    fn put(&self, spoiled: bool) {
        let mut all = self.all.lock().unwrap();
        let password = format!("hunter-{}", all.len() + 2);
        std::fs::write(self.file(), format!("{password}\n")).unwrap();
        all.push(password);
        *self.spoiled.lock().unwrap() = spoiled;
    }
}

#[async_trait]
impl LoginFixture for Password {
    fn login(&self) -> Arc<dyn AuthMethod> {
        Arc::new(PasswordAuth::new("web", self.file()))
    }
    fn another(&self) -> Option<Arc<dyn AuthMethod>> {
        Some(Arc::new(PasswordAuth::new("db", self.file())))
    }
    fn capabilities(&self) -> LoginCapabilities {
        LoginCapabilities::all()
    }
    fn secrets(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }
    fn judge(&self, call: &Call) -> Reply {
        let present = self.all.lock().unwrap().last().cloned();
        let right = call.to == "auth/userpass/login/web" && call.field("password") == present.as_deref();
        if right && !*self.spoiled.lock().unwrap() { Reply::Granted } else { Reply::Refused(400) }
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

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    let dir = tempfile::tempdir().unwrap();
    run_login(Password { dir, all: Mutex::default(), spoiled: Mutex::default() }).await.assert();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_logs_in_to_a_real_server_by_hand_and_from_configuration() {
    let server = Server::dev();
    let api = server.api();
    api.must("POST", "sys/auth/people", &json!({"type": "userpass"}));
    api.must("POST", "auth/people/users/web", &json!({"password": "hunter2", "token_policies": "reader"}));
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    api.write_kv2("secret", "customer/acme", &json!({"name": "ACME Inc."}));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();

    let vault = HashicorpVault::builder().address(server.address()).kv(KvVersion::V2);
    let vault = vault.auth(PasswordAuth::new("web", &file).mount("people")).build().unwrap();
    let by_hand = Registry::builder().vault("my-vault", vault).build().unwrap();
    let entity = json!({"vaults": [{"name": "hcv", "prefix": "my-vault", "config": {
        "address": server.address(), "kv": "v2", "auth_method": "password", "password_user": "web",
        "password_file": file, "password_auth_path": "people"
    }}]});
    let from_configuration = || {
        Config::new()
            .with_factories(strongroom::factories().with_login(PasswordFactory))
            .and_parse("vaults.json", &entity.to_string(), Format::Json)
            .and_then(Config::build)
            .unwrap()
    };
    for registry in [by_hand, from_configuration()] {
        let name = registry.get("{vault://my-vault/customer/acme/name}").await.unwrap();
        assert_eq!(name.as_str().unwrap(), "ACME Inc.");
        registry.shutdown().await;
    }
    std::fs::write(&file, "hunter3\n").unwrap();
    let error = from_configuration().get("{vault://my-vault/customer/acme/name}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
}
