//! Answers that no healthy server gives, and what the way there does to good ones.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// A vault that gives up quickly and tries twice.
fn hasty(address: &str) -> HashicorpVaultBuilder {
    vault(address, CANARY)
        .connect_timeout(Duration::from_secs(3))
        .request_timeout(Duration::from_secs(3))
        .total_timeout(Duration::from_secs(20))
        .retries(1)
}

/// That each answer is an error that may pass, told after two tries, and that the next good answer is taken; how many
/// requests the bad ones cost at most.
async fn all_may_pass(replies: Vec<(&'static str, Reply)>, kinds: &[ErrorKind]) -> usize {
    let mut most = 0;
    for (name, reply) in replies {
        let stub = Stub::new(move |_| reply.clone());
        let registry = registry(hasty(&stub.address()));
        let (error, said) = refused(&registry, "x/n").await;
        assert!(kinds.contains(&error.kind()) && error.is_retryable(), "{name}: {said}");
        assert!(said.contains("given up after 2 tries"), "{name}: {said}");
        assert!(!said.contains("sign in"), "{name}: a body is never quoted: {said}");
        most = most.max(stub.requests().len());
        stub.answer(|_| kv2(&json!({"n": "good"})));
        assert_eq!(read(&registry, "x/n").await.unwrap(), "good", "{name}");
    }
    most
}

fn text() -> String {
    String::from_utf8(good().body).unwrap()
}

/// The answer as it goes over the wire, with these lines in its head.
fn wire(head: &str, body: &str) -> Reply {
    Reply::raw(format!("{head}\r\n\r\n{body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_trickles_ends_with_its_time() {
    let mut most = 0;
    for reply in [
        good().trickle(1, Duration::from_millis(30)),
        wire("HTTP/1.1 200 OK\r\ncontent-length: 9", "{}").trickle(1, Duration::from_millis(40)),
        Reply::hang(),
    ] {
        let stub = Stub::new(move |_| reply.clone());
        let start = Instant::now();
        let hasty = hasty(&stub.address()).request_timeout(Duration::from_millis(500));
        let (error, said) = refused(&registry(hasty), "x/n").await;
        assert_eq!(error.kind(), ErrorKind::Timeout, "{said}");
        assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
        let used: Vec<_> = stub.requests().iter().map(|request| request.connection).collect();
        let apart: HashSet<_> = used.iter().collect();
        assert_eq!(apart.len(), used.len(), "a connection that timed out is not used again");
        most = most.max(stub.requests().len());
    }
    Proof::of("36").note(
        "each try ends after `request_timeout` with a body that still comes; its connection is dropped",
        most,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_never_taken_for_whole() {
    // Cut where the JSON is complete by itself, but the answer is not.
    let whole = || good().body(text() + "      ");
    let at = text().len();
    let chunk = format!("{:x}\r\n{}\r\n", at, text());
    let cut = vec![
        ("cut in the middle", whole().cut_after(10)),
        ("cut behind the JSON", whole().cut_after(at + 2)),
        ("reset before the body", whole().reset_after(0)),
        ("reset in the middle", whole().reset_after(at / 2)),
        ("reset behind the JSON", whole().reset_after(at)),
        ("chunks without their end", wire("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", &chunk)),
        ("a chunk cut short", wire("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", &chunk[..20])),
        ("no answer", Reply::cut()),
        ("a head cut short", Reply::raw("HTTP/1.1 200 OK\r\ncontent-le")),
    ];
    let requests = all_may_pass(cut, &[ErrorKind::Unavailable, ErrorKind::InvalidResponse]).await;
    Proof::of("37").note("an error that may pass, tried twice; no part of a body is taken", requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_a_vault_is_not_believed() {
    let replies = vec![
        ("a page", Reply::new(200).header("content-type", "text/html").body("<html>sign in</html>")),
        (
            "a secret as a page",
            Reply::new(200).header("content-type", "text/html; charset=utf-8").body(text()),
        ),
        ("a secret as text", Reply::new(200).header("content-type", "text/plain").body(text())),
        ("empty", Reply::new(200)),
        ("no content", Reply::new(204)),
        ("created", Reply::new(201).body(text())),
        ("in part", Reply::new(206).body(text())),
        ("a byte order mark", Reply::new(200).body(format!("\u{feff}{}", text()))),
        (
            "not UTF-8",
            Reply::new(200).body(
                text()
                    .replace("lease_id", "\u{0}")
                    .into_bytes()
                    .iter()
                    .map(|b| if *b == 0 { 0xff } else { *b })
                    .collect::<Vec<_>>(),
            ),
        ),
        ("compressed", good().header("content-encoding", "gzip")),
        ("an array", Reply::new(200).body("[]")),
        (
            "a length that is too short",
            wire(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}", text().len() - 3), &text()),
        ),
        ("two lengths", wire("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5", "{}")),
        ("a length that is none", wire("HTTP/1.1 200 OK\r\ncontent-length: many", "{}")),
        (
            "chunks that are none",
            wire("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked", "zz\r\nsign in\r\n0\r\n\r\n"),
        ),
        ("half of an old answer", wire("HTTP/1.0 200 OK", &text()[..40])),
        ("another protocol", Reply::raw("SSH-2.0-OpenSSH_9.2\r\n")),
        (
            "a switch of protocols",
            wire("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade", ""),
        ),
        ("trailing text", good().times(2)),
        ("errors beside data", Reply::new(200).body(text().replacen('{', "{\"errors\":[],", 1))),
        ("a gateway's 404", page(404)),
        ("a gateway's 403", page(403)),
        ("an empty 404", Reply::new(404)),
        ("half a refusal", Reply::new(403).body("{\"errors\":[\"permission den")),
        (
            "wrapped",
            Reply::new(200).body(text().replace("\"wrap_info\":null", "\"wrap_info\":{\"token\":\"x\"}")),
        ),
    ];
    let kinds = [ErrorKind::InvalidResponse, ErrorKind::Unavailable];
    let requests = all_may_pass(replies, &kinds).await;
    // An old server that says all it has to say is understood.
    let stub = Stub::new(|_| {
        wire("HTTP/1.0 200 OK\r\ncontent-type: application/json", &text().replace(CANARY, "old"))
    });
    assert_eq!(read(&registry(hasty(&stub.address())), "x/n").await.unwrap(), "old");
    Proof::of("38").note("an error that may pass, tried twice; the body is not quoted", requests);
}

/// What a gateway says while it knows no way to the vault.
fn page(status: u16) -> Reply {
    Reply::new(status).header("content-type", "text/html").body("<html>default backend</html>")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_refusal_takes_nothing_away() {
    for status in [403, 404] {
        let stub = Stub::new(|_| kv2(&json!({"n": "held"})));
        let registry = registry(hasty(&stub.address()).ttl(Duration::from_secs(1)));
        let live = registry.watch(reference("x/n")).await.unwrap();
        stub.answer(move |_| page(status));
        let stale = async || live.is_stale();
        eventually("it is stale", Duration::from_secs(10), stale, |stale| *stale).await;
        let error = format!("{:?}", live.refresh().await.unwrap_err());
        assert!(error.contains("a gateway on the way") && error.contains("is still served"), "{error}");
        assert_eq!(live.current().unwrap().as_bytes(), b"held");
        stub.answer(|_| kv2(&json!({"n": "new"})));
        let new = async || live.current().map(|value| value.as_bytes() == b"new").unwrap_or(false);
        eventually("the next value", Duration::from_secs(10), new, |new| *new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_refusal_of_a_login_is_none_of_the_credential() {
    for status in [400, 401, 403, 404, 405] {
        let stub = Stub::new(move |_| page(status));
        for wrapped in [false, true] {
            let login = AppRoleAuth::new("id", CANARY).response_wrapping(wrapped);
            let vault = HashicorpVault::builder().address(stub.address()).retries(0).auth(login);
            let (error, said) = refused(&registry(vault), "x/n").await;
            assert!(error.is_retryable() && error.kind() == ErrorKind::InvalidResponse, "{status}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_twice_is_refused_wherever_it_is() {
    let twice = |what: &str, by: &str| Reply::new(200).body(text().replacen(what, by, 1));
    let replies = vec![
        ("data", twice("{", "{\"data\":null,")),
        ("a field", twice("\"n\":", "\"n\":\"other\",\"n\":")),
        ("the version", twice("\"version\":1", "\"version\":2,\"version\":1")),
        ("written otherwise", twice("\"n\":", "\"\\u006e\":\"other\",\"n\":")),
    ];
    let requests = all_may_pass(replies, &[ErrorKind::InvalidResponse]).await;
    Proof::of("29").note("an error that may pass, tried twice", requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_refused_before_it_is_kept() {
    let before = resident();
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let chunk = "10000\r\n".to_owned() + &" ".repeat(0x10000) + "\r\n";
    let members: Vec<_> = (0..60_000).map(|n| format!("\"k{n}\":0")).collect();
    let mut most = 0;
    for (name, reply) in [
        ("a gigabyte announced", good().header("content-length", "1073741824")),
        ("a gigabyte sent", Reply::new(200).body(" ".repeat(1 << 20)).times(1 << 10)),
        (
            "chunks without end",
            Reply::new(200).header("transfer-encoding", "chunked").body(chunk).times(1 << 14),
        ),
        ("a hundred thousand deep", Reply::new(200).body(text().replace("null", &deep(100_000)))),
        ("as deep as is allowed, and one", Reply::new(200).body(text().replace("null", &deep(64)))),
        ("objects as deep", Reply::new(200).body("{\"a\":".repeat(100_000))),
        ("sixty thousand members", Reply::new(200).body(format!("{{{}}}", members.join(",")))),
    ] {
        let stub = Stub::new(move |_| reply.clone());
        let registry = registry(vault(&stub.address(), CANARY).request_timeout(Duration::from_secs(10)));
        let (error, said) = refused(&registry, "x/n").await;
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{name}: {said}");
        most = most.max(stub.requests().len());
    }
    if let (Some(before), Some(after)) = (before, resident()) {
        // All tests of this process share its memory, and the stub's own bodies are in it.
        assert!(after < before + (192 << 20), "{before} bytes before, {after} after");
    }
    Proof::of("39").note("refused at `max_response_bytes`, or at a depth of 64", most);
}

fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? << 10)
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_bounds_too() {
    let many: String = (0..2000).map(|n| format!("x-{n}: y\r\n")).collect();
    let replies = vec![
        ("many headers", Reply::raw(format!("HTTP/1.1 200 OK\r\n{many}content-length: 2\r\n\r\n{{}}"))),
        ("a header without end", Reply::flood("HTTP/1.1 200 OK\r\nx: ".to_owned() + &"y".repeat(1 << 16))),
        (
            "hints without end",
            Reply::flood("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(100))
                .trickle(4000, Duration::from_millis(2)),
        ),
    ];
    let kinds = [ErrorKind::InvalidResponse, ErrorKind::Unavailable, ErrorKind::Timeout];
    let requests = all_may_pass(replies, &kinds).await;
    // Large and whole is fine.
    let stub = Stub::new(|_| kv2(&json!({"n": "large"})).header("x-large", &"y".repeat(100 << 10)));
    assert_eq!(read(&registry(hasty(&stub.address())), "x/n").await.unwrap(), "large");
    Proof::of("40").note("an error that may pass, tried twice; 100 KiB in one header are read", requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_nowhere_it_was_not_configured_for() {
    let foreign = Arc::new(Stub::new(|_| kv2(&json!({"n": "stolen"}))));
    let port = foreign.port();
    let mut most = 0;
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for location in [
            format!("http://127.0.0.1:{port}/v1/secret/data/x"),
            format!("http://localhost:{port}/v1/secret/data/x"),
            format!("http://[::ffff:127.0.0.1]:{port}/v1/secret/data/x"),
            format!("http://user:pass@127.0.0.1:{port}/v1/secret/data/x"),
            format!("//127.0.0.1:{port}/v1/secret/data/x"),
            format!("https://127.0.0.1:{port}/v1/secret/data/x"),
            "/v1/secret/data/y".into(),
            "..".into(),
            String::new(),
            "SELF/v1/secret/data/x".into(),
        ] {
            let own = Arc::new(std::sync::OnceLock::new());
            let copy = own.clone();
            let stub = Stub::new(move |_| {
                let own: &String = copy.get().unwrap();
                Reply::new(status).header("location", &location.replace("SELF", own))
            });
            own.set(stub.address()).unwrap();
            let (error, said) = refused(&registry(hasty(&stub.address())), "x/n").await;
            assert!(
                said.contains(&format!("HTTP {status}")) && !error.is_retryable() | (status == 307),
                "{said}"
            );
            most = most.max(stub.requests().len());
        }
    }
    assert_eq!((foreign.connections(), foreign.requests().len()), (0, 0));
    Proof::of("41").note("nothing reaches another origin; a 307 may pass, all else is final", most);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_the_server_closes_is_replaced_unseen() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    // Every second request finds its connection closed under it.
    let stub = Stub::new(move |_| match counted.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => kv2(&json!({"n": "1"})),
        _ => Reply::cut(),
    });
    let registry = registry(hasty(&stub.address()).retries(0));
    for _ in 0..5 {
        assert_eq!(read(&registry, "x/n").await.unwrap(), "1");
    }
    // And however often: that is no failure of the server, so it takes nothing of the budget of retries.
    let seen = Mutex::new(HashSet::new());
    let once = Stub::new(move |request| match seen.lock().unwrap().insert(request.connection) {
        true => kv2(&json!({"n": "1"})),
        false => Reply::cut(),
    });
    let registry = super::registry(hasty(&once.address()).retries(0));
    for _ in 0..40 {
        assert_eq!(read(&registry, "x/n").await.unwrap(), "1");
    }
    Proof::of("42")
        .note("HTTP/1.1 alone is spoken; a read is sent again on a new connection", stub.requests().len());
}
