//! How seldom a server is asked that does not answer, or does not want to.

use std::sync::Arc;

use super::*;

/// Asks for `count` secrets again and again for a while, as a busy proxy would, and gives what each call took at most.
async fn hot(registry: &Registry, count: usize, time: Duration) -> Duration {
    let start = Instant::now();
    let readers: Vec<_> = (0..count)
        .map(|n| {
            let registry = registry.clone();
            tokio::spawn(async move {
                let mut longest = Duration::ZERO;
                while start.elapsed() < time {
                    let began = Instant::now();
                    let _ = registry.get(reference(&format!("x{n}/n"))).await;
                    longest = longest.max(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                longest
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for reader in readers {
        longest = longest.max(reader.await.unwrap());
    }
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_is_asked_seldom_and_its_readers_hear_at_once() {
    let stub = Stub::new(|_| Reply::cut());
    let registry = registry(vault(&stub.address(), CANARY).retries(3));
    let longest = hot(&registry, 50, Duration::from_secs(4)).await;
    let requests = stub.requests().len();
    // Those in the window when it began, ten retries, and a knock a second.
    assert!(requests <= 30, "{requests} requests in 4 s of 50 hot readers");
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    let (error, said) = refused(&registry, "never-asked/n").await;
    assert!(
        error.is_retryable() && said.contains("not asked: the last ") && said.contains("broke off"),
        "{said}"
    );
    stub.answer(|_| kv2(&json!({"n": "back"})));
    let took = eventually(
        "the circuit closes",
        Duration::from_secs(15),
        async || read(&registry, "x/n").await,
        |value| value.as_ref().is_ok_and(|value| value == "back"),
    );
    assert!(took.await < Duration::from_secs(12));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_no_is_asked_seldom_by_each() {
    for (status, errors) in
        [(500, "internal error"), (503, "Vault is sealed"), (502, ""), (400, "no"), (405, "no")]
    {
        let stub = Stub::new(move |_| Reply::json(status, &json!({"errors": [errors]})));
        let registry = registry(vault(&stub.address(), CANARY).retries(3));
        hot(&registry, 5, Duration::from_secs(2)).await;
        let requests = stub.requests().len();
        // Two at once, then after 0.2, 0.4, 0.8 s for each of them, and ten retries for all.
        assert!(requests <= 5 * 6 + 11, "HTTP {status}: {requests} requests in 2 s of 5 hot readers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_leaves_the_whole_vault_alone() {
    let server = Server::dev();
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        server.api().write_kv2("secret", &format!("quota/{name}"), &json!({"n": name}));
    }
    let quota = |headers: bool| {
        let config = json!({"enable_rate_limit_response_headers": headers, "rate_limit_exempt_paths": ["sys/quotas/config", "sys/quotas/rate-limit/tight"]});
        server.api().must("POST", "sys/quotas/config", &config);
        server.api().must(
            "POST",
            "sys/quotas/rate-limit/tight",
            &json!({"rate": 2, "interval": "2s", "path": "secret"}),
        );
    };
    let proxy = Proxy::in_front_of(&server);
    let mut refusals = 0;
    for headers in [false, true] {
        quota(headers);
        let registry = registry(vault(&proxy.address(), server.token()).retries(20));
        let readers: Vec<_> = names
            .into_iter()
            .map(|name| {
                let registry = registry.clone();
                tokio::spawn(async move { read(&registry, &format!("quota/{name}/n")).await })
            })
            .collect();
        for (reader, name) in readers.into_iter().zip(names) {
            assert_eq!(reader.await.unwrap().unwrap(), name, "headers: {headers}");
        }
        refusals = refusals.max(proxy.take_requests().len());
    }
    Proof::of("35").note(
        "six reads at two in two seconds all succeed; `Retry-After` is waited for by everybody",
        refusals,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_of_any_kind_is_bounded() {
    for (told, served) in [
        ("0", true),
        ("-5", true),
        ("soon", true),
        ("1", true),
        ("Mon, 23 Nov 2020 22:18:02 GMT", true),
        ("99999999", false),
        ("99999999999999999999999999", false),
        ("Mon, 23 Nov 2099 22:18:02 GMT", false),
    ] {
        for status in [429, 503] {
            let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
            let stub = Stub::new(move |_| {
                if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                    return Reply::json(status, &json!({"errors": ["slow down"]}))
                        .header("retry-after", told);
                }
                kv2(&json!({"n": "1"}))
            });
            let start = Instant::now();
            let result = read(&registry(vault(&stub.address(), CANARY).retries(2)), "x/n").await;
            assert_eq!(result.is_ok(), served, "{status} {told}: {result:?}");
            assert!(start.elapsed() < Duration::from_secs(4), "{status} {told}: {:?}", start.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_the_token_waits_as_long_as_reads_do() {
    const LOOK_UP: &str = "/v1/auth/token/lookup-self";
    let server = Server::dev();
    server.api().write_kv2("secret", "peace/a", &json!({"n": "a"}));
    let proxy = Proxy::in_front_of(&server);
    let registry = registry(vault(&proxy.address(), server.token()));
    proxy.intercept(|_, _| Reply::json(429, &json!({"errors": ["slow down"]})).header("retry-after", "3"));
    let start = Instant::now();
    let (error, said) = refused(&registry, "peace/a/n").await;
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(3))));
    proxy.forward_all();
    // The look-up of a configured token is due a second after the token's first use.
    while start.elapsed() < Duration::from_millis(2500) {
        assert_eq!(proxy.count("GET", LOOK_UP), 0, "after {:?}: {said}", start.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let looked_up = async || proxy.count("GET", LOOK_UP);
    eventually("the look-up", Duration::from_secs(10), looked_up, |count| *count == 1).await;

    // Who cannot wait as long is told how long, and that it is total_timeout which ends sooner.
    let registry = self::registry(vault(&proxy.address(), server.token()).retries(3));
    proxy.intercept(|_, _| Reply::json(429, &json!({"errors": ["slow down"]})).header("retry-after", "75"));
    let (error, said) = refused(&registry, "peace/a/n").await;
    let expected = "left alone for 1m 15s, which is more than is left of total_timeout, 10s";
    assert!(said.contains(expected) && error.is_retryable(), "{said}");
}
