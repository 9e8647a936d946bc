use std::collections::HashMap;

use ::figment::providers::{Env, Format, Json, Serialized};
use serde::Deserialize;
use strongroom_core::{MemoryVault, Secret};

use super::*;

fn registry() -> Registry {
    let vault = MemoryVault::new();
    vault.set("db", r#"{"password":"0123","port":"5432","word":"canary-word","list":"[1,2]"}"#).unwrap();
    Registry::builder().vault("my-vault", vault).build().unwrap()
}

#[derive(Debug, Deserialize)]
struct App {
    name: String,
    db: Db,
}

#[derive(Debug, Deserialize)]
struct Db {
    password: Secret,
    port: u16,
    #[serde(default)]
    word: String,
}

fn defaults() -> Figment {
    let db = HashMap::from([
        ("password", "{vault://my-vault/db/password}"),
        ("port", "{vault://my-vault/db/port?ttl=60}"),
    ]);
    Figment::new().merge(Serialized::default("name", "app")).merge(Serialized::default("db", db))
}

/// What figment makes of the text of a variable. Setting one needs `unsafe`; where a variable itself is needed, the
/// tests read one that cargo sets for them.
fn typed(text: &str) -> Value {
    text.parse().unwrap()
}

#[tokio::test]
async fn references_and_secrets_are_not_typed() {
    let app: App = extract(&defaults(), &registry()).await.unwrap();
    assert_eq!((app.name.as_str(), app.db.port, app.db.word.as_str()), ("app", 5432, ""));
    assert_eq!(app.db.password.as_str().unwrap(), "0123");

    for reference in [
        "{vault://my-vault/db/list}",
        "{vault://my-vault/db/list?ttl=60&neg_ttl=1#1}",
        " {vault://my-vault/db/list} ",
    ] {
        let figment = Figment::new().merge(Serialized::default("list", typed(reference.trim())));
        let all: HashMap<String, String> = extract(&figment, &registry()).await.unwrap();
        assert_eq!(all["list"], "[1,2]", "{reference}");
    }
}

#[tokio::test]
async fn errors_name_the_file_and_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    std::fs::write(
        &path,
        r#"{"db":{"port":"{vault://my-vault/db/word}","word":"{vault://my-vault/db/nope}","password":4711471}}"#,
    )
    .unwrap();
    let figment = defaults().merge(Json::file(&path));
    let shown = path.display().to_string();
    let error = extract::<App>(&figment, &registry()).await.unwrap_err();
    assert_eq!(error.failures()[0].origin.as_deref(), Some(shown.as_str()));
    assert!(error.to_string().starts_with(&format!("db.word ({shown}): could not resolve")), "{error}");

    let figment = figment.merge(Serialized::default("db.word", "x"));
    let error = extract::<App>(&figment, &registry()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("db.password ({shown}): expected a secret, which is a string, found a number")
    );
    let figment = figment.merge(Serialized::default("db.password", "x"));
    let error = extract::<App>(&figment, &registry()).await.unwrap_err();
    assert!(
        error.to_string().contains("expected u16") && !format!("{error:?}").contains("canary"),
        "{error}"
    );

    let figment = figment.merge(Serialized::default("db.port", true));
    let error = extract::<App>(&figment, &registry()).await.unwrap_err();
    assert!(error.failures()[0].origin.as_deref().unwrap().contains("tests.rs:"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_parsed_is_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.json");
    std::fs::write(&path, "{\n  \"token\": canary-4711 }").unwrap();
    let error = extract::<App>(&defaults().merge(Json::file(&path)), &registry()).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("app.json: cannot be read: there is an error at line 2, column 12"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn errors_name_the_variable() {
    // Set by cargo for its tests, and read by figment as a number.
    let figment = Figment::new().merge(Env::prefixed("CARGO_PKG_").only(&["version_major"]));
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is refused")]
    struct Versions {
        version_major: String,
    }
    let error = extract::<Versions>(&figment, &registry()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "version_major (variable CARGO_PKG_VERSION_MAJOR, which figment has typed: quotes inside the variable keep it a text): expected a string, found an integer"
    );
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is refused")]
    struct Nested {
        manifest: HashMap<String, u16>,
    }
    let figment = Figment::new().merge(Env::prefixed("CARGO_").only(&["manifest_dir"]).split("_"));
    let error = extract::<Nested>(&figment, &registry()).await.unwrap_err();
    assert_eq!(error.to_string(), "manifest.dir (variable CARGO_MANIFEST_DIR): expected u16, found a string");
}

#[tokio::test]
async fn configuration_that_is_watched_has_the_same_provenance() {
    let registry = registry();
    let config = watch_config::<App>(&defaults(), &registry).await.unwrap();
    assert_eq!(config.current().unwrap().db.port, 5432);
    let refuse = |app: &App| Err::<(), _>(format!("{} is refused", app.db.port));
    let error = watch_config_with(&defaults(), &registry, refuse).await.unwrap_err();
    assert!(error.to_string().ends_with("its validation failed: <redacted> is refused"), "{error}");
}
