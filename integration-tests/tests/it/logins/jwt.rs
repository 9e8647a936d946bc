//! JWTs from a file and from an identity provider.

use super::*;

fn claims(seconds: i64) -> Value {
    json!({"iss": "https://idp", "sub": "web", "aud": "vault", "exp": expires(seconds), "iat": expires(-60)})
}

fn jwt_server(signer: &Signer) -> Server {
    let server = server(Builder::dev());
    must(&server, "sys/auth/corp/jwt", json!({"type": "jwt"}));
    must(
        &server,
        "auth/corp/jwt/config",
        json!({"jwt_validation_pubkeys": [signer.public_pem], "bound_issuer": "https://idp"}),
    );
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "bound_subject": "web", "token_policies": "reader"
    });
    must(&server, "auth/corp/jwt/role/web", role);
    server
}

#[tokio::test]
async fn a_jwt_from_a_file_logs_in() {
    let signer = Signer::new();
    let server = jwt_server(&signer);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("jwt");
    let fields = json!({
        "auth_method": "jwt", "jwt_role": "web", "jwt_auth_path": "corp/jwt", "jwt_file": file.to_str().unwrap()
    });
    write(&file, &signer.sign(&claims(600)));
    reads_and_gives_back(&server, &registry(&server.address(), fields.clone())).await;
    write(&file, &Signer::new().sign(&claims(600)));
    let (kind, text) = fault(&registry(&server.address(), fields)).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(text.contains("HTTP 400"), "{text}");
}

fn provider(signer: Arc<Signer>) -> Stub {
    Stub::new(move |request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        if form.contains("client_secret=wrong") {
            return Reply::json(401, &json!({"error": "invalid_client"}));
        }
        Reply::json(200, &json!({"access_token": signer.sign(&claims(600)), "token_type": "Bearer"}))
    })
}

#[tokio::test]
async fn the_vault_verifies_by_the_keys_that_the_provider_serves() {
    let signer = Arc::new(Signer::new());
    let keys =
        json!({"keys": [jsonwebtoken::jwk::Jwk::from_encoding_key(&signer.key, Algorithm::ES256).unwrap()]});
    let tokens = signer.clone();
    let provider = Stub::new(move |request| match request.target.as_str() {
        "/keys" => Reply::json(200, &keys),
        _ => Reply::json(200, &json!({"access_token": tokens.sign(&claims(600)), "token_type": "Bearer"})),
    });
    let server = jwt_server(&signer);
    // Its own keys are all that the vault has to go by.
    let settings = json!({"jwks_url": format!("{}/keys", provider.address()), "bound_issuer": "https://idp"});
    must(&server, "sys/auth/other/jwt", json!({"type": "jwt"}));
    must(&server, "auth/other/jwt/config", settings);
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": "reader"
    });
    must(&server, "auth/other/jwt/role/web", role);
    let mut fields = oauth2(&format!("{}/token", provider.address()), "s3cret");
    fields["jwt_auth_path"] = json!("other/jwt");
    fields.as_object_mut().unwrap().remove("namespace");
    reads_and_gives_back(&server, &registry(&server.address(), fields)).await;
    let asked = provider.requests();
    assert!(asked.iter().any(|request| request.method == "GET" && request.target == "/keys"));
    assert_eq!(asked.iter().filter(|request| request.target == "/token").count(), 1);
}

fn oauth2(endpoint: &str, secret: &str) -> Value {
    json!({
        "auth_method": "oauth2", "oauth2_role_name": "web", "jwt_auth_path": "corp/jwt",
        "oauth2_token_endpoint": endpoint, "oauth2_client_id": "me", "oauth2_client_secret": secret,
        "oauth2_audiences": "vault", "oauth2_scopes": ["a", "b"], "namespace": "root"
    })
}

#[tokio::test]
async fn an_identity_provider_is_asked_by_client_credentials_and_learns_nothing_of_the_vault() {
    let signer = Arc::new(Signer::new());
    let (server, provider) = (jwt_server(&signer), provider(signer.clone()));
    let mut fields = oauth2(&format!("{}/token?x=1", provider.address()), "s3+cr=t");
    fields.as_object_mut().unwrap().remove("namespace");
    reads_and_gives_back(&server, &registry(&server.address(), fields)).await;
    let asked = provider.requests();
    let [request] = asked.as_slice() else { panic!("one request, not {}", asked.len()) };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/token?x=1"));
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "grant_type=client_credentials&client_id=me&client_secret=s3%2Bcr%3Dt&scope=a%20b&audience=vault"
    );
    for header in ["x-vault-token", "x-vault-namespace", "x-vault-request", "authorization"] {
        assert_eq!(request.header(header), None, "{header}");
    }
}

#[tokio::test]
async fn a_provider_that_refuses_redirects_or_talks_nonsense_is_an_error_and_the_vault_hears_nothing() {
    let vault = Stub::new(|_| Reply::new(500));
    let elsewhere = Stub::new(|_| Reply::new(200));
    let target = elsewhere.address();
    let provider = provider(Arc::new(Signer::new()));
    let (kind, text) = fault(&registry(&vault.address(), oauth2(&provider.address(), "wrong"))).await;
    assert_eq!(kind, ErrorKind::Unauthenticated);
    assert!(
        text.contains("the identity provider gave no token") && text.contains("invalid_client"),
        "{text}"
    );
    provider.answer(move |_| Reply::new(307).header("location", &target));
    let (_, text) = fault(&registry(&vault.address(), oauth2(&provider.address(), "canary"))).await;
    assert!(text.contains("redirects are not followed"), "{text}");
    provider.answer(|_| Reply::json(200, &json!({"access_token": "opaque-canary"})));
    let (_, text) = fault(&registry(&vault.address(), oauth2(&provider.address(), "x"))).await;
    assert!(text.contains("not shaped like a JWT"), "{text}");
    let (_, text) = fault(&registry(&vault.address(), oauth2("http://idp.example/token", "x"))).await;
    assert!(text.contains("expected https, or http to a loopback address"), "{text}");
    assert!(vault.requests().is_empty() && elsewhere.requests().is_empty());
}
