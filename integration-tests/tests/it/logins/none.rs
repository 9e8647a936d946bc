//! No login: a local proxy adds the token.

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

/// A `bao proxy` that logs in by itself, ended with the test.
struct BaoProxy(std::process::Child);

impl Drop for BaoProxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_real_bao_proxy_adds_the_token_over_its_socket_and_over_tcp() {
    let server = server(Builder::dev());
    must(&server, "sys/auth/approle", json!({"type": "approle"}));
    must(&server, "auth/approle/role/node", json!({"token_policies": "reader"}));
    let role_id = server.api().get("auth/approle/role/node/role-id").1["data"]["role_id"].clone();
    let secret_id = must(&server, "auth/approle/role/node/secret-id", json!({}))["data"]["secret_id"].clone();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    write(&path("role-id"), role_id.as_str().unwrap());
    write(&path("secret-id"), secret_id.as_str().unwrap());
    let socket = path("proxy.sock");
    // A port that was free a moment ago; the proxy says so if it is not any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!(
        r#"
        vault {{ address = "{}" }}
        auto_auth {{
          method "approle" {{
            config = {{
              role_id_file_path = "{}"
              secret_id_file_path = "{}"
              remove_secret_id_file_after_reading = false
            }}
          }}
        }}
        api_proxy {{ use_auto_auth_token = true }}
        listener "unix" {{ address = "{}" tls_disable = true require_request_header = true }}
        listener "tcp" {{ address = "127.0.0.1:{port}" tls_disable = true require_request_header = true }}
        "#,
        server.address(),
        path("role-id").display(),
        path("secret-id").display(),
        socket.display(),
    );
    write(&path("proxy.hcl"), &settings);
    let log = std::fs::File::create(path("log")).unwrap();
    let child = std::process::Command::new(strongroom_integration_tests::binary::find().unwrap())
        .args(["proxy", "-config"])
        .arg(path("proxy.hcl"))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let _proxy = BaoProxy(child);
    for address in [format!("unix://{}", socket.display()), format!("http://127.0.0.1:{port}")] {
        let registry = registry(&address, json!({"auth_method": "none"}));
        let start = std::time::Instant::now();
        // It listens before it has logged in.
        while let Err(error) = registry.refresh(REFERENCE).await {
            let log = std::fs::read_to_string(path("log")).unwrap();
            assert!(start.elapsed() < Duration::from_secs(20), "{error:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(name(&registry).await, "ACME Inc.");
        registry.shutdown().await;
        // Its token is not ours to revoke.
        assert_eq!(name(&self::registry(&address, json!({"auth_method": "none"}))).await, "ACME Inc.");
    }
}
