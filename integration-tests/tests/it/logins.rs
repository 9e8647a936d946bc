//! Every login against a real server: what it sends, what it is refused, and that it gives its token back.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use strongroom::config::{Config, Format};
use strongroom::{ErrorKind, Probe, Registry};
use strongroom_integration_tests::{Builder, Ca, Proxy, Reply, Server, Stub};

const REFERENCE: &str = "{vault://under-test/customer/acme/name}";

/// A server with one secret and a policy `reader` that may read it.
fn server(builder: Builder) -> Server {
    let server = builder.start();
    let api = server.api();
    if api.get("sys/mounts/secret").0 != 200 {
        api.mount_kv("secret", 2);
    }
    api.write_kv2("secret", "customer/acme", &json!({"name": "ACME Inc."}));
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    server
}

/// The registry of one vault at `address` with these fields, read from a file as users write it.
fn registry(address: &str, fields: Value) -> Registry {
    let mut config = json!({"address": address, "kv": "v2", "retries": 0});
    config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let file = json!({"vaults": [{"name": "hcv", "prefix": "under-test", "config": config}]});
    Config::new().and_parse("vaults.json", &file.to_string(), Format::Json).unwrap().build().unwrap()
}

async fn name(registry: &Registry) -> String {
    registry.get(REFERENCE).await.unwrap().as_str().unwrap().to_owned()
}

/// The whole error of a read, which holds no canary.
async fn fault(registry: &Registry) -> (ErrorKind, String) {
    let error = registry.get(REFERENCE).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(!text.contains("canary"), "{text}");
    (error.kind(), text)
}

fn tokens(server: &Server) -> usize {
    server.api().list("auth/token/accessors").1["data"]["keys"].as_array().unwrap().len()
}

/// Reads twice, then shuts down: one token is minted, and given back.
async fn reads_and_gives_back(server: &Server, registry: &Registry) {
    reads_and_gives_back_from(server, registry, tokens(server)).await;
}

async fn reads_and_gives_back_from(server: &Server, registry: &Registry, before: usize) {
    assert_eq!(name(registry).await, "ACME Inc.");
    assert_eq!(name(registry).await, "ACME Inc.");
    assert_eq!(tokens(server), before + 1, "one login for all reads");
    registry.shutdown().await;
    assert_eq!(tokens(server), before, "the token is given back");
}

fn must(server: &Server, path: &str, body: Value) -> Value {
    server.api().must("POST", path, &body)
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

mod approle {
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
            let registry =
                registry(&role.server.address(), fields(&role, json!({"approle_secret_id": secret})));
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
        let more = json!({"approle_secret_id": token, "approle_response_wrapping": true, "approle_role_name": "WEB"});
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
        let more = json!({"approle_secret_id": token, "approle_response_wrapping": true, "approle_role_name": "web"});
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
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            left -= 1;
        }
        assert_eq!(name(&vault).await, "ACME Inc.");
    }
}

/// A key that signs tokens.
struct Signer {
    key: EncodingKey,
    public_pem: String,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        Self { key, public_pem: pair.public_key_pem() }
    }

    fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &self.key).unwrap()
    }
}

fn expires(seconds: i64) -> i64 {
    jsonwebtoken::get_current_timestamp() as i64 + seconds
}

mod kubernetes {
    use super::*;

