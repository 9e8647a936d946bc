//! KV v1 and v2 of a real server, read with a token that may read one mount and nothing else, through a proxy that can
//! be cut.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_auth_token::TokenAuth;
use strongroom_core::Vault;
use strongroom_hashicorp::{HashicorpVault, KvVersion};
use strongroom_integration_tests::{Proxy, Reply, Server, random};
use strongroom_testkit::{Capabilities, Fixture, Report, Versions, run};

use super::Named;

struct Mount {
    name: String,
    engine: u8,
    kv: KvVersion,
    token: String,
    proxy: Proxy,
    denied: Mutex<String>,
}

impl Mount {
    fn new(engine: u8, kv: KvVersion) -> Self {
        let name = format!("kv-{:016x}", random());
        let api = Server::shared().api();
        api.mount_kv(&name, engine);
        api.policy(&name, &policy(&name, ""));
        let token = api.create_token(&json!({"policies": [name], "ttl": "1h"}));
        let proxy = Proxy::in_front_of(Server::shared());
        Self { name, engine, kv, token, proxy, denied: Mutex::default() }
    }

    /// Where the data of a resource is.
    fn path(&self, resource: &str) -> String {
        let encoded: Vec<_> = resource.split('/').map(encode).collect();
        let below = if self.engine == 1 { "" } else { "data/" };
        format!("{}/{below}{}", self.name, encoded.join("/"))
    }
}

fn policy(mount: &str, denied: &str) -> String {
    format!(r#"path "{mount}/*" {{ capabilities = ["read", "list", "scan"] }} {denied}"#)
}

fn encode(segment: &str) -> String {
    segment.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

impl std::fmt::Debug for Mount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mount").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Administers the server, which keeps its caller waiting.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[async_trait]
impl Fixture for Mount {
    fn vault(&self) -> Vault {
        HashicorpVault::builder()
            .address(self.proxy.address())
            .mount(&self.name)
            .kv(self.kv)
            .auth(TokenAuth::new(self.token.as_str()))
            .retries(0)
            .request_timeout(Duration::from_secs(10))
            .total_timeout(Duration::from_secs(10))
            .build()
            .unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        match self.engine {
            1 => Capabilities::all().with_versions(Versions::No),
            // The server rounds them.
            _ => Capabilities::all().without_exact_numbers(),
        }
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.token.clone()]
    }

    async fn write(&self, resource: &str, json: &str) {
        let body = if self.engine == 1 { json.to_owned() } else { format!("{{\"data\":{json}}}") };
        let path = self.path(resource);
        let (status, text) = apart(move || Server::shared().api().send("POST", &path, &body).unwrap()).await;
        assert!((200..300).contains(&status), "{status} {text}");
    }

    async fn delete(&self, resource: &str) {
        let path = self.path(resource);
        apart(move || Server::shared().api().must("DELETE", &path, &Value::Null)).await;
    }

    async fn deny(&self, resource: &str) {
        let (name, path) = (self.name.clone(), self.path(""));
        let rule = format!(r#"path "{path}{resource}" {{ capabilities = ["deny"] }} "#);
        let all = {
            let mut denied = self.denied.lock().unwrap();
            denied.push_str(&rule);
            denied.clone()
        };
        apart(move || Server::shared().api().policy(&name, &policy(&name, &all))).await;
    }

    async fn cut(&self) {
        self.proxy.intercept(|_, _| Reply::cut());
        self.proxy.cut_connections();
    }

    async fn mend(&self) {
        self.proxy.forward_all();
    }
}

async fn report(engine: u8, kv: KvVersion) -> Report {
    run(apart(move || Mount::new(engine, kv)).await).await
}

pub(super) async fn kv_v1() -> Named {
    ("`hcv`, KV v1", report(1, KvVersion::V1).await)
}

pub(super) async fn kv_v2() -> Named {
    ("`hcv`, KV v2", report(2, KvVersion::V2).await)
}

pub(super) async fn kv_found_out() -> Named {
    ("`hcv`, found out", report(2, KvVersion::Auto).await)
}
