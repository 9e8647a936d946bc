//! Readers of a server: each gets the field `name` of a KV v2 secret, as somebody who uses that client would.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use strongroom_auth_token::TokenAuth;
use strongroom_core::{ReadRequest, Registry, Vault};
use strongroom_hashicorp::{HashicorpVault, KvVersion};
use tokio::sync::Semaphore;
use vaultrs::client::{VaultClient, VaultClientSettingsBuilder};

use crate::entries::room_for;

/// The value of every secret that is read: 63 bytes.
pub(crate) const VALUE: &str = "the-value-of-a-secret-that-is-sixty-three-bytes-long-abcdefghijk";

const TOKEN_HEADER: &str = "x-vault-token";

/// Reads secrets of the mount `secret`.
#[async_trait]
pub(crate) trait Reader: Send + Sync {
    /// The value of the field `name`, or what went wrong.
    async fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// A reader that knows no secret yet; its connections are the same.
    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader>;
}

/// Where a server is, and with which token.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Target {
    fn url(&self, path: &str) -> String {
        format!("{}/v1/secret/data/{path}", self.address)
    }
}

/// `get` of a registry.
pub(crate) struct Strongroom {
    vault: Vault,
    registry: Registry,
}

impl Strongroom {
    /// With the defaults but for retries, which would add requests of their own where failures are counted.
    pub(crate) fn new(target: &Target) -> Arc<Self> {
        let vault = HashicorpVault::builder()
            .address(&target.address)
            .kv(KvVersion::V2)
            .auth(TokenAuth::new(target.token.clone()))
            .retries(0)
            .build()
            .unwrap();
        Arc::new(Self::over(vault))
    }

    fn over(vault: Vault) -> Self {
        let registry = Registry::builder()
            .vault("bench", vault.clone())
            .cache_limits(room_for(100_000))
            .build()
            .unwrap();
        Self { vault, registry }
    }
}

#[async_trait]
impl Reader for Strongroom {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let secret = self.registry.get(format!("{{vault://bench/{path}/name}}").as_str()).await;
        secret.map(|secret| secret.as_bytes().to_vec()).map_err(|error| format!("{error:?}"))
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        Arc::new(Self::over(self.vault.clone()))
    }
}

/// The backend that Strongroom's registry asks, without the registry.
pub(crate) struct Backend(Vault);

impl Backend {
    pub(crate) fn of(strongroom: &Strongroom) -> Arc<Self> {
        Arc::new(Self(strongroom.vault.clone()))
    }
}

#[async_trait]
impl Reader for Backend {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let document = self.0.backend().read(&ReadRequest::new(path)).await;
        let value = document.and_then(|document| document.get("name"));
        value.map(|value| value.as_bytes().to_vec()).map_err(|error| format!("{error:?}"))
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self
    }
}

/// reqwest by itself, as it comes.
pub(crate) struct Reqwest {
    client: reqwest::Client,
    target: Target,
}

#[derive(Deserialize)]
struct Answer {
    data: Versioned,
}

#[derive(Deserialize)]
struct Versioned {
    data: Fields,
}

#[derive(Deserialize)]
struct Fields {
    name: String,
}

fn parsed(body: &[u8]) -> Result<Vec<u8>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(answer.data.data.name.into_bytes())
}

impl Reqwest {
    pub(crate) fn new(target: &Target) -> Arc<Self> {
        Arc::new(Self { client: reqwest::Client::builder().build().unwrap(), target: target.clone() })
    }

    /// Over a unix socket.
    pub(crate) fn over_socket(socket: &Path, target: &Target) -> Arc<Self> {
        let client = reqwest::Client::builder().unix_socket(socket).build().unwrap();
        Arc::new(Self { client, target: Target { address: "http://localhost".into(), ..target.clone() } })
    }

    /// The text of an answer, to administer with.
    pub(crate) async fn text(&self, path: &str) -> Result<String, String> {
        let response = self.client.get(format!("{}{path}", self.target.address)).send().await;
        response.map_err(|error| error.to_string())?.text().await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Reader for Reqwest {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let request = self.client.get(self.target.url(path)).header(TOKEN_HEADER, &self.target.token);
        let response = request.send().await.map_err(|error| format!("{error:?}"))?;
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        parsed(&response.bytes().await.map_err(|error| error.to_string())?)
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self
    }
}

/// reqwest behind a queue that lets so many requests out at a time, as Strongroom's window does.
pub(crate) struct Windowed {
    window: Semaphore,
    within: Arc<Reqwest>,
}

impl Windowed {
    pub(crate) fn around(within: &Arc<Reqwest>, at_once: usize) -> Arc<Self> {
        Arc::new(Self { window: Semaphore::new(at_once), within: within.clone() })
    }
}

#[async_trait]
impl Reader for Windowed {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let _place = self.window.acquire().await.map_err(|error| error.to_string())?;
        self.within.read(path).await
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self
    }
}

/// hyper with its pool and a task for each connection: what reqwest is made of.
pub(crate) struct Hyper {
    client: Pooled<HttpConnector, Empty<Bytes>>,
    target: Target,
}

impl Hyper {
    pub(crate) fn new(target: &Target) -> Arc<Self> {
        let client = Pooled::builder(TokioExecutor::new()).build_http();
        Arc::new(Self { client, target: target.clone() })
    }
}

#[async_trait]
impl Reader for Hyper {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let request = hyper::Request::get(self.target.url(path)).header(TOKEN_HEADER, &self.target.token);
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        parsed(&body.to_bytes())
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self
    }
}

/// vaultrs, as its documentation has it.
pub(crate) struct Vaultrs(VaultClient);

impl Vaultrs {
    pub(crate) fn new(target: &Target) -> Arc<Self> {
        let settings = VaultClientSettingsBuilder::default()
            .address(&target.address)
            .token(&target.token)
            .build()
            .unwrap();
        Arc::new(Self(VaultClient::new(settings).unwrap()))
    }
}

#[async_trait]
impl Reader for Vaultrs {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let fields: HashMap<String, String> =
            vaultrs::kv2::read(&self.0, "secret", path).await.map_err(|error| error.to_string())?;
        fields.get("name").map(|name| name.clone().into_bytes()).ok_or_else(|| "no name".into())
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self
    }
}
