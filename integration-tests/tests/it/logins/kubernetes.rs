//! Kubernetes: service account tokens, reviewed by a cluster that verifies their signatures.

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
