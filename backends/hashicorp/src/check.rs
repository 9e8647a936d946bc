//! Whether a vault can be reached and lets us in, without reading a secret or spending a credential.

use std::time::Duration;

use strongroom_core::{Error, ErrorKind, Health, Probe};

use crate::HashicorpVault;
use crate::answer::Meaning;
use crate::kv::{Engine, KvVersion};
use crate::path::WirePath;
use crate::refusal::{Refusal, other_version};
use crate::session::{Snapshot, Verdict};
use crate::transport::Request;

impl HashicorpVault {
    pub(crate) async fn check_once(&self, probe: Probe) -> Result<Health, Error> {
        self.reach().await?;
        let method = self.session.auth();
        let mut health = Health::default();
        let careful = probe == Probe::Careful && self.session.current().is_none();
        if careful && !method.examine(&*self.desk).await? {
            // A login would spend a credential that works once, so nobody logs in to find out more.
            health.login = Some(format!("{}, not tried", method.name()));
            return Ok(health);
        }
        let snapshot = self.session.token().await?;
        health.login = Some(method.name().to_owned());
        health.token_ttl = self.token_ttl(&snapshot).await?;
        health.engine = Some(self.proven_engine().await?.name().to_owned());
        Ok(health)
    }

    /// Asks a node how it is. Its status says what it is, not whether the question was a good one.
    async fn reach(&self) -> Result<(), Error> {
        let path = WirePath::api("sys/health")?;
        let _place = self.transport.place().await;
        let response = self.transport.send(&Request::get(&path)).await?;
        let status = response.status;
        let sealed = |what: &str| {
            let message = format!("the vault is {what} (HTTP {status})");
            Err(Error::new(ErrorKind::Sealed, message).transient().with_status(status))
        };
        match status {
            // 501 and 503 of a load balancer look alike but for the body.
            501 if says(response.body.as_bytes(), "\"initialized\":false") => sealed("not initialised"),
            503 if says(response.body.as_bytes(), "\"sealed\":true") => sealed("sealed"),
            472 => {
                let message = "the node is a disaster recovery secondary, which serves no reads (HTTP 472)";
                Err(Error::new(ErrorKind::Unavailable, message).with_status(status))
            }
            408 | 500.. => {
                let message = format!("the server cannot say how it is (HTTP {status})");
                Err(Error::new(ErrorKind::Unavailable, message).transient().with_status(status))
            }
            // Active, standby, or somebody on the way who keeps the question from the server.
            _ => Ok(()),
        }
    }

    /// How long the token lives. A token is asked about, unless that would use it up or it is not ours to ask.
    async fn token_ttl(&self, snapshot: &Snapshot) -> Result<Option<Duration>, Error> {
        let Some(token) = snapshot.token().filter(|_| snapshot.grant.uses.is_none()) else {
            return Ok(snapshot.left());
        };
        let path = WirePath::api("auth/token/lookup-self")?;
        let mut answer = self.desk.about(Request::get(&path), token).await;
        if answer.as_ref().is_err_and(|error| error.kind() == Meaning::DeadToken.kind()) {
            if let Ok(Verdict::Token(newer)) = self.session.rejected(snapshot).await {
                if let Some(token) = newer.token() {
                    answer = self.desk.about(Request::get(&path), token).await;
                }
            }
        }
        match answer {
            Ok(answer) => {
                self.desk.warn_of_root(&answer);
                Ok(answer.seconds("/data/ttl"))
            }
            // Alive, but without the policy that lets a token ask about itself.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(snapshot.left()),
            Err(error) => Err(error),
        }
    }

    /// The KV version to read by, which must be the mount's own where the server tells.
    async fn proven_engine(&self) -> Result<Engine, Error> {
        let engine = self.engine().await?;
        let spends = self.session.token().await?.grant.uses.is_some();
        if self.kv == KvVersion::Auto || spends {
            return Ok(engine);
        }
        match self.look().await {
            Ok(actual) if actual != engine => Err(other_version(&self.mount, actual, engine, Some(200))),
            Ok(_) => Ok(engine),
            Err(Refusal { meaning: Some(Meaning::HiddenMount), error, .. }) => {
                let message = format!("there is no mount `{}`, or the token has no right on it", self.mount);
                let status = error.status();
                let error = Error::new(error.kind(), message).with_source(error);
                Err(status.into_iter().fold(error, Error::with_status))
            }
            Err(refusal) => Err(refusal.error),
        }
    }
}

fn says(body: &[u8], what: &str) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| text.contains(what))
}
