use std::sync::Arc;

use async_trait::async_trait;
use strongroom_core::factory::AuthFactory;
use strongroom_core::{AuthMethod, Grant, Identity, LoginServer, Secret};

use super::*;

/// A login with the token of the field `token`.
#[derive(Debug)]
struct Given;

const TOKEN: Field = Field::new("token", Shape::Credential, "token");

impl AuthFactory for Given {
    fn name(&self) -> &'static str {
        "token"
    }
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }
    fn fields(&self) -> &'static [Field] {
        &[TOKEN]
    }
    fn build(&self, settings: &Settings) -> Result<Arc<dyn AuthMethod>, Error> {
        settings.required(&TOKEN)?;
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl AuthMethod for Given {
    fn name(&self) -> &'static str {
        "token"
    }
    fn identity(&self) -> Identity {
        Identity::new("token", &[])
    }
    async fn login(&self, _: &dyn LoginServer) -> Result<Grant, Error> {
        Ok(Grant::supplied(Secret::from("root")))
    }
    async fn examine(&self, _: &dyn LoginServer) -> Result<bool, Error> {
        Ok(true)
    }
    async fn credential_changed(&self) {
        std::future::pending::<()>().await;
    }
}

fn build(fields: &[(&str, &str)]) -> Result<String, String> {
    Ok(vault(fields)?.backend().describe().to_string())
}

fn vault(fields: &[(&str, &str)]) -> Result<Vault, String> {
    let factories = Factories::new().with_backend(HashicorpFactory::default()).with_login(Given);
    let settings = Settings::new("vault `p`").with("token", "root");
    let settings = fields.iter().fold(settings, |settings, (name, text)| settings.with(*name, *text));
    factories.build("hcv", &settings).map_err(|error| error.to_string())
}

#[test]
fn versions_are_asked_for_where_there_may_be_any_and_that_is_wanted() {
    let asks = |fields: &[(&str, &str)]| vault(fields).unwrap().backend().versions().is_some();
    assert!(asks(&[("kv", "v2")]) && asks(&[("kv", "auto"), ("poll", "auto")]));
    assert!(!asks(&[]) && !asks(&[("kv", "v2"), ("poll", "off")]));
}

#[test]
fn kongs_fields_make_a_vault() {
    assert_eq!(build(&[]).unwrap(), "hcv, http://127.0.0.1:8200, mount `secret`, KV v1");
    let fields = [
        ("host", "vault.example"),
        ("port", "443"),
        ("protocol", "https"),
        ("kv", "v2"),
        ("mount", "team/kv/"),
        ("namespace", "team"),
        ("auth_method", "token"),
        ("aws_role_session_name", "kong"),
        ("gcp_login_path", "/v1/auth/gcp/login"),
        ("azure_login_path", ""),
    ];
    let expected = "hcv, https://vault.example, mount `team/kv`, KV v2, namespace `team`";
    assert_eq!(build(&fields).unwrap(), expected);
    assert!(build(&[("host", "[::1]")]).unwrap().contains("http://[::1]:8200"));
    assert!(build(&[("host", "::1")]).unwrap().contains("http://[::1]:8200"));
    assert!(
        build(&[("address", "unix:///run/p.sock"), ("kv", "auto")]).unwrap().contains("unix:///run/p.sock")
    );
    let several = build(&[("addresses", "https://a:8200, https://b:8200")]).unwrap();
    assert!(several.contains("https://a:8200") || several.contains("https://b:8200"), "{several}");
}

#[test]
fn mistakes_are_named_and_not_quoted() {
    for (fields, expected) in [
        (&[("host", "http://canary")][..], "`host`: expected a host name without a scheme"),
        (&[("host", "canary:8200")], "`host`: expected a host name without a port"),
        (&[("port", "0")], "`port`: expected a whole number from 1 to 65535"),
        (&[("protocol", "canary")], "`protocol`: expected one of"),
        (&[("address", "http://canary@x")], "`address`: user info has no place"),
        (&[("address", "http://canary"), ("host", "x")], "`host`: cannot stand beside `address`"),
        (&[("addresses", "http://canary"), ("port", "1")], "`port`: cannot stand beside `addresses`"),
        (
            &[("addresses", "http://canary"), ("address", "http://x")],
            "`address`: cannot stand beside `addresses`",
        ),
        (&[("addresses", "http://a,canary")], "`addresses`: expected a URL"),
        (&[("addresses", " , ")], "`addresses`: expected at least one"),
        (&[("kv", "canary")], "`kv`: expected one of"),
        (&[("mount", "../canary")], "`mount`: expected a mount path"),
        (&[("connect_timeout", "0")], "`connect_timeout`: expected more than 0"),
        (&[("max_in_flight", "0")], "`max_in_flight`: expected a whole number"),
        (&[("ca_cert", "canary")], "`ca_cert`: it holds no certificate"),
        (&[("ca_cert_file", "/canary"), ("ca_cert", "x")], "`ca_cert_file`: cannot stand beside"),
        (&[("tls_server_name", "canary")], "`tls_server_name`: is of use with https"),
        (&[("namespace", "canary\n")], "`namespace`: expected a namespace"),
        (&[("poll", "canary")], "`poll`: expected one of"),
        (&[("aws_auth_role", "canary")], "`aws_auth_role`: is recognised but not built yet"),
        (&[("gcp_login_path", "/canary")], "`gcp_login_path`: is recognised but not built yet"),
        (&[("auth_method", "canary")], "`auth_method`: unknown login"),
        (&[("prot", "1")], "unknown field `prot`; did you mean `port`?"),
    ] {
        let error = build(fields).unwrap_err();
        assert!(error.contains(expected), "{fields:?}: {error}");
        let shown = error.replace("unknown login `canary`", "");
        assert!(!shown.contains("canary"), "{error}");
    }
}
