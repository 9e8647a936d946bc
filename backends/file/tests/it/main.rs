//! Real files: what is read of them, what is refused, and that their changes are followed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod follow;
mod refuse;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use strongroom_core::factory::{BackendFactory, Factories, Settings};
use strongroom_core::{Error, ErrorKind, Registry, Secret};
use strongroom_file::{FileFactory, FileVault, MAX_LEN};
use tempfile::TempDir;

/// In every file, so that it is found wherever it must not be.
const CANARY: &str = "canary-3b9e";

/// A directory and the registry of a vault over it.
struct Bench {
    dir: TempDir,
    registry: Registry,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = FileVault::new(dir.path().join("vault"));
        fs::create_dir(dir.path().join("vault")).unwrap();
        Self { dir, registry: Registry::builder().vault("my-files", vault).build().unwrap() }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("vault").join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    async fn get(&self, path: &str) -> Result<Secret, Error> {
        self.registry.get(format!("{{vault://my-files/{path}}}")).await
    }
}

#[tokio::test]
async fn a_key_picks_a_field_and_no_key_gives_the_bytes() {
    let bench = Bench::new();
    let json = "{ \"user\": \"app\",\n  \"n\": 12345678901234567890, \"o\": {\"k\": \"v\"} }\n";
    bench.write("db/creds.json", json);
    bench.write("db/raw", b"\xff\x00 line\n");
    bench.write("empty", "");
    let bench = &bench;
    let text = |path| async move { bench.get(path).await.unwrap().as_str().unwrap().to_owned() };
    assert_eq!(text("db/creds.json/user").await, "app");
    assert_eq!(text("db/creds.json/n").await, "12345678901234567890");
    assert_eq!(text("db/creds.json/o?pointer=/k").await, "v");
    assert_eq!(text("db/creds.json/").await, json);
    assert_eq!(text("empty").await, "");
    assert_eq!(bench.get("db/raw/").await.unwrap().as_bytes(), b"\xff\x00 line\n");
    assert_eq!(bench.get("db/raw/key").await.unwrap_err().kind(), ErrorKind::InvalidValue);
    assert_eq!(bench.get("db/creds.json/usr").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_largest_file_is_read_and_one_byte_more_is_not() {
    let bench = Bench::new();
    bench.write("fits", vec![b'a'; MAX_LEN]);
    bench.write("exceeds", vec![b'a'; MAX_LEN + 1]);
    assert_eq!(bench.get("fits/").await.unwrap().len(), MAX_LEN);
    let error = bench.get("exceeds/").await.unwrap_err();
    assert!(format!("{error:?}").contains("the file `exceeds`: it is longer than 1 MiB"), "{error:?}");
}

#[tokio::test]
async fn configuration_names_the_directory() {
    let bench = Bench::new();
    bench.write("key", CANARY);
    let factories = Factories::new().with_backend(FileFactory);
    for name in ["file", "fs"] {
        let settings = Settings::new("vault `my-files`").with("prefix", bench.at("").to_str().unwrap());
        let vault = factories.build(name, &settings).unwrap();
        assert!(vault.backend().describe().to_string().starts_with("file, /"));
        let registry = Registry::builder().vault("other", vault).build().unwrap();
        assert_eq!(registry.get("{vault://other/key}").await.unwrap().as_str().unwrap(), CANARY);
    }
    let error = factories.build("file", &Settings::new("vault `my-files`")).unwrap_err();
    assert_eq!(error.to_string(), "vault `my-files`: `prefix` is required");
    assert_eq!(FileFactory.fields().len(), 1);
}
