//! Tokens that the command obtains for itself: used, never shown, given back.

use serde_json::json;
use strongroom_integration_tests::{Api, Builder, Ca, Proxy, Reply, Stub};

use crate::server::{self, ROOT};

fn tokens(api: &Api) -> usize {
    let (_, answer) = api.list("auth/token/accessors");
    answer["data"]["keys"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_token_obtained_by_a_login_is_revoked_at_exit() {
    let server = Builder::dev().root_token(ROOT).start();
    let api = server.api();
    api.write_kv2("secret", "login/value", &json!({"name": "canary"}));
    api.policy("reader", "path \"secret/data/login/*\" { capabilities = [\"read\"] }");
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/app", &json!({"token_policies": ["reader"]}));
    api.must("POST", "auth/approle/role/app/role-id", &json!({"role_id": "canary-role-id"}));
    api.must("POST", "auth/approle/role/app/custom-secret-id", &json!({"secret_id": "canary-secret-id"}));
    let config = format!(
        "address: '{}', kv: v2, auth_method: approle, approle_role_id: canary-role-id, \
         approle_secret_id: canary-secret-id",
        server.address()
    );
    // The token of the file stays what it is: another login was chosen.
    let cli = server::cli_with(ROOT, &[("my-v2", config)]);
    let before = tokens(api);
    cli.run(&["-c", "kong.yaml", "get", "my-v2/login/value/name"]).prints("canary\n");
    cli.run(&["-c", "kong.yaml", "get", "my-v2/other/name"]).fails_with(1, "permission denied");
    let check = cli.run(&["-c", "kong.yaml", "check", "--json"]);
    assert_eq!((check.code, &check.json()[0]["login"]), (0, &json!("approle")), "{check:?}");
    assert_eq!(tokens(api), before, "a token was left behind");
}

#[test]
#[cfg(unix)]
fn a_token_is_given_back_when_a_signal_ends_the_command() {
    let server = Builder::dev().root_token(ROOT).start();
    let api = server.api();
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/app", &json!({"token_policies": ["default"]}));
    api.must("POST", "auth/approle/role/app/role-id", &json!({"role_id": "canary-role-id"}));
    api.must("POST", "auth/approle/role/app/custom-secret-id", &json!({"secret_id": "canary-secret-id"}));
    let proxy = Proxy::in_front_of(&server);
    proxy.intercept(|request, upstream| match request.target.as_str() {
        "/v1/secret/data/slow" => Reply::hang(),
        _ => upstream.forward(request),
    });
    let config = format!(
        "vaults: [{{name: hcv, prefix: slow-vault, config: {{address: '{}', kv: v2, auth_method: approle, \
         approle_role_id: canary-role-id, approle_secret_id: canary-secret-id}}}}]",
        proxy.address()
    );
    let before = tokens(api);
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        proxy.take_requests();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kong.yaml"), &config).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_strongroom"))
            .args(["-c", "kong.yaml", "get", "slow-vault/slow/name"])
            .current_dir(dir.path())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while proxy.count("GET", "/v1/secret/data/slow") == 0 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(tokens(api), before + 1);
        let killed =
            std::process::Command::new("kill").args(["-s", signal, &command.id().to_string()]).status();
        assert!(killed.unwrap().success());
        assert_eq!(command.wait().unwrap().code(), Some(code));
        assert_eq!(tokens(api), before, "a token was left behind");
    }
}

#[test]
fn a_configured_token_is_never_revoked() {
    let token = server::token(server::api(), "kept", &["root"]);
    server::api().write_kv2("secret", "kept/value", &json!({"name": "canary"}));
    let config = format!("address: '{}', kv: v2", server::dev().address());
    let cli = server::cli_with(&token, &[("my-v2", config)]);
    for _ in 0..2 {
        cli.run(&["-c", "kong.yaml", "get", "my-v2/kept/value/name"]).prints("canary\n");
    }
    assert_eq!(server::api().with_token(&token).get("auth/token/lookup-self").0, 200);
}

/// A JWT whose claims and signature are canaries: `{"alg":"ES256"}`, `{"sub":"canary","exp":9999999999}`.
const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkiLCJleHAiOjk5OTk5OTk5OTl9.Y2FuYXJ5";

/// What every login that fails must not show, whatever the server says in return.
fn fails_without_a_canary(config: &str, expected: &str) {
    let cli = server::cli_with(ROOT, &[("my-v2", config.to_owned())]);
    cli.run(&["-c", "kong.yaml", "get", "my-v2/login/value/name"]).fails_with(1, expected);
    let check = cli.run(&["-c", "kong.yaml", "check", "--json", "--login"]);
    assert_eq!((check.code, &check.json()[0]["ok"]), (1, &json!(false)), "{check:?}");
}

#[test]
fn jwts_client_keys_and_oauth2_secrets_are_never_shown() {
    let server = Builder::dev().root_token(ROOT).start();
    let api = server.api();
    api.must("POST", "sys/auth/jwt", &json!({"type": "jwt"}));
    api.must("POST", "sys/auth/kubernetes", &json!({"type": "kubernetes"}));
    let address = server.address();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("jwt");
    std::fs::write(&file, JWT).unwrap();
    let file = file.display();
    fails_without_a_canary(
        &format!("address: '{address}', kv: v2, auth_method: jwt, jwt_role: web, jwt_file: '{file}'"),
        "HTTP 400",
    );
    fails_without_a_canary(
        &format!(
            "address: '{address}', kv: v2, auth_method: kubernetes, kube_role: web, kube_api_token_file: '{file}'"
        ),
        "kubernetes",
    );
    // A provider and a vault that send back whatever they are sent.
    let echo = Stub::new(|request| {
        let said = String::from_utf8_lossy(&request.body).into_owned();
        Reply::json(400, &json!({"error": said, "error_description": said, "errors": [said]}))
    });
    let provider = Stub::new(|_| Reply::json(200, &json!({"access_token": JWT, "token_type": "Bearer"})));
    let oauth2 = |vault: &str, endpoint: &str| {
        format!(
            "address: '{vault}', kv: v2, retries: 0, auth_method: oauth2, oauth2_role_name: web, \
             oauth2_token_endpoint: '{endpoint}/token', oauth2_client_id: me, oauth2_client_secret: canary-client-secret"
        )
    };
    fails_without_a_canary(&oauth2(&address, &echo.address()), "HTTP 400");
    fails_without_a_canary(&oauth2(&address, &provider.address()), "HTTP 400");
    fails_without_a_canary(&oauth2(&echo.address(), &provider.address()), "HTTP 400");

    let ca = Ca::new();
    let (pair, other) = (ca.client_cert("web"), ca.client_cert("other"));
    for (certificate, key, expected) in [
        (&pair.certificate, other.key, "does not belong"),
        (
            &pair.certificate,
            "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n".into(),
            "key",
        ),
        (&pair.certificate, "canary".into(), "key"),
    ] {
        let config = format!(
            "address: 'https://127.0.0.1:1', kv: v2, retries: 0, auth_method: cert, cert_auth_cert: {}, cert_auth_cert_key: {}",
            json!(certificate),
            json!(key)
        );
        let cli = server::cli_with(ROOT, &[("my-v2", config)]);
        let ran = cli.run(&["-c", "kong.yaml", "get", "my-v2/login/value/name"]);
        assert!(ran.code != 0 && ran.stderr.contains(expected), "{ran:?}");
        let body: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
        assert!(!ran.stderr.contains(&body), "the key is shown");
    }
}
