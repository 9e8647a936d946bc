//! What is refused, by name, with what to do about it and without a word of any content.

use rustix::fs::{CWD, FileType, mknodat};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use strongroom_core::{Probe, ReadRequest, VaultBackend};

use super::*;

/// That reading fails so, with all these words.
async fn expect(bench: &Bench, path: &str, kind: ErrorKind, words: &[&str]) {
    let error = bench.get(path).await.err().unwrap_or_else(|| panic!("{path}: a value"));
    let said = format!("{error:?}");
    assert_eq!(error.kind(), kind, "{said}");
    assert!(!error.is_retryable() && !said.contains(CANARY) && !said.contains('\n'), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
}

#[tokio::test]
async fn what_is_missing_is_not_found() {
    let bench = Bench::new();
    bench.write("a/key", CANARY);
    expect(&bench, "missing", ErrorKind::NotFound, &["the file `missing`: there is no such file"]).await;
    expect(&bench, "a/key/deeper/", ErrorKind::NotFound, &["part of the path is a file itself"]).await;
    expect(&bench, &"long".repeat(200), ErrorKind::NotFound, &["there is no such file"]).await;
    expect(&bench, "a/key/#1", ErrorKind::Unsupported, &["a file has no versions"]).await;
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let bench = Bench::new();
    bench.write("a/key", CANARY);
    mknodat(CWD, bench.at("pipe"), FileType::Fifo, 0o600.into(), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.at("socket")).unwrap();
    symlink("circle", bench.at("circle")).unwrap();
    expect(
        &bench,
        "a/key",
        ErrorKind::InvalidValue,
        &["the file `a`: it is a directory", "end the reference in `/`"],
    )
    .await;
    expect(&bench, "pipe", ErrorKind::InvalidValue, &["not a regular file"]).await;
    expect(&bench, "socket", ErrorKind::InvalidValue, &["not a regular file"]).await;
    expect(&bench, "circle", ErrorKind::InvalidValue, &["links lead in a circle"]).await;
}

#[tokio::test]
async fn no_reference_leaves_the_directory() {
    let bench = Bench::new();
    let outside = bench.dir.path().join("outside");
    fs::write(&outside, CANARY).unwrap();
    symlink(&outside, bench.at("absolute")).unwrap();
    symlink("../outside", bench.at("up")).unwrap();
    symlink("..", bench.at("parent")).unwrap();
    for path in ["absolute", "up", "parent/outside/"] {
        expect(&bench, path, ErrorKind::PermissionDenied, &["leads out of the vault's directory"]).await;
    }
    expect(&bench, "%2Fetc/passwd/", ErrorKind::NotFound, &["part of its path is empty"]).await;
    for path in ["../outside", "%2e%2e/outside", "..%2Foutside", "a%2F..%2F..%2Foutside"] {
        assert_eq!(bench.get(path).await.unwrap_err().kind(), ErrorKind::InvalidReference, "{path}");
    }
    // What the grammar does not let through is not given by the backend either.
    let vault = FileVault::new(bench.at(""));
    for path in ["../outside", "a/../../outside", outside.to_str().unwrap()] {
        let error = vault.read(&ReadRequest::new(path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
}

/// Even where the tests run as root, whom the kernel otherwise lets read everything.
fn without_privileges(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let run = || {
            let mut mine = capabilities(None).unwrap();
            mine.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, mine).unwrap();
            test();
        };
        scope.spawn(run).join().unwrap();
    });
}

#[test]
fn what_may_not_be_read_is_denied_and_not_missing() {
    without_privileges(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            use std::os::unix::fs::PermissionsExt;
            let bench = Bench::new();
            bench.write("key", CANARY);
            bench.write("closed/key", CANARY);
            let forbid = |path| fs::set_permissions(bench.at(path), fs::Permissions::from_mode(0o0)).unwrap();
            forbid("key");
            forbid("closed");
            let words = ["it may not be read by user", "owner and mode"];
            expect(&bench, "key/", ErrorKind::PermissionDenied, &words).await;
            expect(&bench, "closed/key/", ErrorKind::PermissionDenied, &words).await;
            expect(&bench, "missing/", ErrorKind::NotFound, &[]).await;
            forbid("");
            let error = bench.registry.check("my-files", Probe::Careful).await;
            // The directory itself can still be opened, to walk through and not to list.
            error.unwrap();
            expect(&bench, "key/", ErrorKind::PermissionDenied, &words).await;
            // So that it can be removed again.
            fs::set_permissions(bench.at(""), fs::Permissions::from_mode(0o700)).unwrap();
            fs::set_permissions(bench.at("closed"), fs::Permissions::from_mode(0o700)).unwrap();
        });
    });
}
