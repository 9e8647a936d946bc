//! What a network and those on the way do to an answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_core::ErrorKind;
use strongroom_integration_tests::{Reply, Server, Stub};

use super::{CANARY, error, hasty, kv2, on, sent, value, vault};

fn good() -> Reply {
    kv2(&json!({"n": CANARY}))
}

#[tokio::test]
async fn an_answer_that_is_not_the_servers_is_an_error_that_may_pass() {
    let text = String::from_utf8(good().body).unwrap();
    let html = Reply::new(200).header("content-type", "text/html").body("<html>sign in</html>");
    for (name, reply) in [
        ("empty", Reply::new(200)),
        ("no content", Reply::new(204)),
        ("html", html),
        ("half", Reply::new(200).body(&text.as_bytes()[..text.len() / 2])),
        ("twice", good().times(2)),
        ("a byte order mark", Reply::new(200).body(format!("\u{feff}{text}"))),
        (
            "not UTF-8",
            Reply::new(200).body(
                text.replace(CANARY, "?")
                    .into_bytes()
                    .into_iter()
                    .map(|byte| if byte == b'?' { 0xff } else { byte })
                    .collect::<Vec<_>>(),
            ),
        ),
        ("a member twice", Reply::new(200).body(text.replacen('{', "{\"data\":null,", 1))),
        ("errors beside data", Reply::new(200).body(text.replacen('{', "{\"errors\":[],", 1))),
        ("compressed", good().header("content-encoding", "gzip")),
    ] {
        let stub = Stub::new(move |_| reply.clone());
        let (error, said) = error(hasty(&stub.address()).retries(1), "x/n").await;
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{name}: {said}");
        assert!(error.is_retryable() && said.contains("given up after 2 tries"), "{name}: {said}");
        assert_eq!(sent(&stub).len(), 2, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_taken_for_whole() {
    // Cut where the JSON is complete by itself, but the answer is not.
    let complete = good().body(
        r#"{"data":{"data":{"n":"cut"},"metadata":{"version":1,"created_time":"2026-11-23T22:16:17Z"}}}    "#,
    );
    for cut in [0, 10, complete.body.len() - 4] {
        let reply = complete.clone().cut_after(cut);
        let stub = Stub::new(move |_| reply.clone());
        let (error, said) = error(hasty(&stub.address()).retries(1), "x/n").await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{said}");
        assert!(error.is_retryable() && said.contains("broke off before its answer was complete"), "{said}");
        assert!(said.contains(&format!("127.0.0.1:{}", stub.port())), "{said}");
    }
    let stub = Stub::new(|_| Reply::cut());
    let (error, said) = error(hasty(&stub.address()), "x/n").await;
    assert!(error.is_retryable() && error.kind() == ErrorKind::Unavailable, "{said}");
    let stub = Stub::new(|_| Reply::raw("SSH-2.0-OpenSSH_9.2\r\n"));
    let (error, said) = super::error(hasty(&stub.address()), "x/n").await;
    assert!(error.is_retryable() && error.kind() == ErrorKind::InvalidResponse, "{said}");
}

#[tokio::test]
async fn too_much_is_refused_early_and_once() {
    let announced = Reply::new(200).header("content-length", "99999999999").body("{");
    let endless = good()
        .header("transfer-encoding", "chunked")
        .body("1000\r\n".to_owned() + &" ".repeat(4096) + "\r\n")
        .times(1 << 20);
    let just = Reply::new(200).body(" ".repeat(4097));
    for reply in [announced, endless, just] {
        let stub = Stub::new(move |_| reply.clone());
        let (error, said) = error(hasty(&stub.address()).retries(2).max_response_bytes(4096), "x/n").await;
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{said}");
        assert!(said.contains("larger than max_response_bytes, 4096 bytes (HTTP 200)"), "{said}");
        assert!(!error.is_retryable(), "{said}");
        assert_eq!(sent(&stub).len(), 1);
    }
    // What is wrong is the status, not how much is said with it.
    let stub = Stub::new(|_| Reply::new(502).body("x".repeat(10_000)));
    let (error, said) = error(hasty(&stub.address()).max_response_bytes(4096), "x/n").await;
    assert!(said.contains("the server failed (HTTP 502)") && error.is_retryable(), "{said}");
}

#[tokio::test]
async fn a_try_is_bounded_with_its_body() {
    for reply in
        [Reply::hang(), good().trickle(1, Duration::from_millis(40)), good().after(Duration::from_secs(3))]
    {
        let stub = Stub::new(move |_| reply.clone());
        let started = Instant::now();
        let hasty = hasty(&stub.address()).request_timeout(Duration::from_millis(500));
        let (error, said) = error(hasty, "x/n").await;
        assert_eq!(error.kind(), ErrorKind::Timeout, "{said}");
        assert!(
            error.is_retryable() && said.contains("gave no complete answer: timed out after 500ms"),
            "{said}"
        );
        assert!(started.elapsed() < Duration::from_millis(2500), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn all_tries_together_are_bounded() {
    let stub = Stub::new(|_| Reply::hang());
    let started = Instant::now();
    let vault = hasty(&stub.address()).retries(100).request_timeout(Duration::from_millis(500));
    let vault = vault.total_timeout(Duration::from_secs(2));
    let (error, said) = error(vault, "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{said}");
    // The end comes in the middle of a try, or before a wait that would outlast it.
    assert!(
        said.contains("no answer within total_timeout, 2s (") || said.contains("given up after "),
        "{said}"
    );
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1500) && took < Duration::from_millis(4000), "{took:?}");
}

#[tokio::test]
async fn the_queue_counts_too() {
    let stub = Stub::new(|_| Reply::hang());
    let vault = vault(&stub.address(), "t").max_in_flight(1).retries(0);
    let vault =
        vault.request_timeout(Duration::from_secs(5)).total_timeout(Duration::from_secs(1)).build().unwrap();
    let started = Instant::now();
    let readers: Vec<_> = (0..4)
        .map(|n| {
            let vault = vault.clone();
            tokio::spawn(async move { super::get(vault, &format!("x{n}/n")).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    }
    assert!(started.elapsed() < Duration::from_millis(3000), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_and_counted() {
    for failure in [Reply::new(500), Reply::new(503), Reply::new(408), Reply::new(429), Reply::cut()] {
        let tries = AtomicUsize::new(0);
        let stub = Stub::new(move |request| {
            let of_the_secret = request.target == "/v1/secret/data/x";
            match of_the_secret && tries.fetch_add(1, Ordering::SeqCst) < 2 {
                true => failure.clone(),
                false => kv2(&json!({"n": "1"})),
            }
        });
        assert_eq!(value(vault(&stub.address(), "t"), "x/n").await, "1");
        // Where the waits take longer than a second, the token is looked up too.
        assert_eq!(stub.count("GET", "/v1/secret/data/x"), 3);
    }
    let stub = Stub::new(|_| Reply::new(500));
    let (_, said) = error(vault(&stub.address(), "t"), "x/n").await;
    assert!(said.contains("the server failed (HTTP 500); given up after 4 tries"), "{said}");
    assert_eq!(sent(&stub).len(), 4);
}

#[tokio::test]
async fn a_lasting_fault_is_not_tried_again() {
    for status in [400, 401, 405, 409, 413] {
        let stub = Stub::new(move |_| Reply::new(status));
        let (error, said) = error(vault(&stub.address(), "t"), "x/n").await;
        assert!(!error.is_retryable() && said.contains(&format!("HTTP {status}")), "{said}");
        assert_eq!(sent(&stub).len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_within_the_budget() {
    let tries = AtomicUsize::new(0);
    let limited = || Reply::json(429, &json!({"errors": ["rate limit quota exceeded"]}));
    let stub = Stub::new(move |_| {
        if tries.fetch_add(1, Ordering::SeqCst) == 0 {
            limited().header("retry-after", "1")
        } else {
            kv2(&json!({"n": "1"}))
        }
    });
    let started = Instant::now();
    assert_eq!(value(vault(&stub.address(), "t"), "x/n").await, "1");
    assert!(started.elapsed() >= Duration::from_secs(1));

    let stub = Stub::new(move |_| limited().header("retry-after", "99999999"));
    let started = Instant::now();
    let (error, said) = error(vault(&stub.address(), "t"), "x/n").await;
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(99_999_999)))
    );
    assert!(
        said.contains("the server asks for fewer requests (HTTP 429: rate limit quota exceeded)"),
        "{said}"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn nobody_there_is_said_with_host_and_port() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (error, said) = error(hasty(&format!("http://127.0.0.1:{port}")), "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{said}");
    assert!(
        error.is_retryable()
            && said.contains(&format!("could not connect to 127.0.0.1:{port}: connection refused")),
        "{said}"
    );

    let (error, said) = super::error(hasty("http://nobody.invalid:8200"), "x/n").await;
    assert!(error.is_retryable() && said.contains("could not connect to nobody.invalid:8200: "), "{said}");
}

#[tokio::test]
async fn a_server_that_stands_still_is_waited_for_no_longer_than_said() {
    let server = Server::dev();
    server.api().write_kv2("secret", "x", &json!({"n": "1"}));
    server.pause();
    let vault = || on(&server).request_timeout(Duration::from_millis(300)).retries(0);
    let (error, said) = error(vault(), "x/n").await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{said}");
    server.resume();
    assert_eq!(value(vault().request_timeout(Duration::from_secs(5)), "x/n").await, "1");
}

#[tokio::test]
async fn what_a_server_says_is_quoted_without_credentials() {
    let token = "s.FyGMhgk5w5eGMUNqrNZWIUux";
    let said = json!({"errors": [format!("bad\u{1b}[2J token {token} and {CANARY}"), "x".repeat(2000)], "warnings": Value::Null});
    let stub = Stub::new(move |_| Reply::json(400, &said));
    let (_, said) = error(vault(&stub.address(), CANARY), "x/n").await;
    assert!(said.contains("(HTTP 400: bad\\u{1b}[2J token <masked> and <masked> xxx"), "{said}");
    assert!(said.len() < 600 && !said.contains(token), "{said}");
}
