//! Why there is no value, on a real server: each reason has its own words and its exit status.

use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_integration_tests::Builder;

use crate::harness::{Cli, Run};
use crate::server::{self, ROOT, api, cli, cli_with, token};

#[track_caller]
fn get(cli: &Cli, reference: &str) -> Run {
    cli.run(&["-c", "kong.yaml", "get", reference])
}

#[test]
fn a_missing_secret() {
    let cli = cli(&[("my-v2", "kv: v2"), ("my-v1", "kv: v1, mount: kv1")]);
    get(&cli, "my-v2/missing/none/name")
        .fails_with(1, "KV v2): there is no secret `missing/none` in mount `secret` (HTTP 404)");
    get(&cli, "my-v1/missing/none/name")
        .fails_with(1, "KV v1): there is no secret `missing/none` in mount `kv1` (HTTP 404)");
}

#[test]
fn a_deleted_a_destroyed_and_a_missing_version() {
    let write = |name: &str| api().write_kv2("secret", &format!("gone/{name}"), &json!({"name": "canary"}));
    for name in ["deleted", "destroyed"] {
        write(name);
        write(name);
    }
    api().delete_versions("secret", "gone/deleted", &[2]);
    api().destroy_versions("secret", "gone/destroyed", &[1, 2]);
    let cli = cli(&[("my-v2", "kv: v2")]);
    get(&cli, "my-v2/gone/deleted/name").fails_with(1, "version 2 of `gone/deleted` was deleted at 20");
    get(&cli, "my-v2/gone/deleted/name#2").fails_with(1, "version 2 of `gone/deleted` was deleted at 20");
    get(&cli, "my-v2/gone/deleted/name#1").prints("canary\n");
    get(&cli, "my-v2/gone/destroyed/name")
        .fails_with(1, "version 2 of `gone/destroyed` was destroyed for good (HTTP 404)");
    get(&cli, "my-v2/gone/destroyed/name#1")
        .fails_with(1, "version 1 of `gone/destroyed` was destroyed for good (HTTP 404)");
    get(&cli, "my-v2/gone/deleted/name#9").fails_with(1, "`gone/deleted` has no version 9 (HTTP 404)");
    api().undelete_versions("secret", "gone/deleted", &[2]);
    get(&cli, "my-v2/gone/deleted/name#9")
        .fails_with(1, "`gone/deleted` has no version 9 (HTTP 404); the current one is 2");
    get(&cli, "my-v2/gone/deleted/name").prints("canary\n");
}

#[test]
fn the_wrong_kv_version_either_way() {
    api().write_kv2("secret", "wrong/kv", &json!({"name": "canary"}));
    api().write_kv1("kv1", "wrong/kv", &json!({"name": "canary"}));
    let cli =
        cli(&[("v1-on-v2", "kv: v1"), ("v2-on-v1", "kv: v2, mount: kv1"), ("my-v1", "kv: v1, mount: kv1")]);
    get(&cli, "v1-on-v2/wrong/kv/name")
        .fails_with(2, "mount `secret` is KV v2, but this vault is set to KV v1 (HTTP 404): set `kv: v2`");
    get(&cli, "v2-on-v1/wrong/kv/name")
        .fails_with(2, "mount `kv1` is KV v1, but this vault is set to KV v2 (HTTP 404");
    // A version where there are none.
    get(&cli, "my-v1/wrong/kv/name#1").fails_with(1, "KV v1 keeps no versions, so there is no version 1");
}

#[test]
fn a_missing_mount() {
    let cli = cli(&[
        ("my-v2", "kv: v2, mount: no/such"),
        ("my-v1", "kv: v1, mount: no/such"),
        ("my-auto", "kv: auto, mount: no/such"),
    ]);
    for vault in ["my-v2", "my-v1"] {
        get(&cli, &format!("{vault}/a/name"))
            .fails_with(1, "there is no mount `no/such` (HTTP 404: no handler for route");
    }
    // What this token may not see and what is not there look alike.
    get(&cli, "my-auto/a/name")
        .fails_with(1, "the KV version of mount `no/such` cannot be found out (HTTP 403: ");
}

