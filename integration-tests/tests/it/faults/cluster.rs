//! A real raft cluster of three: standbys that lag, leaders that go, a quorum that is lost.

use strongroom_integration_tests::Cluster;

use super::*;

const LOGIN: &str = "/v1/auth/approle/login";

/// Reads without a pause until told to end; gives how many there were and which failed.
struct Readers(
    Vec<tokio::task::JoinHandle<(usize, Vec<String>)>>,
    std::sync::Arc<std::sync::atomic::AtomicBool>,
);

impl Readers {
    fn start(registry: &Registry) -> Self {
        let end = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let readers = (0..4).map(|_| {
            let (registry, end) = (registry.clone(), end.clone());
            tokio::spawn(async move {
                let (mut count, mut failed) = (0, Vec::new());
                while !end.load(std::sync::atomic::Ordering::SeqCst) {
                    // The backend itself: the registry would serve what it remembers.
                    let backend = registry.vault("under-test").unwrap().backend().clone();
                    let read = backend.read(&strongroom_core::ReadRequest::new("x")).await;
                    failed.extend(read.err().map(|error| format!("{error:?}")));
                    count += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                (count, failed)
            })
        });
        Self(readers.collect(), end)
    }

    async fn end(self) -> (usize, Vec<String>) {
        self.1.store(true, std::sync::atomic::Ordering::SeqCst);
        let (mut count, mut failed) = (0, Vec::new());
        for reader in self.0 {
            let (more, faults) = reader.await.unwrap();
            count += more;
            failed.extend(faults);
        }
        (count, failed)
    }
}

/// One cluster for all of it, since three nodes take ten seconds to trust each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_ridden_through_its_life() {
    let mut cluster = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start();
        cluster.wait_for_votes();
        cluster
    })
    .await
    .unwrap();
    let api = cluster.nodes()[cluster.leader()].api().clone();
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/web", &json!({"token_policies": "reader", "token_ttl": "1h"}));
    api.must("POST", "auth/approle/role/web/role-id", &json!({"role_id": "the-web-servers-role"}));
    api.must("POST", "auth/approle/role/web/custom-secret-id", &json!({"secret_id": CANARY}));
    // Written last, so that where it is known all of it is.
    api.write_kv2("secret", "x", &json!({"n": "0"}));
    cluster.wait_for("secret/data/x");
    let proxies: Vec<_> = cluster.nodes().iter().map(Proxy::in_front_of).collect();
    let through = |which: &[usize]| {
        let addresses: Vec<_> = which.iter().map(|at| proxies[*at].address()).collect();
        let auth = AppRoleAuth::new("the-web-servers-role", CANARY);
        vault("", "").addresses(addresses).auth(auth).retries(3).request_timeout(Duration::from_secs(3))
    };
    let count = |target: Option<&str>| -> usize {
        let counts = proxies.iter().map(|proxy| match target {
            Some(target) => proxy.count("POST", target),
            None => proxy.requests().len(),
        });
        counts.sum()
    };
    let forget = || proxies.iter().for_each(|proxy| drop(proxy.take_requests()));

    // 7: what a standby says is never older than what it said before.
    let standby = cluster.standbys()[0];
    let follower = registry(through(&[standby]));
    let live = follower.watch(reference("x/n")).await.unwrap();
    forget();
    for n in 1..=30 {
        let version = api.write_kv2("secret", "x", &json!({"n": n.to_string()}));
        let before = live.version();
        if let Err(error) = live.refresh().await {
            let error = format!("{error:?}");
            assert!(error.contains("an older version than before"), "{error}");
        }
        assert!(
            live.version() >= before && live.version() <= Some(version),
            "{:?} after {before:?}",
            live.version()
        );
    }
    let settled = async || {
        let _ = live.refresh().await;
        live.version()
    };
    eventually("the last version", Duration::from_secs(5), settled, |version| *version == Some(31)).await;
    Proof::of("7")
        .note("30 writes read at once from a standby: never backwards, settled on the last", count(None));

    // 8: a standby that has not heard of a secret yet.
    forget();
    let mut slowest = Duration::ZERO;
    for n in 0..10 {
        api.write_kv2("secret", &format!("new/{n}"), &json!({"n": "there"}));
        let vault = through(&[standby]).neg_ttl(Duration::from_millis(500));
        let fresh = registry(vault);
        let path = format!("new/{n}/n");
        let there = async || fresh.get(reference(&path)).await.is_ok();
        slowest =
            slowest.max(eventually("a new secret", Duration::from_secs(3), there, |there| *there).await);
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    Proof::of("8").note("there within 2 s of the first look", count(None));

    // 5: the leader steps down; nobody reads an error.
    let all = registry(through(&[0, 1, 2]));
    read(&all, "x/n").await.unwrap();
    forget();
    let readers = Readers::start(&all);
    api.must("PUT", "sys/step-down", &json!({}));
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster = tokio::task::spawn_blocking(move || {
        let _ = cluster.leader();
        cluster
    })
    .await
    .unwrap();
    let (reads, failed) = readers.end().await;
    assert!(failed.is_empty(), "{} of {reads} reads failed: {failed:?}", failed.len());
    assert_eq!(count(Some(LOGIN)), 0);
    let extra = count(None).saturating_sub(reads);
    Proof::of("5").note("no read failed, no login; requests beyond one a read are counted", extra);

    // 4: the leader is killed; reads go on, and a login is made once somebody leads.
    let leader = cluster.leader();
    forget();
    let readers = Readers::start(&all);
    cluster.node_mut(leader).stop();
    let fresh = registry(through(&[0, 1, 2]));
    let login = async || read(&fresh, "x/n").await.map_err(|error| format!("{error:?}"));
    let took = eventually("a login", Duration::from_secs(75), login, Result::is_ok).await;
    let (reads, failed) = readers.end().await;
    assert!(failed.is_empty(), "{} of {reads} reads failed: {failed:?}", failed.len());
    let logins = count(Some(LOGIN));
    assert!(logins <= 3 + took.as_secs() as usize, "{logins} logins in {took:?}");
    let extra = count(None).saturating_sub(reads);
    Proof::of("4").note(
        "no read failed; a login succeeded within the election; requests beyond one a read are counted",
        extra,
    );

    // 6: one node is left, which answers what it has and leads nobody.
    let survivor = (0..3).find(|at| *at != leader && *at != cluster.leader()).unwrap();
    let second = cluster.leader();
    cluster.node_mut(second).stop();
    forget();
    let readers = Readers::start(&all);
    let alone = registry(through(&[survivor]));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        assert!(read(&alone, "x/n").await.is_err(), "nobody can be logged in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (reads, failed) = readers.end().await;
    assert!(failed.len() <= reads / 4, "{} of {reads} reads failed: {failed:?}", failed.len());
    let logins = count(Some(LOGIN));
    assert!(logins <= 4, "{logins} logins in 4 s");
    Proof::of("6").note("what the last node has is served; its redirects to itself are not followed", logins);
}
