use std::error::Error as _;

use super::*;
use crate::{MemoryVault, Policy, Reference};

fn registry() -> Registry {
    let vault = MemoryVault::new();
    vault.set("customer/acme", r#"{"name":"old"}"#).unwrap();
    vault.set("customer/acme", r#"{"name":"ACME Inc.","b":"aGVsbG8"}"#).unwrap();
    Registry::builder().vault("my-vault", vault).build().unwrap()
}

async fn get(registry: &Registry, reference: &str) -> Result<String, String> {
    match registry.get(reference).await {
        Ok(secret) => Ok(secret.as_str().unwrap().to_owned()),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[tokio::test]
async fn a_reference_becomes_its_value() {
    let registry = registry();
    assert_eq!(get(&registry, "{vault://my-vault/customer/acme/name}").await.unwrap(), "ACME Inc.");
    assert_eq!(get(&registry, "{vault://my-vault/customer/acme/name#1}").await.unwrap(), "old");
    assert_eq!(get(&registry, "{vault://my-vault/customer/acme/b?base64_decode}").await.unwrap(), "hello");
    assert_eq!(get(&registry, "{vault://my-vault/customer/acme/?pointer=/name}").await.unwrap(), "ACME Inc.");
    let parsed: Reference = "{vault://my-vault/customer/acme/name?ttl=1}".parse().unwrap();
    let fetched = registry.fetch(&parsed).await.unwrap();
    assert_eq!((fetched.value.as_bytes(), fetched.version), (&b"ACME Inc."[..], Some(2)));
}

#[tokio::test]
async fn an_error_names_the_reference_then_the_vault_and_the_reason() {
    let error = registry().get("{vault://my-vault/customer/acme/nmae}").await.unwrap_err();
    assert_eq!(error.to_string(), "could not resolve {vault://my-vault/customer/acme/nmae}");
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), "vault `my-vault` (memory): no such key `nmae` in `customer/acme`");
    assert!(cause.source().is_none());
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn bad_options_are_refused_before_anything_is_read() {
    let registry = registry();
    for (options, expected) in [
        ("ttl=-1", "option `ttl`: expected seconds"),
        ("neg_ttl=nan", "option `neg_ttl`: expected seconds"),
        ("resurrect_ttl=", "option `resurrect_ttl`: expected seconds"),
        ("base64_decode=yes", "option `base64_decode`: expected true or false"),
        ("pointer=a", "option `pointer`: expected a JSON pointer"),
        ("pointer=/a~2", "option `pointer`: expected a JSON pointer"),
        ("pointer=/a~", "option `pointer`: expected a JSON pointer"),
        ("host=evil", "unknown option `host` (this vault knows ttl, neg_ttl"),
        ("prefix=x", "unknown option `prefix`"),
    ] {
        let error = get(&registry, &format!("{{vault://my-vault/missing/key?{options}}}")).await.unwrap_err();
        assert!(error.starts_with("invalid_reference: ") && error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn an_unknown_prefix_names_the_nearest_one() {
    let error = get(&registry(), "{vault://my-valt/a/b}").await.unwrap_err();
    assert!(
        error.contains("no vault has the prefix `my-valt`; did you mean `my-vault`? (configured: my-vault)"),
        "{error}"
    );
    let empty = Registry::builder().unknown_prefix_note("no file was read").build().unwrap();
    let error = get(&empty, "{vault://my-valt/a/b}").await.unwrap_err();
    assert!(error.ends_with("none is configured; no file was read"), "{error}");
}

#[tokio::test]
async fn vaults_come_and_go_while_the_registry_lives() {
    let registry = registry();
    let other = MemoryVault::new();
    other.set("a", r#"{"k":"v"}"#).unwrap();
    registry.add("other", other).unwrap();
    assert_eq!(registry.prefixes(), ["my-vault", "other"]);
    assert_eq!(get(&registry.clone(), "{vault://other/a/k}").await.unwrap(), "v");
    assert!(registry.add("other", MemoryVault::new()).unwrap_err().to_string().contains("taken"));

    registry.replace("other", MemoryVault::new()).await.unwrap();
    assert!(get(&registry, "{vault://other/a/k}").await.unwrap_err().contains("no such resource"));
    registry.remove("other").await.unwrap();
    assert_eq!(registry.remove("other").await.unwrap_err().kind(), ErrorKind::UnknownPrefix);
    assert_eq!(
        registry.replace("other", MemoryVault::new()).await.unwrap_err().kind(),
        ErrorKind::UnknownPrefix
    );
    registry.shutdown().await;
    assert!(registry.prefixes().is_empty());
}

/// A vault that panics when it is closed.
#[derive(Debug)]
struct Panics;

#[async_trait::async_trait]
impl crate::VaultBackend for Panics {
    fn describe(&self) -> crate::Description {
        crate::Description::new("panics")
    }

    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    async fn read(&self, _: &crate::ReadRequest) -> Result<crate::Document, Error> {
        Err(Error::new(ErrorKind::NotFound, "nothing here"))
    }

    async fn check(&self, _: Probe) -> Result<Health, Error> {
        Ok(Health::default())
    }

    fn batch(&self) -> Option<&dyn crate::BatchRead> {
        None
    }

    fn versions(&self) -> Option<&dyn crate::VersionPoll> {
        None
    }

    fn changes(&self) -> Option<&dyn crate::ChangeFeed> {
        None
    }

    async fn close(&self) {
        panic!("told to");
    }
}

#[tokio::test]
async fn a_vault_that_panics_when_it_is_closed_keeps_no_other_from_it() {
    let registry = registry();
    registry.add("first", Panics).unwrap();
    registry.add("second", Panics).unwrap();
    registry.shutdown().await;
    assert!(registry.prefixes().is_empty());
}

#[test]
fn prefixes_are_checked() {
    for bad in ["", "a", "A1", "1a", "a_b", "a.b", "ab-", "a b", "env", "hcv", "konnect", "azure-certs"] {
        let built = Registry::builder().vault(bad, MemoryVault::new()).build();
        assert_eq!(built.unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
    }
    for good in ["ab", "a1", "a-b", "a--1", "file", "vault", "openbao"] {
        Registry::builder().vault(good, MemoryVault::new()).build().unwrap();
    }
    Registry::builder().default_vault("env", MemoryVault::new()).build().unwrap();
    assert!(Registry::builder().default_vault("mine", MemoryVault::new()).build().is_err());
}

#[tokio::test]
async fn the_settings_of_a_vault_apply_to_its_values() {
    let vault = MemoryVault::new();
    vault.set("a", r#"{"b":"aGVsbG8"}"#).unwrap();
    let policy = Policy { base64_decode: true, reveal_keys: true, ..Policy::default() };
    let vault = Vault::new(vault).with_policy(policy).with_note("KONG_VAULT_HCV_TOKEN is set in vain");
    let registry = Registry::builder().vault("my-vault", vault).build().unwrap();
    assert_eq!(get(&registry, "{vault://my-vault/a/b}").await.unwrap(), "hello");
    assert_eq!(get(&registry, "{vault://my-vault/a/b?base64_decode=false}").await.unwrap(), "aGVsbG8");
    let error = get(&registry, "{vault://my-vault/a/c}").await.unwrap_err();
    assert!(error.ends_with("it has `b`; KONG_VAULT_HCV_TOKEN is set in vain"), "{error}");
}

#[tokio::test]
async fn a_field_is_the_same_whether_a_reference_or_a_document_gives_it() {
    let vault = MemoryVault::new();
    vault.set("a", r#"{"b":"aGVsbG8","n":7,"bad":"?"}"#).unwrap();
    let policy = Policy { base64_decode: true, reveal_keys: true, ..Policy::default() };
    let decoding = Vault::new(vault).with_policy(policy);
    let registry = Registry::builder().vault("my-vault", decoding).build().unwrap();
    for (options, expected) in [("", "hello"), ("?base64_decode=false", "aGVsbG8")] {
        let field = get(&registry, &format!("{{vault://my-vault/a/b{options}}}")).await.unwrap();
        let live = registry.watch_document(format!("{{vault://my-vault/a/{options}}}")).await.unwrap();
        let owned = registry.document(format!("{{vault://my-vault/a/{options}}}")).await.unwrap();
        let now = live.current().unwrap();
        for got in [now.get("b"), now.to_document().get("b"), owned.get("b")] {
            assert_eq!(got.unwrap().as_str().unwrap(), expected);
        }
        assert_eq!((field.as_str(), now.get("n").unwrap().as_str().unwrap()), (expected, "7"));
        // The text of the whole stays as the vault gave it.
        assert_eq!(now.as_bytes(), br#"{"b":"aGVsbG8","n":7,"bad":"?"}"#);
        assert!(
            now.get("c").unwrap_err().to_string().ends_with("it has `b`, `n`, `bad`"),
            "{:?}",
            now.get("c")
        );
    }
    let live = registry.watch_document("{vault://my-vault/a/}").await.unwrap();
    assert_eq!(live.current().unwrap().get("bad").unwrap_err().kind(), ErrorKind::InvalidValue);
    // Another vault in its place says how its own are read.
    let plain = MemoryVault::new();
    plain.set("a", r#"{"b":"aGVsbG8"}"#).unwrap();
    registry.replace("my-vault", plain).await.unwrap();
    live.as_live().refresh().await.unwrap();
    assert_eq!(live.current().unwrap().get("b").unwrap().as_bytes(), b"aGVsbG8");
}
