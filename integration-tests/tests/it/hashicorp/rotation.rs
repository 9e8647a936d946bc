//! Rotation against a real server, counted at its door.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use strongroom_core::{CacheLimits, Live, Policy};
use strongroom_integration_tests::proxy::Upstream;
use strongroom_integration_tests::{Cluster, Proxy};

use super::*;

fn rotated(backend: HashicorpVaultBuilder, ttl: u64) -> Registry {
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(ttl));
    registry(backend.build().unwrap().with_policy(policy))
}

async fn watch_all(registry: &Registry, references: &[String]) -> Vec<Live> {
    let warm = registry.get_many(references).await;
    assert!(warm.iter().all(Result::is_ok), "{:?}", warm.iter().find(|value| value.is_err()));
    let mut live = Vec::new();
    for reference in references {
        live.push(registry.watch(reference).await.unwrap());
    }
    live
}

/// So many folders with so many secrets each, in a mount of their own, and references to all of them.
fn fill(server: &Server, folders: usize, secrets: usize) -> (String, Vec<String>) {
    let mount = mount();
    server.api().mount_kv(&mount, 2);
    let places: Vec<_> = (0..folders).flat_map(|f| (0..secrets).map(move |s| format!("f{f}/s{s}"))).collect();
    std::thread::scope(|scope| {
        for part in places.chunks(places.len().div_ceil(4)) {
            let (api, mount) = (server.api().clone(), &mount);
            scope.spawn(move || {
                for place in part {
                    api.write_kv2(mount, place, &json!({"a": "1"}));
                }
            });
        }
    });
    (mount, places.iter().map(|place| format!("{{vault://under-test/{place}/a}}")).collect())
}

/// What was asked for since, but for the one look at the token.
fn taken(proxy: &Proxy) -> Vec<Recorded> {
    let requests = proxy.take_requests();
    requests.into_iter().filter(|request| request.target != "/v1/auth/token/lookup-self").collect()
}

fn is_a_question(request: &Recorded) -> bool {
    request.target.contains("/detailed-metadata/")
}

/// Whether all were read, or found unchanged, within the ttl; a loaded machine gets a second more.
fn are_fresh(live: &[Live], ttl: u64) -> bool {
    live.iter().all(|live| live.current().is_ok() && live.age() <= Duration::from_secs(ttl + 1))
}