    fn claims(account: &str, seconds: i64) -> Value {
        json!({
            "iss": "https://kubernetes.default.svc", "aud": ["vault"], "exp": expires(seconds), "iat": expires(-60),
            "sub": format!("system:serviceaccount:default:{account}"),
            "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": account, "uid": "1"}}
        })
    }

    /// The part of a cluster that reviews tokens: it verifies signatures, as a real one does.
    fn cluster(signer: &Signer) -> Stub {
        let key = DecodingKey::from_ec_pem(signer.public_pem.as_bytes()).unwrap();
        Stub::new(move |request| {
            if request.target != "/apis/authentication.k8s.io/v1/tokenreviews" {
                return Reply::new(404);
            }
            let review = request.json();
            let mut rules = Validation::new(Algorithm::ES256);
            rules.set_audience(&["vault"]);
            let token = review["spec"]["token"].as_str().unwrap_or_default();
            let status = match jsonwebtoken::decode::<Value>(token, &key, &rules) {
                Ok(token) => {
                    json!({
                        "authenticated": true, "audiences": ["vault"], "user": {
                            "username": token.claims["sub"], "uid": "1",
                            "groups": ["system:serviceaccounts", "system:authenticated"]
                        }
                    })
                }
                Err(error) => json!({"authenticated": false, "error": error.to_string()}),
            };
            Reply::json(
                201,
                &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}),
            )
        })
    }

    fn cluster_and_server(signer: &Signer) -> (Stub, Server) {
        let (cluster, server) = (cluster(signer), server(Builder::dev()));
        must(&server, "sys/auth/clusters/eu", json!({"type": "kubernetes"}));
        let config = json!({"kubernetes_host": cluster.address(), "disable_local_ca_jwt": true, "kubernetes_ca_cert": Ca::new().pem(), "token_reviewer_jwt": signer.sign(&claims("reviewer", 3600))});
        must(&server, "auth/clusters/eu/config", config);
        let role = json!({
            "bound_service_account_names": "web", "bound_service_account_namespaces": "default", "token_policies": "reader"
        });
        must(&server, "auth/clusters/eu/role/web", role);
        (cluster, server)
    }

    fn fields(token_file: &Path) -> Value {
        json!({
            "auth_method": "kubernetes", "kube_role": "web", "kube_auth_path": "clusters/eu/",
            "kube_api_token_file": token_file.to_str().unwrap()
        })
    }

    #[tokio::test]
    async fn a_service_account_logs_in_and_others_do_not() {
        let signer = Signer::new();
        let (cluster, server) = cluster_and_server(&signer);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        write(&file, &signer.sign(&claims("web", 600)));
        reads_and_gives_back(&server, &registry(&server.address(), fields(&file))).await;
        assert!(!cluster.requests().is_empty(), "the cluster was asked");

        write(&file, &signer.sign(&claims("db", 600)));
        let (kind, text) = fault(&registry(&server.address(), fields(&file))).await;
        assert_eq!(kind, ErrorKind::Unauthenticated);
        assert!(text.contains("HTTP 403") && text.contains("not authorized"), "{text}");

        write(&file, &Signer::new().sign(&claims("web", 600)));
        let (kind, text) = fault(&registry(&server.address(), fields(&file))).await;
        assert_eq!(kind, ErrorKind::Unauthenticated);
        assert!(text.contains("a cluster that the server cannot reach"), "{text}");
    }

    #[tokio::test]
    async fn what_cannot_work_is_refused_by_name_and_never_sent() {
        let (signer, dir) = (Signer::new(), tempfile::tempdir().unwrap());
        let stub = Stub::new(|_| Reply::new(500));
        let file = dir.path().join("token");
        for (text, expected) in [
            (signer.sign(&claims("web", -10)), "has expired"),
            ("canary".to_owned(), "not shaped like a JWT"),
            (String::new(), "is empty"),
            ("a".repeat(70_000), "longer than 64 KiB"),
        ] {
            write(&file, &text);
            let (kind, text) = fault(&registry(&stub.address(), fields(&file))).await;
            assert_eq!(kind, ErrorKind::Unauthenticated);
            assert!(text.contains("service account token") && text.contains(expected), "{text}");
        }
        let (_, text) = fault(&registry(&stub.address(), fields(dir.path()))).await;
        assert!(text.contains("not a regular file"), "{text}");
        let (_, text) = fault(&registry(&stub.address(), fields(&dir.path().join("missing")))).await;
        assert!(text.contains("No such file"), "{text}");
        assert!(stub.requests().is_empty());
    }
}

mod jwt {
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
}

mod cert {
    use super::*;

    struct Setup {
        server: Server,
        clients: Ca,
        dir: tempfile::TempDir,
    }

