use std::sync::atomic::{AtomicBool, AtomicU32};

use strongroom_core::{Answer, Identity, LoginCall, Origin, OutsideCall};

use super::*;

mod ends;
mod lives;
mod logins;
mod renewals;
mod runtimes;

const HOUR: Duration = Duration::from_secs(3600);

/// A login and a server in one, both as the test wants them, counting what they are asked.
#[derive(Debug)]
struct World {
    grant: Mutex<Grant>,
    login_error: Mutex<Option<Error>>,
    login_takes: Duration,
    panics: AtomicBool,
    renewed: Mutex<Result<Lease, Error>>,
    looked_up: Mutex<Result<Lease, Error>>,
    changed: tokio::sync::Notify,
    logins: AtomicU32,
    renewals: AtomicU32,
    lookups: AtomicU32,
    revoked: Mutex<Vec<String>>,
    revoking_takes: Duration,
}

#[derive(Debug)]
struct Auth(Arc<World>);

#[derive(Debug)]
struct Server(Arc<World>, Nobody);

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl LoginServer for Nobody {
    async fn call(&self, _: LoginCall<'_>) -> Result<Answer, Error> {
        panic!("the test's login calls nobody")
    }
    async fn outside(&self, _: OutsideCall<'_>) -> Result<Answer, Error> {
        panic!("the test's login calls nobody")
    }
    fn is_encrypted(&self) -> bool {
        true
    }
}

#[async_trait]
impl AuthMethod for Auth {
    fn name(&self) -> &'static str {
        "test"
    }
    fn identity(&self) -> Identity {
        Identity::new("test", &[])
    }
    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        let number = self.0.logins.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(self.0.login_takes).await;
        if self.0.panics.swap(false, Ordering::SeqCst) {
            panic!("as the test asks");
        }
        if let Some(error) = self.0.login_error.lock().unwrap().clone() {
            return Err(error);
        }
        let mut grant = self.0.grant.lock().unwrap().clone();
        if grant.origin == Origin::Minted {
            grant.token = Some(Secret::from(format!("token-{number}")));
        }
        Ok(grant)
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        self.0.changed.notified().await;
    }
}

#[async_trait]
impl TokenServer for Server {
    fn login_server(&self) -> &dyn LoginServer {
        &self.1
    }
    async fn renew(&self, _: &Secret, _: Option<&ClientIdentity>) -> Result<Lease, Error> {
        self.0.renewals.fetch_add(1, Ordering::SeqCst);
        self.0.renewed.lock().unwrap().clone()
    }
    async fn look_up(&self, _: &Secret) -> Result<Lease, Error> {
        self.0.lookups.fetch_add(1, Ordering::SeqCst);
        self.0.looked_up.lock().unwrap().clone()
    }
    async fn revoke(&self, token: &Secret) -> Result<(), Error> {
        self.0.revoked.lock().unwrap().push(token.as_str().unwrap().to_owned());
        tokio::time::sleep(self.0.revoking_takes).await;
        Ok(())
    }
}

fn minted(lease: Duration, renewable: bool) -> Grant {
    let mut grant = Grant::absent();
    (grant.origin, grant.renewable) = (Origin::Minted, renewable);
    grant.lease = (!lease.is_zero()).then_some(lease);
    grant
}

fn lease(ttl: Duration) -> Lease {
    Lease { ttl: Some(ttl), renewable: true, uses: None }
}

fn dead() -> Error {
    Error::new(ErrorKind::Unauthenticated, "permission denied")
}

fn outage() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused").transient()
}

fn wants_peace(wait: Duration) -> Error {
    Error::new(ErrorKind::RateLimited, "fewer requests").transient().with_retry_after(wait)
}

fn world(grant: Grant) -> World {
    World {
        renewed: Mutex::new(Ok(lease(grant.lease.unwrap_or(HOUR)))),
        looked_up: Mutex::new(Err(dead())),
        grant: Mutex::new(grant),
        login_error: Mutex::default(),
        login_takes: Duration::from_millis(10),
        panics: AtomicBool::default(),
        changed: tokio::sync::Notify::new(),
        logins: AtomicU32::default(),
        renewals: AtomicU32::default(),
        lookups: AtomicU32::default(),
        revoked: Mutex::default(),
        revoking_takes: Duration::ZERO,
    }
}

fn session(world: World) -> (Session, Arc<World>) {
    let world = Arc::new(world);
    (Session::new(Arc::new(Auth(world.clone())), Arc::new(Server(world.clone(), Nobody))), world)
}

fn session_of(grant: Grant) -> (Session, Arc<World>) {
    session(world(grant))
}

impl World {
    /// How many logins, renewals and lookups there were.
    fn counts(&self) -> (u32, u32, u32) {
        let count = |counter: &AtomicU32| counter.load(Ordering::SeqCst);
        (count(&self.logins), count(&self.renewals), count(&self.lookups))
    }
}

async fn text(session: &Session) -> String {
    session.token().await.unwrap().token().unwrap().as_str().unwrap().to_owned()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Replaces the first token, as a changed credential does.
async fn replace(session: &Session, world: &World) {
    assert_eq!(text(session).await, "token-1");
    pass(Duration::from_millis(1)).await;
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(text(session).await, "token-2");
}
