use async_trait::async_trait;
use strongroom_core::{Grant, Identity, LoginServer};

use super::*;
use crate::HashicorpVault;

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl AuthMethod for Nobody {
    fn name(&self) -> &'static str {
        "nobody"
    }
    fn identity(&self) -> Identity {
        Identity::new("nobody", &[])
    }
    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        Ok(Grant::absent())
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        std::future::pending::<()>().await;
    }
}

fn builder() -> HashicorpVaultBuilder {
    HashicorpVault::builder().auth(Nobody)
}

fn described(builder: HashicorpVaultBuilder) -> String {
    builder.build().unwrap().backend().describe().to_string()
}

#[test]
fn a_vault_says_what_it_is() {
    assert_eq!(described(builder()), "hcv, http://127.0.0.1:8200, mount `secret`, KV v1");
    assert_eq!(
        described(
            builder()
                .address("https://vault.example/")
                .mount("/team/kv/")
                .kv(KvVersion::V2)
                .namespace("a/b/")
        ),
        "hcv, https://vault.example, mount `team/kv`, KV v2, namespace `a/b`"
    );
    assert_eq!(
        described(builder().kv(KvVersion::Auto).namespace("/")),
        "hcv, http://127.0.0.1:8200, mount `secret`, KV auto"
    );
}

#[test]
fn what_cannot_work_is_refused_by_name() {
    let zero = Duration::ZERO;
    for (builder, field) in [
        (HashicorpVault::builder(), "auth"),
        (builder().address("canary"), "address"),
        (builder().addresses(Vec::<String>::new()), "addresses"),
        (builder().addresses(["http://a", "canary"]), "addresses"),
        (builder().mount(""), "mount"),
        (builder().mount("//"), "mount"),
        (builder().mount("canary/../x"), "mount"),
        (builder().mount("canary//x"), "mount"),
        (builder().mount("canary\n"), "mount"),
        (builder().mount("auth/token"), "mount"),
        (builder().mount("/sys/"), "mount"),
        (builder().mount("identity/oidc"), "mount"),
        (builder().mount("cubbyhole"), "mount"),
        (builder().namespace("canary\r\n"), "namespace"),
        (builder().auth_namespace("canary\0"), "auth_namespace"),
        (builder().connect_timeout(zero), "connect_timeout"),
        (builder().request_timeout(zero), "request_timeout"),
        (builder().total_timeout(zero), "total_timeout"),
        (builder().max_in_flight(0), "max_in_flight"),
        (builder().max_response_bytes(0), "max_response_bytes"),
        (builder().ca_cert("canary"), "ca_cert"),
        (builder().ca_cert(""), "ca_cert"),
        (builder().ca_cert("canary").ca_cert_file("canary"), "ca_cert_file"),
        (builder().tls_server_name("vault"), "tls_server_name"),
        (builder().address("https://vault").tls_server_name("10.0.0.1"), "tls_server_name"),
        (builder().address("https://vault").tls_server_name("can ary"), "tls_server_name"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().starts_with(&format!("`{field}`: ")), "{field}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn what_is_shown_of_a_builder_holds_no_password() {
    for address in
        ["http://user:canary@h", "user:canary@h", "https://h/?token=canary", "unix://canary", "canary"]
    {
        let shown = format!("{:?}", builder().addresses(["https://vault.example", address]).mount("team"));
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("https://vault.example") && shown.contains("\"team\""), "{shown}");
    }
}

#[test]
fn what_is_huge_is_taken() {
    let most = Duration::MAX;
    let built = builder().connect_timeout(most).request_timeout(most).total_timeout(most);
    assert!(built.max_in_flight(usize::MAX).max_response_bytes(usize::MAX).build().is_ok());
}

#[test]
fn policy_is_the_vaults() {
    let vault = builder().ttl(Duration::from_secs(60)).neg_ttl(Duration::from_secs(1)).reveal_keys(true);
    let policy = vault.build().unwrap().policy().clone();
    assert_eq!((policy.ttl, policy.neg_ttl), (Some(Duration::from_secs(60)), Duration::from_secs(1)));
    assert!(policy.reveal_keys && !policy.base64_decode);
    assert_eq!(builder().ttl(Duration::ZERO).build().unwrap().policy().ttl, None);
}