    fn setup() -> Setup {
        let (servers, clients) = (Ca::new(), Ca::new());
        let pair = servers.server_cert(&["127.0.0.1", "localhost"]);
        let server = server(
            Server::builder().tls_with(&servers, &pair).tls_option("tls_disable_client_certs = false"),
        );
        must(&server, "sys/auth/corp/cert", json!({"type": "cert"}));
        let role = json!({"certificate": clients.pem(), "token_policies": "reader"});
        must(&server, "auth/corp/cert/certs/web", role);
        Setup { server, clients, dir: tempfile::tempdir().unwrap() }
    }

    fn fields(setup: &Setup) -> Value {
        let file = |name: &str| setup.dir.path().join(name).to_str().unwrap().to_owned();
        json!({
            "auth_method": "cert", "cert_auth_cert_file": file("cert"), "cert_auth_cert_key_file": file("key"),
            "cert_auth_role_name": "web", "cert_auth_path": "corp/cert", "ca_cert_file": setup.server.ca_file()
        })
    }

    fn write_pair(setup: &Setup, certificate: &str, key: &str) {
        write(&setup.dir.path().join("cert"), certificate);
        write(&setup.dir.path().join("key"), key);
    }

    #[tokio::test]
    async fn a_client_certificate_logs_in_and_a_foreign_one_does_not() {
        let setup = setup();
        let pair = setup.clients.client_cert("web");
        write_pair(&setup, &pair.certificate, &pair.key);
        reads_and_gives_back(&setup.server, &registry(&setup.server.address(), fields(&setup))).await;

        let foreign = Ca::new().client_cert("web");
        write_pair(&setup, &foreign.certificate, &foreign.key);
        let (kind, text) = fault(&registry(&setup.server.address(), fields(&setup))).await;
        assert_eq!(kind, ErrorKind::Unauthenticated);
        assert!(text.contains("HTTP 400") && text.contains("no role trusts its CA"), "{text}");
    }

    #[tokio::test]
    async fn a_pair_that_does_not_match_and_plain_http_are_refused_before_anything_is_sent() {
        let setup = setup();
        let (one, two) = (setup.clients.client_cert("one"), setup.clients.client_cert("two"));
        write_pair(&setup, &one.certificate, &two.key);
        let (kind, text) = fault(&registry(&setup.server.address(), fields(&setup))).await;
        assert_eq!(kind, ErrorKind::InvalidConfig);
        assert!(text.contains("the client key does not belong to the client certificate"), "{text}");

        write_pair(&setup, &one.certificate, &one.key);
        let stub = Stub::new(|_| Reply::new(500));
        let (_, text) = fault(&registry(&stub.address(), fields(&setup))).await;
        assert!(text.contains("needs an https address"), "{text}");
        assert!(stub.requests().is_empty());
    }
}

mod none {
    use super::*;

    #[tokio::test]
    async fn a_local_proxy_adds_the_token() {
        let server = server(Builder::dev());
        let proxy = Proxy::in_front_of(&server);
        let token = server.token().to_owned();
        proxy.intercept(move |request, upstream| {
            assert_eq!(request.header("x-vault-token"), None);
            let mut request = request.clone();
            request.headers.push(("x-vault-token".into(), token.clone()));
            upstream.forward(&request)
        });
        let registry = registry(&proxy.address(), json!({"auth_method": "none"}));
        assert_eq!(name(&registry).await, "ACME Inc.");
        registry.shutdown().await;
        assert!(proxy.requests().iter().all(|request| request.target.starts_with("/v1/secret/")));
    }
}

/// The life of a token, counted at the server's door.
mod life {
    use std::time::{Duration, Instant};

    use strongroom::Reference;

    use super::*;

    const LOGIN: &str = "/v1/auth/approle/login";
    const RENEW: &str = "/v1/auth/token/renew-self";
    const LOOK_UP: &str = "/v1/auth/token/lookup-self";

    struct Life {
        server: Server,
        proxy: Proxy,
        fields: Value,
    }

    /// A server with an AppRole of these settings, whose secret id logs in again and again.
    fn life(settings: Value) -> Life {
        let server = server(Builder::dev());
        must(&server, "sys/auth/approle", json!({"type": "approle"}));
        let mut role = json!({"token_policies": "reader"});
        role.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        must(&server, "auth/approle/role/web", role);
        let role_id = server.api().get("auth/approle/role/web/role-id").1["data"]["role_id"].clone();
        let secret_id =
            must(&server, "auth/approle/role/web/secret-id", json!({}))["data"]["secret_id"].clone();
        let fields =
            json!({"auth_method": "approle", "approle_role_id": role_id, "approle_secret_id": secret_id});
        Life { proxy: Proxy::in_front_of(&server), server, fields }
    }

