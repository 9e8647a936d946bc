//! The backend: what is read where, with whose token, and what a refusal means for this vault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use strongroom_core::{
    BatchRead, ChangeFeed, Description, Document, Error, ErrorKind, Health, Origin, Probe, ReadRequest,
    Secret, VaultBackend, VersionPoll,
};

use crate::answer::Meaning;
use crate::builder::HashicorpVaultBuilder;
use crate::kv::{Engine, KvVersion, engine_of_mount};
use crate::login::Desk;
use crate::mount::Sight;
use crate::path::WirePath;
use crate::refusal::{Asked, Refusal, accept, other_version};
use crate::retry::{self, Budget};
use crate::session::{Session, Snapshot, Verdict};
use crate::transport::Request;
use crate::transport::{Response, Transport};
use crate::versions::Listing;

/// A KV mount of HashiCorp Vault or OpenBao. Made by its [`builder`](Self::builder).
#[derive(Debug)]
pub struct HashicorpVault {
    pub(crate) transport: Arc<Transport>,
    pub(crate) session: Session,
    pub(crate) desk: Arc<Desk>,
    pub(crate) mount: String,
    pub(crate) kv: KvVersion,
    pub(crate) namespace: Option<String>,
    pub(crate) budget: Budget,
    pub(crate) sight: Sight,
    /// Whether versions may be asked for, and what is known of how.
    pub(crate) poll: bool,
    pub(crate) listing: Listing,
    pub(crate) closed: AtomicBool,
}

impl HashicorpVault {
    /// A vault at `http://127.0.0.1:8200`, mount `secret`, KV v1, whose login is still to be set.
    #[must_use]
    pub fn builder() -> HashicorpVaultBuilder {
        HashicorpVaultBuilder::default()
    }

    async fn read_once(&self, request: &ReadRequest) -> Result<Document, Error> {
        let version = request.version.map(u64::from);
        let engine = self.engine().await?;
        let refusal = match self.fetch(engine, &request.resource, version).await {
            Ok(document) => return Ok(document),
            Err(refusal) => refusal,
        };
        match (self.actual_engine(&refusal).await, self.kv) {
            (Some(actual), KvVersion::Auto) if actual != engine => {
                let again = self.fetch(actual, &request.resource, version).await;
                again.map_err(|refusal| refusal.error)
            }
            (Some(actual), _) if actual != engine => {
                Err(other_version(&self.mount, actual, engine, refusal.error.status()))
            }
            _ => match (refusal.meaning, version) {
                (Some(Meaning::Absent), Some(version)) => {
                    Err(self.absent_version(request, version, refusal.error).await)
                }
                _ => Err(refusal.error),
            },
        }
    }

    async fn fetch(&self, engine: Engine, resource: &str, version: Option<u64>) -> Result<Document, Refusal> {
        let (path, query) = engine.locate(&self.mount, resource, version)?;
        let asked = Asked::Secret { mount: &self.mount, resource };
        let response = self.get(&path, query.as_deref(), asked).await?;
        Ok(engine.document(response.body.as_bytes(), resource, version)?)
    }

