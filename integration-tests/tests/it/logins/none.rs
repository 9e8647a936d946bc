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
