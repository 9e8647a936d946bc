use std::sync::atomic::{AtomicBool, AtomicU32};

use strongroom_core::{Answer, Identity, LoginCall, Origin, OutsideCall};

use super::*;

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

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_share_one_login_and_its_error() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(outage());
    let all = |session: &Session| {
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                let session = session.clone();
                tokio::spawn(async move { session.token().await.map(|token| token.epoch) })
            })
            .collect();
        async move {
            let mut results = Vec::new();
            for reader in readers {
                results.push(reader.await.unwrap());
            }
            results
        }
    };
    assert!(all(&session).await.iter().all(|result| result.as_ref().is_err_and(Error::is_retryable)));
    assert_eq!(world.counts(), (1, 0, 0));
    *world.login_error.lock().unwrap() = None;
    pass(Duration::from_secs(10)).await;
    assert!(all(&session).await.iter().all(Result::is_ok));
    assert_eq!(world.counts(), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_for_a_day_with_one_login() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    pass(24 * HOUR).await;
    assert_eq!(text(&session).await, "token-1");
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 0) && (32..=40).contains(&renewals), "{logins} {renewals} {lookups}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_replaced_before_it_ends() {
    let batch = {
        let mut grant = minted(Duration::from_secs(100), true);
        grant.batch = true;
        grant
    };
    for grant in [minted(Duration::from_secs(100), false), batch] {
        let (session, world) = session(world(grant));
        text(&session).await;
        pass(Duration::from_secs(79)).await;
        assert_eq!(text(&session).await, "token-1");
        pass(Duration::from_secs(12)).await;
        assert_eq!(text(&session).await, "token-2");
        assert_eq!(world.counts(), (2, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shrinking_lease_leads_to_a_new_login_at_once_without_a_gap() {
    let (session, world) = session(world(minted(Duration::from_secs(60), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Ok(lease(Duration::from_secs(20)));
    pass(Duration::from_secs(46)).await;
    assert_eq!(text(&session).await, "token-2");
    assert_eq!(world.counts(), (2, 1, 0));
    pass(Duration::from_secs(40)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"], "the old token is given back");
}

#[tokio::test(start_paused = true)]
async fn failing_renewals_are_bounded_and_end_in_a_login() {
    let (session, world) = session(world(minted(Duration::from_secs(600), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Err(outage());
    for _ in 0..590 {
        pass(Duration::from_secs(1)).await;
        text(&session).await;
    }
    let (logins, renewals, _) = world.counts();
    assert!(logins == 2 && (6..=250).contains(&renewals), "{logins} {renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_not_allowed_is_tried_once_in_a_lease() {
    let (session, world) = session(world(minted(Duration::from_secs(100), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Err(Error::new(ErrorKind::PermissionDenied, "1 error occurred"));
    pass(Duration::from_secs(92)).await;
    assert_eq!(text(&session).await, "token-2");
    assert_eq!(world.counts().1, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_costs_one_lookup_and_one_login_for_all() {
    let (session, world) = session(world(minted(HOUR, true)));
    let old = session.token().await.unwrap();
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let (session, old) = (session.clone(), old.clone());
            tokio::spawn(async move { session.rejected(&old).await })
        })
        .collect();
    for reader in readers {
        let Ok(Verdict::Token(token)) = reader.await.unwrap() else { panic!("the token was replaced") };
        assert_eq!(token.epoch, 2);
    }
    assert_eq!(world.counts(), (2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_policy_never_causes_a_login() {
    let (session, world) = session(world(minted(HOUR, true)));
    for answer in [Ok(lease(HOUR)), Err(Error::new(ErrorKind::PermissionDenied, "alive")), Err(outage())] {
        *world.looked_up.lock().unwrap() = answer;
        let token = session.token().await.unwrap();
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
    }
    assert_eq!(world.counts().0, 1);
}

#[tokio::test(start_paused = true)]
async fn logins_keep_under_their_rate_whatever_is_rejected() {
    let (session, world) = session(world(minted(HOUR, true)));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(100) {
        let token = session.token().await.unwrap();
        let _ = session.rejected(&token).await;
        pass(Duration::from_millis(1)).await;
    }
    assert!((18..=24).contains(&world.counts().0), "{:?}", world.counts());
}

#[tokio::test(start_paused = true)]
async fn failing_logins_keep_under_their_rate_and_nobody_hangs() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    for _ in 0..36_000 {
        assert!(session.token().await.is_err());
        pass(Duration::from_millis(100)).await;
    }
    let logins = world.counts().0;
    assert!((12..=100).contains(&logins), "{logins} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_changed_credential_is_tried_at_once() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "spent"));
    for _ in 0..5 {
        let _ = session.token().await;
        pass(Duration::from_secs(60)).await;
    }
    let _ = session.token().await;
    *world.login_error.lock().unwrap() = None;
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    let before = world.counts().0;
    text(&session).await;
    assert_eq!(world.counts().0, before, "the login was over already");

    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(session.token().await.unwrap().epoch, 2, "a live token is replaced too");
}

#[tokio::test(start_paused = true)]
async fn a_use_limited_token_is_replaced_in_time_and_never_probed() {
    let mut grant = minted(HOUR, false);
    grant.uses = Some(5);
    let (session, world) = session(world(grant));
    for _ in 0..40 {
        text(&session).await;
        pass(Duration::from_secs(6)).await;
    }
    let (logins, _, lookups) = world.counts();
    assert!((10..=20).contains(&logins) && lookups == 0, "{logins}");
}

#[tokio::test(start_paused = true)]
async fn uses_that_are_gone_stay_gone_whatever_comes_of_renewals() {
    let denied = || Err(Error::new(ErrorKind::PermissionDenied, "1 error occurred"));
    for renewed in [Ok(lease(Duration::from_secs(100))), denied()] {
        let mut grant = minted(Duration::from_secs(100), true);
        grant.uses = Some(12);
        let (session, world) = session(world(grant));
        *world.renewed.lock().unwrap() = renewed;
        let mut reads = 0;
        while text(&session).await == "token-1" {
            reads += 1;
            pass(Duration::from_secs(9)).await;
        }
        let renewals = world.counts().1;
        assert!(renewals >= 1 && (9..=12).contains(&(reads + renewals)), "{reads} {renewals}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_nearly_spent_token_keeps_the_wait_between_failing_logins() {
    let mut grant = minted(Duration::ZERO, false);
    grant.uses = Some(5);
    let (session, world) = session(world(grant));
    text(&session).await;
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    text(&session).await;
    text(&session).await;
    pass(HOUR).await;
    let logins = world.counts().0;
    assert!((12..=100).contains(&logins), "{logins} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_policy_keeps_the_wait_between_failing_logins() {
    let (session, world) = session(world(minted(10 * HOUR, false)));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    let token = session.token().await.unwrap();
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    pass(9 * HOUR).await;
    let before = world.counts().0;
    for _ in 0..1800 {
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        pass(Duration::from_secs(1)).await;
    }
    let logins = world.counts().0 - before;
    assert!((3..=60).contains(&logins), "{logins} in half an hour");
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_is_looked_up_once_renewed_and_never_revoked() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    text(&session).await;
    pass(10 * HOUR).await;
    assert_eq!(text(&session).await, "mine");
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 1) && renewals >= 12, "{logins} {renewals} {lookups}");
    session.close().await;
    assert!(world.revoked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_that_never_ends_is_looked_up_once_too() {
    let (session, world) = session(world(Grant::supplied(Secret::from("root"))));
    *world.looked_up.lock().unwrap() = Ok(Lease { ttl: None, renewable: false, uses: None });
    text(&session).await;
    pass(10 * HOUR).await;
    assert_eq!(text(&session).await, "root");
    assert_eq!(world.counts(), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_look_up_waits_while_the_server_wants_to_be_left_alone() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    *world.looked_up.lock().unwrap() = Err(wants_peace(Duration::from_secs(40)));
    text(&session).await;
    pass(Duration::from_secs(35)).await;
    assert_eq!(world.counts(), (1, 0, 1));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    pass(2 * HOUR).await;
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 2) && renewals >= 2, "{logins} {renewals} {lookups}");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_while_the_server_wants_to_be_left_alone_is_settled_afterwards() {
    for grant in [minted(HOUR, true), Grant::supplied(Secret::from("mine"))] {
        let (session, world) = session(world(grant));
        *world.looked_up.lock().unwrap() = Err(wants_peace(Duration::from_secs(40)));
        let token = session.token().await.unwrap();
        let error = session.rejected(&token).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
        assert_eq!(session.token().await.unwrap().epoch, token.epoch, "others go on");
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        pass(Duration::from_secs(40)).await;
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        assert_eq!(world.counts().0, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_configured_token_is_an_error_until_it_changes() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    let token = session.token().await.unwrap();
    let error = session.rejected(&token).await.unwrap_err();
    assert!(error.to_string().contains("configured token is dead") && !error.is_retryable(), "{error}");
    assert!(session.token().await.is_err());
    pass(Duration::from_millis(1)).await;
    *world.grant.lock().unwrap() = Grant::supplied(Secret::from("another"));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(text(&session).await, "another");
}

#[tokio::test(start_paused = true)]
async fn a_login_that_hangs_or_panics_is_an_error_and_poisons_nobody() {
    let (session, world) = session(World { login_takes: HOUR, ..world(minted(HOUR, true)) });
    let start = Instant::now();
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(start.elapsed() <= Duration::from_secs(11));
    session.close().await;
    drop(world);
    let (session, world) = session_of(minted(HOUR, true));
    world.panics.store(true, Ordering::SeqCst);
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Internal);
    pass(Duration::from_secs(10)).await;
    text(&session).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_cancels_nobody() {
    let (session, world) = session(world(minted(HOUR, true)));
    for _ in 0..10 {
        let _ = timeout(Duration::from_micros(1), session.token()).await;
    }
    text(&session).await;
    assert_eq!(world.counts().0, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_revokes_what_was_minted_here_in_any_state() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    session.close().await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Closed);
    session.close().await;
    assert_eq!(world.revoked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn closing_in_the_middle_of_a_login_leaves_no_token() {
    let (session, world) =
        session(World { login_takes: Duration::from_millis(500), ..world(minted(HOUR, true)) });
    let reader = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    pass(Duration::from_millis(100)).await;
    session.close().await;
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

/// Replaces the first token, as a changed credential does.
async fn replace(session: &Session, world: &World) {
    assert_eq!(text(session).await, "token-1");
    pass(Duration::from_millis(1)).await;
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(text(session).await, "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_replaced_token_that_never_ends_is_revoked_after_its_requests() {
    let (session, world) = session(world(minted(Duration::ZERO, false)));
    replace(&session, &world).await;
    pass(Duration::from_secs(20)).await;
    assert!(world.revoked.lock().unwrap().is_empty());
    pass(Duration::from_secs(20)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
    session.close().await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1", "token-2"], "each of them once");
}

#[tokio::test(start_paused = true)]
async fn closing_revokes_replaced_tokens_too_and_leaves_nothing_behind() {
    for revoking_takes in [Duration::ZERO, HOUR] {
        let (session, world) = session(World { revoking_takes, ..world(minted(HOUR, true)) });
        replace(&session, &world).await;
        let start = Instant::now();
        session.close().await;
        assert!(start.elapsed() < Duration::from_millis(1_600), "{:?}", start.elapsed());
        let all = || {
            let mut revoked = world.revoked.lock().unwrap().clone();
            revoked.sort();
            revoked
        };
        assert_eq!(all(), ["token-1", "token-2"]);
        drop(session);
        pass(Duration::from_secs(60)).await;
        assert_eq!(all().len(), 2, "nothing comes after the end");
        assert_eq!(Arc::strong_count(&world), 1, "no task outlives the session");
    }
}

#[test]
fn a_replaced_token_is_revoked_in_another_runtime() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (session, world) = session(world(minted(Duration::ZERO, false)));
    runtime().block_on(replace(&session, &world));
    assert!(world.revoked.lock().unwrap().is_empty());
    runtime().block_on(async {
        let token = session.token().await.unwrap();
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        pass(Duration::from_secs(40)).await;
    });
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_task_and_the_token_with_it() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    drop(session);
    pass(Duration::from_secs(1)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

#[test]
fn a_session_goes_on_in_another_runtime_with_the_same_token() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (session, world) = session(world(minted(HOUR, true)));
    runtime().block_on(text(&session));
    let second = runtime();
    second.block_on(async {
        assert_eq!(text(&session).await, "token-1");
        let token = session.token().await.unwrap();
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Token(_)));
    });
    assert_eq!(world.counts().0, 2);
    drop(second);
    runtime().block_on(session.close());
    assert_eq!(*world.revoked.lock().unwrap(), ["token-2"]);
}

#[test]
fn a_session_whose_runtime_nobody_drives_goes_on_where_somebody_reads() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut world = world(minted(HOUR, true));
    world.login_takes = Duration::from_millis(100);
    let (session, world) = session(world);
    // All of them live on, and none is driven but when it is asked.
    let runtimes = [runtime(), runtime(), runtime()];
    // The first login is left under way.
    runtimes[0].block_on(async {
        assert!(timeout(Duration::from_millis(10), session.token()).await.is_err());
    });
    runtimes[1].block_on(async {
        let start = Instant::now();
        assert_eq!(text(&session).await, "token-2");
        // A login comes five seconds after the one before.
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    });
    runtimes[2].block_on(async {
        assert_eq!(text(&session).await, "token-2");
        let start = Instant::now();
        let token = session.token().await.unwrap();
        *world.looked_up.lock().unwrap() = Err(dead());
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Token(_)));
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
        assert_eq!(text(&session).await, "token-3");
    });
    // Its end does not wait for a runtime that stands still.
    let last = runtime();
    last.block_on(async {
        let start = Instant::now();
        session.close().await;
        assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert_eq!(*world.revoked.lock().unwrap(), ["token-3"]);
    // What was left in the others is over when somebody drives them again.
    for runtime in runtimes {
        runtime.block_on(pass(Duration::from_secs(60)));
    }
    assert_eq!(world.counts().0, 3);
}

#[test]
fn a_session_that_is_merely_slow_in_another_runtime_is_left_there() {
    let driven = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut world = world(minted(HOUR, true));
    world.login_takes = Duration::from_millis(3_500);
    let (session, world) = session(world);
    let first = session.clone();
    let first = driven.spawn(async move { text(&first).await });
    std::thread::sleep(Duration::from_millis(100));
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(other.block_on(text(&session)), "token-1");
    assert_eq!(driven.block_on(first).unwrap(), "token-1");
    assert_eq!(world.counts().0, 1);
}
