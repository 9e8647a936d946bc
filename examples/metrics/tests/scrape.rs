//! The example beside a real server, scraped as Prometheus does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_integration_tests::Server;

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// The value of a sample, by its name and labels.
fn sample(scraped: &str, name: &str) -> Option<f64> {
    let line =
        scraped.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Polls until it is as hoped.
fn eventually(what: &str, address: &str, path: &str, hoped: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = get(address, path);
        if hoped(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within 20 s: {what}\n{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn prometheus_finds_what_there_is_to_know_and_no_value() {
    let mut server = Server::dev();
    let canary = "canary-41f7";
    for name in ["one", "two", "three"] {
        server.api().write_kv2("secret", &format!("scrape/{name}"), &json!({ "a": canary }));
    }
    let token = server.api().create_token(&json!({"policies": ["root"], "ttl": "1h"}));
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("kong.yaml");
    let text = format!(
        "vaults:\n  - name: hcv\n    prefix: my-vault\n    config: {{ port: {}, kv: v2, token: \"{token}\", ttl: 2, retries: 0 }}\n",
        server.port()
    );
    std::fs::write(&config, text).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_metrics-endpoint"));
    let names = ["one", "two", "three"].map(|name| format!("{{vault://my-vault/scrape/{name}/a}}"));
    let program = program.arg(&config).arg("127.0.0.1:0").args(names).stdout(Stdio::piped());
    let mut running = Running(program.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").expect("it says where it listens").to_owned();

    let polls = r#"strongroom_upstream_requests_total{vault="my-vault",operation="poll",outcome="ok"}"#;
    let left = r#"strongroom_token_left_seconds{vault="my-vault"}"#;
    let oldest = r#"strongroom_oldest_age_seconds{vault="my-vault"}"#;
    let scraped = eventually("it polls, and knows its token", &address, "/metrics", |scraped| {
        let is_young = sample(scraped, oldest).is_some_and(|age| age <= 2.5);
        is_young && sample(scraped, polls) >= Some(1.0) && sample(scraped, left).is_some()
    });
    let of_the_vault = |name: &str| sample(&scraped, &format!("{name}{{vault=\"my-vault\"}}"));
    assert_eq!(of_the_vault("strongroom_entries"), Some(3.0), "{scraped}");
    assert_eq!(of_the_vault("strongroom_misses_total"), Some(3.0), "{scraped}");
    assert!(sample(&scraped, left).is_some_and(|left| (3000.0..=3600.0).contains(&left)), "{scraped}");
    let health = get(&address, "/health");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains(r#""failing":false"#), "{health}");

    server.api().write_kv2("secret", "scrape/one", &json!({"a": "another"}));
    let changed = r#"strongroom_rotation_events_total{vault="my-vault",kind="changed"}"#;
    let scraped =
        eventually("it has changed", &address, "/metrics", |scraped| sample(scraped, changed).is_some());
    assert!(!scraped.contains(canary) && !scraped.contains(&token), "{scraped}");

    server.stop();
    let health = eventually("it fails", &address, "/health", |health| health.starts_with("HTTP/1.1 503"));
    assert!(health.contains(r#""failing":true"#) && health.contains(r#""entries":3"#), "{health}");
    assert!(!health.contains(canary) && !health.contains(&token), "{health}");
    let failing = r#"strongroom_rotation_events_total{vault="my-vault",kind="failing"}"#;
    eventually("it is counted", &address, "/metrics", |scraped| sample(scraped, failing) >= Some(1.0));
}
