//! AppRole: secret ids, plain and wrapped.

use super::*;

struct Role {
    server: Server,
    role_id: String,
}

fn role(settings: Value) -> Role {
    let server = server(Builder::dev());
    must(&server, "sys/auth/team/approle", json!({"type": "approle"}));
    must(&server, "auth/team/approle/role/Web", settings);
    let role_id = server.api().get("auth/team/approle/role/web/role-id").1["data"]["role_id"]
        .as_str()
        .unwrap()
        .to_owned();
    Role { server, role_id }
}

fn secret_id(role: &Role) -> String {
    let made = must(&role.server, "auth/team/approle/role/web/secret-id", json!({}));
    made["data"]["secret_id"].as_str().unwrap().to_owned()
}

/// A wrapping token around the answer to a POST, which takes a header that the fixture does not send.
fn wrapped(server: &Server, path: &str, body: &str) -> String {
    let address = server.plain_address();
    let peer = address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(peer).unwrap();
    let (token, length) = (server.token(), body.len());
    write!(stream, "POST {path} HTTP/1.1\r\nhost: {peer}\r\nx-vault-token: {token}\r\nx-vault-wrap-ttl: 300\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let start = answer.find("{\"").expect("an answer in JSON");
    let end = answer.rfind('}').unwrap();
    let answer: Value = serde_json::from_str(&answer[start..=end]).unwrap();
    answer["wrap_info"]["token"].as_str().unwrap().to_owned()
}

fn fields(role: &Role, more: Value) -> Value {
    let mut fields = json!({
        "auth_method": "approle", "approle_role_id": role.role_id, "approle_auth_path": "/team/approle/"
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fields
}

#[tokio::test]
async fn a_secret_id_logs_in_again_and_again() {
    let role = role(json!({"token_policies": "reader", "token_ttl": "1h"}));
    let secret = secret_id(&role);
    for _ in 0..2 {
        let registry = registry(&role.server.address(), fields(&role, json!({"approle_secret_id": secret})));
        reads_and_gives_back(&role.server, &registry).await;
    }
}

#[tokio::test]
async fn a_spent_or_wrong_secret_id_says_so() {
    let role = role(json!({"token_policies": "reader", "secret_id_num_uses": 1}));
    let secret = secret_id(&role);
    let fields = fields(&role, json!({"approle_secret_id": secret}));
    let first = registry(&role.server.address(), fields.clone());
    assert_eq!(name(&first).await, "ACME Inc.");
    let (kind, text) = fault(&registry(&role.server.address(), fields)).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(text.contains("HTTP 400") && text.contains("a new secret id is needed"), "{text}");
    assert!(!text.contains(&secret), "{text}");
}

#[tokio::test]
async fn a_wrapped_secret_id_is_checked_then_unwrapped_once() {
    let role = role(json!({"token_policies": "reader"}));
    let proxy = Proxy::in_front_of(&role.server);
    let token = wrapped(&role.server, "/v1/auth/team/approle/role/web/secret-id", "{}");
    let more =
        json!({"approle_secret_id": token, "approle_response_wrapping": true, "approle_role_name": "WEB"});
    let vault = registry(&proxy.address(), fields(&role, more.clone()));
    let health = vault.check("under-test", Probe::Careful).await;
    assert_eq!(
        proxy.count("POST", "/v1/sys/wrapping/unwrap"),
        0,
        "a check spends no wrapping token: {health:?}"
    );
    assert_eq!(health.unwrap().login.as_deref(), Some("approle, not tried"));
    // The wrapping token is a token too, and is spent.
    reads_and_gives_back_from(&role.server, &vault, tokens(&role.server) - 1).await;
    assert_eq!(proxy.count("POST", "/v1/sys/wrapping/unwrap"), 1);
    let requests = proxy.requests();
    let lookups: Vec<_> = requests.iter().filter(|r| r.target == "/v1/sys/wrapping/lookup").collect();
    assert!(!lookups.is_empty() && lookups.iter().all(|lookup| lookup.header("x-vault-token").is_none()));
    assert!(requests.iter().all(|request| request.header("x-vault-request") == Some("true")));

    let (kind, text) = fault(&registry(&proxy.address(), fields(&role, more))).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(text.contains("somebody else may have opened it") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn a_foreign_wrapping_token_is_refused_and_not_burned() {
    let role = role(json!({"token_policies": "reader"}));
    let forged = wrapped(&role.server, "/v1/sys/wrapping/wrap", r#"{"secret_id":"canary"}"#);
    let more = json!({"approle_secret_id": forged, "approle_response_wrapping": true});
    let (kind, text) = fault(&registry(&role.server.address(), fields(&role, more))).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(
        text.contains("made by `sys/wrapping/wrap`, not by `auth/team/approle/role/<role>/secret-id`"),
        "{text}"
    );
    let unwrapped = role.server.api().with_token(&forged).must("POST", "sys/wrapping/unwrap", &json!({}));
    assert_eq!(unwrapped["data"]["secret_id"], "canary", "it was not burned");
}

#[tokio::test]
async fn another_roles_wrapping_token_is_refused_where_the_role_is_named() {
    let role = role(json!({"token_policies": "reader"}));
    must(&role.server, "auth/team/approle/role/other", json!({}));
    let token = wrapped(&role.server, "/v1/auth/team/approle/role/other/secret-id", "{}");
    let more =
        json!({"approle_secret_id": token, "approle_response_wrapping": true, "approle_role_name": "web"});
    let (_, text) = fault(&registry(&role.server.address(), fields(&role, more))).await;
    assert!(text.contains("made by `auth/team/approle/role/other/secret-id`"), "{text}");
}

#[tokio::test]
async fn a_changed_file_is_picked_up() {
    let role = role(json!({"token_policies": "reader"}));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret-id");
    write(&path, "not-a-secret-id\n");
    let more = json!({"approle_secret_id_file": path.to_str().unwrap()});
    let vault = registry(&role.server.address(), fields(&role, more));
    assert_eq!(fault(&vault).await.0, ErrorKind::Unauthenticated);
    write(&path, &format!("{}\n", secret_id(&role)));
    let mut left = 60;
    while vault.get(REFERENCE).await.is_err() && left > 0 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        left -= 1;
    }
    assert_eq!(name(&vault).await, "ACME Inc.");
}