/// After a ttl everything in a folder falls due together: what landed late has been read by itself until then.
async fn settled(proxy: &Proxy, ttl: u64) {
    seconds(ttl + 1).await;
    proxy.take_requests();
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_a_folder_finds_what_has_changed() {
    let server = Server::shared();
    let (mount, references) = fill(server, 4, 50);
    let proxy = Proxy::in_front_of(server);
    let registry = rotated(vault(&proxy.address(), server.token()).mount(&mount), 4);
    let live = watch_all(&registry, &references).await;
    settled(&proxy, 4).await;

    seconds(12).await;
    let quiet = taken(&proxy);
    assert!(quiet.iter().all(is_a_question), "{:?}", targets(&quiet));
    assert!((8..=18).contains(&quiet.len()), "{} requests in three ttls of four folders", quiet.len());
    assert!(are_fresh(&live, 4));

    // Changed, deleted, destroyed, and made anew with the same number.
    let api = server.api();
    api.write_kv2(&mount, "f0/s0", &json!({"a": "2"}));
    api.delete_versions(&mount, "f0/s1", &[1]);
    api.destroy_versions(&mount, "f1/s2", &[1]);
    api.delete(&format!("{mount}/metadata/f2/s3"));
    api.write_kv2(&mount, "f2/s3", &json!({"a": "anew"}));
    seconds(6).await;
    let text = |at: usize| live[at].current().map(|now| now.as_str().unwrap().to_owned());
    assert_eq!(text(0).unwrap(), "2");
    assert_eq!(text(1).unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!(text(52).unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!(text(103).unwrap(), "anew");
    let requests = taken(&proxy);
    let reads: Vec<_> = requests.iter().filter(|request| !is_a_question(request)).collect();
    assert!((4..=6).contains(&reads.len()), "{:?}", targets(&requests));

    api.undelete_versions(&mount, "f0/s1", &[1]);
    seconds(5).await;
    assert_eq!(text(1).unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_folder_is_paged_and_one_with_too_many_others_is_read() {
    let server = Server::shared();
    let (mount, references) = fill(server, 1, 1100);
    let proxy = Proxy::in_front_of(server);
    let all = rotated(vault(&proxy.address(), server.token()).mount(&mount), 6);
    let live = watch_all(&all, &references).await;
    settled(&proxy, 6).await;
    seconds(8).await;
    let requests = taken(&proxy);
    assert!(requests.iter().all(is_a_question), "{:?}", targets(&requests));
    assert!((3..=9).contains(&requests.len()), "{:?}", targets(&requests));
    assert!(are_fresh(&live, 6));
    drop((live, all));

    // An answer that would be too large is asked for in smaller pages.
    let proxy = Proxy::in_front_of(server);
    let small = vault(&proxy.address(), server.token()).mount(&mount).max_response_bytes(100_000);
    let small = rotated(small, 5);
    let live = watch_all(&small, &references[..300]).await;
    settled(&proxy, 5).await;
    seconds(6).await;
    let requests = taken(&proxy);
    assert!(requests.iter().all(is_a_question), "{:?}", targets(&requests));
    assert!(are_fresh(&live, 5));
    drop((live, small));

    // Two of 1,100, one of them far down the list: to read them is cheaper.
    let proxy = Proxy::in_front_of(server);
    let few = rotated(vault(&proxy.address(), server.token()).mount(&mount), 2);
    let live = watch_all(&few, &[references[0].clone(), references[999].clone()]).await;
    proxy.take_requests();
    seconds(8).await;
    let requests = taken(&proxy);
    let questions = requests.iter().filter(|request| is_a_question(request)).count();
    assert!(questions <= 2, "{:?}", targets(&requests));
    assert!((6..=12).contains(&(requests.len() - questions)), "{:?}", targets(&requests));
    assert!(are_fresh(&live, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_versions_cannot_be_asked_for_each_secret_is_read() {
    let server = Server::shared();
    let (mount, references) = fill(server, 2, 10);
    let api = server.api();
    api.policy(&mount, &format!("path \"{mount}/data/*\" {{ capabilities = [\"read\"] }}"));
    let token = api.create_token(&json!({"policies": [mount]}));
    let listing = format!("{mount}-listing");
    let right = format!("path \"{mount}/detailed-metadata/f0/\" {{ capabilities = [\"list\"] }}");
    api.policy(&listing, &right);
    let lister = api.create_token(&json!({"policies": [mount, listing]}));

    let look = async |backend: HashicorpVaultBuilder, proxy: &Proxy| {
        let registry = rotated(backend.mount(&mount), 2);
        let live = watch_all(&registry, &references).await;
        proxy.take_requests();
        seconds(6).await;
        assert!(are_fresh(&live, 2));
        let requests = taken(proxy);
        let questions = requests.iter().filter(|request| is_a_question(request)).count();
        (questions, requests.len() - questions)
    };
    let proxy = Proxy::in_front_of(server);
    // Denied.
    let (questions, reads) = look(vault(&proxy.address(), &token), &proxy).await;
    assert!(questions <= 2 && (40..=100).contains(&reads), "{questions} questions, {reads} reads");
    // Allowed for one folder of the two.
    let (questions, reads) = look(vault(&proxy.address(), &lister), &proxy).await;
    assert!(
        (3..=6).contains(&questions) && (30..=50).contains(&reads),
        "{questions} questions, {reads} reads"
    );
    // Not wanted.
    let (questions, reads) = look(vault(&proxy.address(), server.token()).poll(false), &proxy).await;
    assert!(questions == 0 && (40..=100).contains(&reads), "{questions} questions, {reads} reads");
    // A server without it, as HashiCorp Vault is.
    proxy.intercept(|request, upstream| match is_a_question(request) {
        true => Reply::json(404, &json!({"errors": ["1 error occurred:\n\t* unsupported path\n\n"]})),
        false => upstream.forward(request),
    });
    let (questions, reads) = look(vault(&proxy.address(), server.token()), &proxy).await;
    assert!(questions <= 1 && (40..=100).contains(&reads), "{questions} questions, {reads} reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_be_listed_and_no_longer_read_ends() {
    let server = Server::shared();
    let (mount, references) = fill(server, 5, 10);
    let api = server.api();
    let list = format!("path \"{mount}/detailed-metadata/*\" {{ capabilities = [\"list\"] }}\n");
    let read = format!("path \"{mount}/data/*\" {{ capabilities = [\"read\"] }}\n");
    api.policy(&mount, &format!("{list}{read}"));
    let token = api.create_token(&json!({"policies": [mount]}));
    let proxy = Proxy::in_front_of(server);
    let registry = rotated(vault(&proxy.address(), &token).mount(&mount), 1);
    let live = watch_all(&registry, &references).await;
    settled(&proxy, 1).await;
    seconds(4).await;
    let requests = taken(&proxy);
    assert!(requests.iter().all(is_a_question), "{:?}", targets(&requests));
    assert!(are_fresh(&live, 1));

    api.policy(&mount, &list);
    // Until one of five folders is looked at, 20 rounds at most; two tries; a round until the others are looked at, two
    // tries; and a ttl and two tries for the rest of each.
    let (narrowed, bound) = (Instant::now(), Duration::from_secs(20 + 2 + 1 + 2 + 1 + 2));
    let is_denied =
        |live: &Live| live.current().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    while !live.iter().all(is_denied) {
        assert!(narrowed.elapsed() < bound + Duration::from_secs(5), "some are still served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let passed = narrowed.elapsed().as_secs_f64();
    let requests = taken(&proxy);
    let reads = requests.iter().filter(|request| !is_a_question(request)).count();
    // Each twice, and once a round from then on.
    assert!((100..=100 + 50 * 15).contains(&reads), "{reads}");
    println!("denied {passed:.1} s after the policy was narrowed, {reads} reads");

    // Allowed again.
    api.policy(&mount, &format!("{list}{read}"));
    seconds(3).await;
    assert!(live.iter().all(|live| live.current().is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_on_purpose_ends_on_time_and_what_fails_ends_after_its_window() {
    let server = &mut Server::dev();
    let mount = mount();
    server.api().mount_kv(&mount, 2);
    let write = |name: &str| server.api().write_kv2(&mount, name, &json!({"a": "1"}));
    // The server's own end, which comes between two refreshes.
    server.api().must("POST", &format!("{mount}/metadata/ends"), &json!({"delete_version_after": "5s"}));
    for name in ["denied", "kept", "strict", "ends"] {
        write(name);
    }
    let started = Instant::now();
    let read = |name: &str| format!("path \"{mount}/data/{name}\" {{ capabilities = [\"read\"] }}\n");
    let all = ["ends", "denied", "kept", "strict"].map(read).concat();
    server.api().policy(&mount, &all);
    let token = server.api().create_token(&json!({"policies": [mount]}));
    let proxy = Proxy::in_front_of(server);
    let backend = vault(&proxy.address(), &token).mount(&mount).retries(0).build().unwrap();
    let mut policy = Policy::default();
    (policy.ttl, policy.resurrect_ttl) = (Some(Duration::from_secs(2)), Duration::from_secs(6));
    let registry = registry(backend.with_policy(policy));
    let watch =
        async |reference: &str| registry.watch(format!("{{vault://under-test/{reference}}}")).await.unwrap();
    let (ends, denied) = (watch("ends/a").await, watch("denied/a").await);
    let (kept, strict) = (watch("kept/a").await, watch("strict/a?resurrect_ttl=1").await);

    while started.elapsed() < Duration::from_millis(4500) {
        assert!(ends.current().is_ok(), "{:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(5200).saturating_sub(started.elapsed())).await;
    assert!(ends.current().is_err(), "past the server's own end");

    // Denied from now on: asked for twice, and then gone within the ttl.
    server.api().policy(&mount, &["ends", "kept", "strict"].map(read).concat());
    seconds(5).await;
    assert_eq!(denied.current().unwrap_err().kind(), ErrorKind::PermissionDenied);

    // The vault is gone: the last good value until ttl and window have passed, and then an error.
    let before = proxy.requests().len();
    server.stop();
    seconds(5).await;
    assert_eq!(strict.current().unwrap_err().kind(), ErrorKind::Unavailable, "its own window is a second");
    assert!(kept.is_stale() && kept.current().unwrap().as_bytes() == b"1");
    seconds(6).await;
    assert_eq!(kept.current().unwrap_err().kind(), ErrorKind::Unavailable);
    let requests = proxy.requests().len() - before;
    // Four secrets, each retried after a second or more at first.
    assert!(requests <= 4 * 11, "{requests} requests of a vault that is gone, in 11 s");
}

/// A few secrets for a few seconds; `.ci/deep` makes it 10,000 in 50 folders at a ttl of 60 s, for so many minutes.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_secrets_cost_a_request_a_second() {
    let minutes: Option<u64> =
        std::env::var("STRONGROOM_DEEP_MINUTES").ok().and_then(|text| text.parse().ok());
    let (folders, secrets, ttl, stretch) =
        minutes.map_or((5, 40, 4, 12), |minutes| (50, 200, 60, 60 * minutes));
    let server = &Server::dev();
    let (mount, references) = fill(server, folders, secrets);
    let proxy = Proxy::in_front_of(server);
    let mut limits = CacheLimits::default();
    limits.entries = 20_000;
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(ttl));
    let backend = vault(&proxy.address(), server.token()).mount(&mount).build().unwrap().with_policy(policy);
    let registry = Registry::builder().vault("under-test", backend).cache_limits(limits).build().unwrap();
    let live = watch_all(&registry, &references).await;
    // One token is looked at once, and by then everything has been refreshed for the first time.
    seconds(ttl.max(2)).await;
    proxy.take_requests();
    for _ in 0..stretch {
        seconds(1).await;
        assert!(are_fresh(&live, ttl));
    }
    let requests = proxy.take_requests().len() as f64;
    // One a folder and 0.8 to 1 ttl; over a short stretch a folder may be asked once more.
    let expected = (folders as u64 * stretch) as f64 / ttl as f64;
    let more = if minutes.is_some() { 0.2 * expected } else { 0.25 * expected + folders as f64 };
    assert!(requests <= expected + more, "{requests} requests in {stretch} s");
    let rate = requests / stretch as f64;
    println!("{rate:.2} requests a second for {} secrets, ttl {ttl} s, over {stretch} s", references.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lags_behind_never_takes_a_value_back() {
    let cluster = Cluster::start();
    let leader = &cluster.nodes()[cluster.leader()];
    let api = leader.api();
    for at in 0..10 {
        api.write_kv2("secret", &format!("lag/s{at}"), &json!({"a": "0"}));
    }
    cluster.wait_for("secret/data/lag/s9");
    let references: Vec<_> = (0..10).map(|at| format!("{{vault://under-test/lag/s{at}/a}}")).collect();
    // In turn from each of the nodes, as a load balancer would.
    let proxy = Proxy::in_front_of(leader);
    let nodes: Vec<_> = cluster.addresses().iter().map(|address| Upstream::new(address)).collect();
    let turn = AtomicUsize::new(0);
    proxy.intercept(move |request, _| {
        nodes[turn.fetch_add(1, Ordering::Relaxed) % nodes.len()].forward(request)
    });
    let registry = rotated(vault(&proxy.address(), cluster.token()), 1);
    let live = watch_all(&registry, &references).await;
    let mut readers: Vec<_> = live.iter().map(|live| (live.clone(), 0)).collect();
    let start = Instant::now();
    let (mut written, mut next) = (0_u32, Instant::now());
    while start.elapsed() < Duration::from_secs(10) {
        if next <= Instant::now() {
            written += 1;
            for at in 0..10 {
                api.write_kv2("secret", &format!("lag/s{at}"), &json!({"a": written.to_string()}));
            }
            next = Instant::now() + Duration::from_millis(700);
        }
        for (live, seen) in &mut readers {
            let now: u32 = live.current().unwrap().as_str().unwrap().parse().unwrap();
            assert!(now >= *seen, "{now} after {seen}");
            *seen = now;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seconds(4).await;
    assert!(live.iter().all(|live| live.current().unwrap().as_str().unwrap() == written.to_string()));
    let requests = proxy.requests().len();
    assert!(requests <= 10 * 14 * 3 + 30, "{requests} requests in 14 s");
}