    impl Life {
        fn registry(&self) -> Registry {
            registry(&self.proxy.address(), self.fields.clone())
        }

        /// How many logins, renewals and lookups there were.
        fn counts(&self) -> (usize, usize, usize) {
            (
                self.proxy.count("POST", LOGIN),
                self.proxy.count("POST", RENEW),
                self.proxy.count("GET", LOOK_UP),
            )
        }

        fn revoke_everything(&self) {
            for accessor in
                self.server.api().list("auth/token/accessors").1["data"]["keys"].as_array().unwrap()
            {
                let body = json!({"accessor": accessor});
                let token = self.server.api().post("auth/token/lookup-accessor", &body).1;
                if token["data"]["path"] == "auth/approle/login" {
                    must(&self.server, "auth/token/revoke-accessor", body);
                }
            }
        }
    }

    /// Reads every 100 ms for a while; every read succeeds.
    async fn read_for(registry: &Registry, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            assert_eq!(name(registry).await, "ACME Inc.");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_revoked_from_outside_under_a_thousand_readers_costs_one_login() {
        let life = life(json!({"token_ttl": "1h"}));
        let registry = life.registry();
        assert_eq!(name(&registry).await, "ACME Inc.");
        tokio::time::sleep(Duration::from_secs(1)).await;
        life.revoke_everything();
        life.proxy.take_requests();
        let start = Instant::now();
        let reference: Reference = REFERENCE.parse().unwrap();
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                let (registry, reference) = (registry.clone(), reference.clone());
                tokio::spawn(async move {
                    let read = registry.get(&reference).await;
                    (read.map(|secret| secret.as_bytes() == b"ACME Inc."), start.elapsed())
                })
            })
            .collect();
        let mut first = Duration::MAX;
        for reader in readers {
            let (read, took) = reader.await.unwrap();
            assert!(read.unwrap());
            first = first.min(took);
        }
        assert!(first < Duration::from_secs(1), "recovered after {first:?}");
        assert_eq!(life.counts(), (1, 0, 1));
    }

    #[tokio::test]
    async fn a_periodic_token_lives_through_its_periods_with_one_login() {
        let life = life(json!({"token_period": "1s"}));
        let registry = life.registry();
        read_for(&registry, Duration::from_secs(12)).await;
        let (logins, renewals, _) = life.counts();
        assert!(logins == 1 && (12..=50).contains(&renewals), "{:?}", life.counts());
    }

    #[tokio::test]
    async fn an_explicit_end_is_reached_without_a_gap() {
        let life = life(json!({"token_ttl": "4s", "token_explicit_max_ttl": "6s"}));
        let registry = life.registry();
        read_for(&registry, Duration::from_secs(14)).await;
        let (logins, renewals, _) = life.counts();
        assert!((2..=5).contains(&logins) && renewals <= 12, "{:?}", life.counts());
    }

    #[tokio::test]
    async fn a_batch_token_is_replaced_and_neither_renewed_nor_revoked() {
        let life = life(json!({"token_type": "batch", "token_ttl": "6s"}));
        let registry = life.registry();
        read_for(&registry, Duration::from_secs(8)).await;
        registry.shutdown().await;
        assert_eq!(life.counts(), (2, 0, 0));
        assert_eq!(life.proxy.count("POST", "/v1/auth/token/revoke-self"), 0);
    }

    #[tokio::test]
    async fn a_token_without_the_default_policy_is_renewed_in_vain_once() {
        let life = life(json!({"token_no_default_policy": true, "token_ttl": "6s"}));
        let registry = life.registry();
        read_for(&registry, Duration::from_secs(8)).await;
        let (logins, renewals, _) = life.counts();
        assert!(logins == 2 && renewals <= 2, "{:?}", life.counts());
    }

    #[tokio::test]
    async fn a_use_limited_token_is_replaced_before_it_is_spent_and_never_probed() {
        let life = life(json!({"token_num_uses": 8}));
        let registry = life.registry();
        for _ in 0..12 {
            assert_eq!(name(&registry).await, "ACME Inc.");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let (logins, renewals, lookups) = life.counts();
        assert!((2..=3).contains(&logins) && (renewals, lookups) == (0, 0), "{:?}", life.counts());
    }

    #[tokio::test]
    async fn a_sealed_vault_costs_no_login() {
        let life = life(json!({"token_ttl": "1h"}));
        let registry = life.registry();
        assert_eq!(name(&registry).await, "ACME Inc.");
        life.proxy.intercept(|_, _| Reply::json(503, &json!({"errors": ["Vault is sealed"]})));
        for _ in 0..20 {
            assert_eq!(fault(&registry).await.0, ErrorKind::Sealed);
        }
        life.proxy.forward_all();
        assert_eq!(name(&registry).await, "ACME Inc.");
        assert_eq!(life.counts(), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_disabled_auth_mount_is_asked_at_its_rate_and_no_more() {
        let life = life(json!({"token_ttl": "1h"}));
        let registry = life.registry();
        assert_eq!(name(&registry).await, "ACME Inc.");
        life.server.api().must("DELETE", "sys/auth/approle", &Value::Null);
        life.proxy.take_requests();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(6) {
            assert_eq!(fault(&registry).await.0, ErrorKind::Unauthenticated);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (logins, _, lookups) = life.counts();
        assert!((1..=4).contains(&logins) && lookups <= 2, "{:?}", life.counts());
    }

    #[tokio::test]
    async fn a_login_that_answers_nonsense_is_an_error_and_no_storm() {
        let life = life(json!({"token_ttl": "1h"}));
        for nonsense in
            ["{}", r#"{"auth":null}"#, r#"{"auth":{"client_token":""}}"#, "<html>", r#"{"auth":{"#, ""]
        {
            life.proxy.intercept(move |request, upstream| match request.target.as_str() {
                LOGIN => Reply::new(200).header("content-type", "application/json").body(nonsense),
                _ => upstream.forward(request),
            });
            life.proxy.take_requests();
            let registry = life.registry();
            for _ in 0..10 {
                assert!(registry.get(REFERENCE).await.is_err(), "{nonsense}");
            }
            assert!(life.counts().0 <= 2, "{nonsense}: {:?}", life.counts());
        }
    }

    #[tokio::test]
    async fn vaults_that_log_in_alike_share_one_token() {
        let life = life(json!({"token_ttl": "1h"}));
        life.server.api().mount_kv("other", 2);
        life.server.api().policy("reader", r#"path "+/data/*" { capabilities = ["read"] }"#);
        life.server.api().write_kv2("other", "customer/acme", &json!({"name": "Other Inc."}));
        let vault = |prefix: &str, mount: &str| {
            let mut config = life.fields.clone();
            let more = json!({"address": life.proxy.address(), "kv": "v2", "mount": mount});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"name": "hcv", "prefix": prefix, "config": config})
        };
        let file = json!({"vaults": [vault("one", "secret"), vault("two", "other")]}).to_string();
        let registry = Config::new().and_parse("vaults.json", &file, Format::Json).unwrap().build().unwrap();
        let before = tokens(&life.server);
        assert_eq!(registry.get("{vault://one/customer/acme/name}").await.unwrap().as_bytes(), b"ACME Inc.");
        assert_eq!(registry.get("{vault://two/customer/acme/name}").await.unwrap().as_bytes(), b"Other Inc.");
        assert_eq!(life.counts().0, 1);
        let one = registry.vault("one").unwrap();
        registry.remove("one").await.unwrap();
        let closed =
            one.backend().read(&strongroom::core::ReadRequest::new("customer/acme")).await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Closed);
        assert_eq!(registry.get("{vault://two/customer/acme/name}").await.unwrap().as_bytes(), b"Other Inc.");
        assert_eq!(tokens(&life.server), before + 1, "the token stays while somebody needs it");
        registry.shutdown().await;
        assert_eq!(tokens(&life.server), before);
        assert_eq!(life.counts().0, 1);
    }
}