#[test]
fn the_version_of_a_mount_is_asked_for_on_demand() {
    api().write_kv2("team/kv", "auto/kv", &json!({"name": "canary two"}));
    api().write_kv2("data", "data/data", &json!({"data": "canary data"}));
    api().write_kv1("kv1", "auto/kv", &json!({"name": "canary one"}));
    let cli = cli(&[
        ("auto-v2", "kv: auto, mount: team/kv"),
        ("auto-v1", "kv: auto, mount: kv1"),
        ("slashes", "kv: v2, mount: /team/kv/"),
        ("called-data", "kv: v2, mount: data"),
    ]);
    get(&cli, "auto-v2/auto/kv/name").prints("canary two\n");
    get(&cli, "auto-v1/auto/kv/name").prints("canary one\n");
    get(&cli, "slashes/auto/kv/name").prints("canary two\n");
    get(&cli, "called-data/data/data/data").prints("canary data\n");
}

#[test]
fn a_denial_is_no_miss() {
    api().write_kv2("secret", "denied/value", &json!({"name": "canary"}));
    let token = token(api(), "denied", &["default"]);
    let cli = cli_with(&token, &[("my-v2", format!("address: '{}', kv: v2", server::dev().address()))]);
    get(&cli, "my-v2/denied/value/name").fails_with(1, "permission denied (HTTP 403: ");
    get(&cli, "my-v2/denied/none/name").fails_with(1, "the token may not read `secret/data/denied/none`");
}

#[test]
fn a_dead_token() {
    let address = server::dev().address();
    let revoked = token(api(), "revoked", &["default"]);
    api().revoke(&revoked);
    for token in [revoked.as_str(), "canary-token-that-never-was"] {
        let cli = cli_with(token, &[("my-v2", format!("address: '{address}', kv: v2"))]);
        get(&cli, "my-v2/a/name").fails_with(1, "the token is not accepted (HTTP 403: permission denied)");
    }
}

#[test]
fn a_token_that_cannot_be_sent() {
    let address = server::dev().address();
    for token in ["canary\r\nX-Evil: 1", "canary\0", "canary é\u{7f}", " canary"] {
        let cli = cli_with("", &[]).file(
            "kong.json",
            json!({"vaults": [{"name": "hcv", "prefix": "my-v2",
            "config": {"address": address, "kv": "v2", "token": token}}]})
            .to_string(),
        );
        let run = cli.run(&["-c", "kong.json", "get", "my-v2/a/name"]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("kong.json:1:") && run.stderr.contains("`token`"), "{run:?}");
    }
}

#[test]
fn nobody_there_is_worth_trying_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cli = cli_with(ROOT, &[("my-v2", format!("port: {port}, kv: v2, retries: 1"))]);
    get(&cli, "my-v2/a/name").fails(
        3,
        &[
            "error: could not resolve {vault://my-v2/a/name}",
            &format!(
                "  vault `my-v2` (hcv, http://127.0.0.1:{port}, mount `secret`, KV v2): could not connect to \
                 127.0.0.1:{port}: connection refused; given up after 2 tries"
            ),
        ],
    );
}

#[test]
fn a_name_that_does_not_exist() {
    let cli = cli_with(ROOT, &[("my-v2", "host: no-such-host.invalid, retries: 0, kv: v2".into())]);
    get(&cli, "my-v2/a/name").fails_with(3, "could not connect to no-such-host.invalid:8200");
}

#[test]
fn a_server_that_does_not_answer_costs_no_more_than_the_time_allowed() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let config = format!("port: {port}, kv: v2, request_timeout: 0.3, total_timeout: 1, retries: 100");
    let cli = cli_with(ROOT, &[("my-v2", config)]);
    let since = Instant::now();
    get(&cli, "my-v2/a/name").fails_with(3, &format!("127.0.0.1:{port}"));
    // Two runs, whose tries alone would take half a minute each.
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
}

#[test]
fn a_sealed_server_may_be_unsealed() {
    let server = Builder::dev().root_token(ROOT).start();
    server.seal();
    let cli = cli_with(ROOT, &[("my-v2", format!("address: '{}', kv: v2, retries: 0", server.address()))]);
    get(&cli, "my-v2/a/name").fails_with(3, "Vault is sealed");
    let run = cli.run(&["-c", "kong.yaml", "check", "--json"]);
    assert_eq!((run.code, &run.json()[0]["error_kind"]), (3, &json!("sealed")));
}

#[test]
fn an_answer_that_is_too_large() {
    api().write_kv2("secret", "large/value", &json!({"name": "canary".repeat(1000)}));
    let cli = cli(&[("my-v2", "kv: v2, max_response_bytes: 1024")]);
    get(&cli, "my-v2/large/value/name")
        .fails_with(1, "the answer is larger than max_response_bytes, 1024 bytes (HTTP 200)");
}
