//! The suite that every backend has to pass.

use async_trait::async_trait;
use strongroom_core::Vault;
use strongroom_hashicorp::KvVersion;
use strongroom_integration_tests::Server;
use strongroom_testkit::{Capabilities, Fixture, run};

use super::{mount, on};

#[derive(Debug)]
struct Mount {
    name: String,
    engine: u8,
    kv: KvVersion,
}

impl Mount {
    fn new(engine: u8, kv: KvVersion) -> Self {
        let name = mount();
        Server::shared().api().mount_kv(&name, engine);
        Self { name, engine, kv }
    }
}

#[async_trait]
impl Fixture for Mount {
    fn vault(&self) -> Vault {
        on(Server::shared()).mount(&self.name).kv(self.kv).build().unwrap()
    }

    fn capabilities(&self) -> Capabilities {
        match self.engine {
            1 => Capabilities::all().without_versions(),
            // The server rounds them.
            _ => Capabilities::all().without_exact_numbers(),
        }
    }

    async fn write(&self, resource: &str, json: &str) {
        let api = Server::shared().api();
        let (at, body) = match self.engine {
            1 => (self.name.clone(), json.to_owned()),
            _ => (format!("{}/data", self.name), format!("{{\"data\":{json}}}")),
        };
        let encoded: Vec<_> = resource.split('/').map(encode).collect();
        let (status, text) = api.send("POST", &format!("{at}/{}", encoded.join("/")), &body).unwrap();
        assert!((200..300).contains(&status), "{status} {text}");
    }

    async fn delete(&self, resource: &str) {
        let at = if self.engine == 1 { self.name.clone() } else { format!("{}/data", self.name) };
        Server::shared().api().must("DELETE", &format!("{at}/{resource}"), &serde_json::Value::Null);
    }
}

fn encode(segment: &str) -> String {
    segment.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v1() {
    run(Mount::new(1, KvVersion::V1)).await.assert();
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v2() {
    run(Mount::new(2, KvVersion::V2)).await.assert();
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_found_out() {
    run(Mount::new(2, KvVersion::Auto)).await.assert();
}
