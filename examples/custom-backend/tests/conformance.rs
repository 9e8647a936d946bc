//! The backend does what every backend must do, by hand and from configuration.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use async_trait::async_trait;
use custom_backend::{HelperFactory, HelperVault};
use strongroom::Registry;
use strongroom::config::{Config, Format};
use strongroom_core::Vault;
use strongroom_testkit::{Capabilities, Fixture, Versions, run};
use tempfile::TempDir;

/// A directory of secrets and the program that prints them.
#[derive(Debug)]
struct Helper(TempDir);

const PROGRAM: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 75
[ ! -e cut ] || exit 75
[ ! -e "denied/$2" ] || exit 77
[ -f "secrets/$2" ] || exit 66
exec cat "secrets/$2"
"#;

impl Helper {
    fn new() -> Self {
        let helper = Self(tempfile::tempdir().unwrap());
        helper.put("text", PROGRAM);
        // A process of its own writes it: what another test starts meanwhile would inherit a file open for writing,
        // and such a file cannot be run.
        let mut install = Command::new("install");
        install.args(["-m", "700"]).args([helper.at("text"), helper.at("program")]);
        assert!(install.status().unwrap().success());
        helper
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Readers see all of it or nothing.
    fn put(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        let new = tempfile::NamedTempFile::new_in(self.0.path()).unwrap();
        fs::write(new.path(), text).unwrap();
        new.persist(self.at(path)).unwrap();
    }
}

#[async_trait]
impl Fixture for Helper {
    fn vault(&self) -> Vault {
        HelperVault::new(self.at("program")).into()
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::all().with_versions(Versions::No)
    }
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
    async fn write(&self, resource: &str, json: &str) {
        self.put(&format!("secrets/{resource}"), json);
    }
    async fn delete(&self, resource: &str) {
        fs::remove_file(self.at("secrets").join(resource)).unwrap();
    }
    async fn deny(&self, resource: &str) {
        self.put(&format!("denied/{resource}"), "");
    }
    async fn cut(&self) {
        self.put("cut", "");
    }
    async fn mend(&self) {
        // It may have been mended already.
        let _ = fs::remove_file(self.at("cut"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    run(Helper::new()).await.assert();
}

#[tokio::test]
async fn it_is_registered_by_hand_and_from_configuration() {
    let helper = Helper::new();
    helper.put("secrets/db/creds", r#"{"user":"app","password":"hunter2"}"#);
    let by_hand = Registry::builder().vault("my-helper", helper.vault()).build().unwrap();
    let file = format!(
        "vaults:\n  - name: helper\n    prefix: my-helper\n    config: {{ program: {}, ttl: 60 }}\n",
        helper.at("program").display()
    );
    let from_configuration = Config::new()
        .with_factories(strongroom::factories().with_backend(HelperFactory))
        .and_parse("vaults.yaml", &file, Format::Yaml)
        .and_then(Config::build)
        .unwrap();
    for registry in [by_hand, from_configuration] {
        let password = registry.get("{vault://my-helper/db/creds/password}").await.unwrap();
        assert_eq!(password.as_str().unwrap(), "hunter2");
    }
}