    /// Gets `path` with the session's token. A token that has died meanwhile is replaced once.
    pub(crate) async fn get(
        &self,
        path: &WirePath,
        query: Option<&str>,
        asked: Asked<'_>,
    ) -> Result<Response, Refusal> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the vault was closed").into());
        }
        let breaker = self.transport.breaker();
        let openings = breaker.openings();
        let _place = self.transport.place().await;
        if let Some(error) = breaker.opened_since(openings) {
            return Err(error.into());
        }
        let snapshot = self.session.token().await?;
        match self.get_with(&snapshot, path, query, asked).await {
            Err(refusal) if refusal.meaning == Some(Meaning::DeadToken) => {
                match self.session.rejected(&snapshot).await {
                    Ok(Verdict::Token(newer)) => self.get_with(&newer, path, query, asked).await,
                    Ok(Verdict::Alive) => Err(refusal),
                    // Whether it is alive can be asked once the server has been left alone.
                    Err(error) if error.retry_after().is_some() => Err(error.into()),
                    // The server's own word on a token that was configured says more than that there is no other.
                    Err(_) if snapshot.grant.origin == Origin::Supplied => Err(refusal),
                    Err(error) => Err(error.into()),
                }
            }
            result => result,
        }
    }

    async fn get_with(
        &self,
        snapshot: &Snapshot,
        path: &WirePath,
        query: Option<&str>,
        asked: Asked<'_>,
    ) -> Result<Response, Refusal> {
        let token = snapshot.token();
        let request = Request::get(path).query(query).namespace(self.namespace.as_deref()).token(token);
        let response = self.transport.send(&request).await?;
        let answer = accept(response, asked, path, token.map(Secret::as_bytes).as_slice());
        answer.inspect_err(|refusal| self.transport.refused(refusal))
    }

    /// The KV version to read by: the configured one, or the one that the server told.
    pub(crate) async fn engine(&self) -> Result<Engine, Error> {
        match self.kv {
            KvVersion::V1 => return Ok(Engine::V1),
            KvVersion::V2 => return Ok(Engine::V2),
            KvVersion::Auto => {}
        }
        let known = || self.sight.engine().map(Ok);
        if let Some(engine) = known() {
            return engine;
        }
        let _turn = self.sight.turn.lock().await;
        match known() {
            Some(engine) => engine,
            None => self.look().await.map_err(|refusal| refusal.error),
        }
    }

    /// Asks the server which KV version the mount is.
    pub(crate) async fn look(&self) -> Result<Engine, Refusal> {
        let path = WirePath::api(&format!("sys/internal/ui/mounts/{}", self.mount))?;
        let response = self.get(&path, None, Asked::Mount(&self.mount)).await?;
        let engine = engine_of_mount(response.body.as_bytes())?;
        self.sight.saw(engine);
        engine.ok_or_else(|| {
            let message = format!("mount `{}` is no KV mount (HTTP 200): check `mount`", self.mount);
            Error::new(ErrorKind::InvalidConfig, message).with_status(200).into()
        })
    }

    /// What the mount really is, where a refusal may come from taking it for something else. Both KV versions
    /// answer a path of the other with a plain 404, and a policy for one of them denies it.
    async fn actual_engine(&self, refusal: &Refusal) -> Option<Engine> {
        match refusal.meaning? {
            Meaning::IsVersioned => {
                self.sight.saw(Some(Engine::V2));
                return Some(Engine::V2);
            }
            Meaning::Absent | Meaning::Denied => {}
            _ => return None,
        }
        let _turn = self.sight.turn.lock().await;
        if let Some(seen) = self.sight.lately() {
            return seen;
        }
        // Each look spends a use of a token that has only so many.
        let spends = self.session.current()?.grant.uses.is_some();
        if spends {
            return None;
        }
        let seen = self.look().await.ok();
        self.sight.saw(seen);
        seen
    }

    /// Tells a missing version of a secret from a missing secret, which the server answers alike.
    async fn absent_version(&self, request: &ReadRequest, version: u64, absent: Error) -> Error {
        let resource = strongroom_core::escaped(&request.resource);
        let current = match self.fetch(Engine::V2, &request.resource, None).await {
            Ok(document) => document.version(),
            Err(Refusal { meaning: Some(Meaning::Deleted | Meaning::Destroyed), .. }) => None,
            Err(_) => return absent,
        };
        let current = current.map(|current| format!("; the current one is {current}")).unwrap_or_default();
        let message = format!("`{resource}` has no version {version} (HTTP 404){current}");
        Error::new(ErrorKind::NotFound, message).with_status(404)
    }
}

#[async_trait]
impl VaultBackend for HashicorpVault {
    fn describe(&self) -> Description {
        let engine = match (self.kv, self.sight.engine()) {
            (KvVersion::V1, _) => Engine::V1.name(),
            (KvVersion::V2, _) => Engine::V2.name(),
            (KvVersion::Auto, Some(engine)) => engine.name(),
            (KvVersion::Auto, None) => "KV auto",
        };
        let description = Description::new("hcv")
            .at(self.transport.address().to_string())
            .detail(format!("mount `{}`", self.mount))
            .detail(engine)
            .token_left(self.session.current().and_then(|snapshot| snapshot.left()));
        match &self.namespace {
            Some(namespace) => description.detail(format!("namespace `{namespace}`")),
            None => description,
        }
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, request: &ReadRequest) -> Result<Document, Error> {
        if let KvVersion::V1 = self.kv {
            // Refused before anybody logs in.
            Engine::V1.locate(&self.mount, &request.resource, request.version.map(u64::from))?;
        }
        retry::run(self.budget, self.transport.breaker(), || self.read_once(request)).await
    }

    async fn check(&self, probe: Probe) -> Result<Health, Error> {
        retry::run(self.budget, self.transport.breaker(), || self.check_once(probe)).await
    }

    fn batch(&self) -> Option<&dyn BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn VersionPoll> {
        let may_have_versions = self.kv != KvVersion::V1 && self.sight.engine() != Some(Engine::V1);
        (self.poll && may_have_versions).then_some(self)
    }

    fn changes(&self) -> Option<&dyn ChangeFeed> {
        None
    }

    async fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.session.leave().await;
        }
    }
}
