//! Changes are followed, without a `ttl`.

use std::time::Duration;

use strongroom_core::Live;

use super::*;

impl Bench {
    async fn watch(&self, path: &str) -> Live {
        self.registry.watch(format!("{{vault://my-files/{path}}}")).await.unwrap()
    }
}

async fn changed(live: &mut Live) {
    let noticed = tokio::time::timeout(Duration::from_secs(30), live.changed()).await;
    noticed.unwrap_or_else(|_| panic!("it is not noticed")).unwrap();
}

async fn becomes(live: &mut Live, expected: &str) {
    while live.current().map_or_else(|_| true, |value| value.as_str().unwrap() != expected) {
        changed(live).await;
    }
}

/// Puts a link in the place of another at once, as the kubelet does.
fn swap(bench: &Bench, link: &str, target: &str) {
    symlink(target, bench.at("..tmp")).unwrap();
    fs::rename(bench.at("..tmp"), bench.at(link)).unwrap();
}

#[tokio::test]
async fn secrets_that_the_kubelet_swaps() {
    let bench = Bench::new();
    bench.write("..2026_01/user", "first");
    bench.write("..2026_01/password", "secret-1");
    swap(&bench, "..data", "..2026_01");
    symlink("..data/user", bench.at("user")).unwrap();
    symlink("..data/password", bench.at("password")).unwrap();
    let (mut user, mut password) = (bench.watch("user").await, bench.watch("password/").await);
    bench.write("..2026_02/user", "second");
    bench.write("..2026_02/password", "secret-2");
    swap(&bench, "..data", "..2026_02");
    fs::remove_dir_all(bench.at("..2026_01")).unwrap();
    becomes(&mut user, "second").await;
    becomes(&mut password, "secret-2").await;
}

#[tokio::test]
async fn files_that_are_rewritten_replaced_deleted_and_made_anew() {
    let bench = Bench::new();
    bench.write("a/b/key", "one");
    let mut live = bench.watch("a/b/key/").await;
    bench.write("a/b/key", "two");
    becomes(&mut live, "two").await;
    bench.write("a/b/other", "three");
    fs::rename(bench.at("a/b/other"), bench.at("a/b/key")).unwrap();
    becomes(&mut live, "three").await;
    // The directory above is another one.
    fs::rename(bench.at("a"), bench.at("aside")).unwrap();
    bench.write("a/b/key", "four");
    becomes(&mut live, "four").await;
    fs::remove_file(bench.at("a/b/key")).unwrap();
    changed(&mut live).await;
    assert_eq!(live.current().unwrap_err().kind(), ErrorKind::NotFound);
    bench.write("a/b/key", "five");
    becomes(&mut live, "five").await;
}

#[tokio::test]
async fn what_the_kernel_does_not_tell_is_found_by_looking() {
    let bench = Bench::new();
    // The kernel watches the way to the link, not the one to the file.
    bench.write("real/deep/key", "one");
    symlink("real/deep/key", bench.at("link")).unwrap();
    let mut live = bench.watch("link").await;
    // All files are looked at once in the beginning.
    tokio::time::sleep(Duration::from_millis(500)).await;
    bench.write("real/deep/key", "two");
    becomes(&mut live, "two").await;
}

#[tokio::test]
async fn a_directory_that_goes_away_leaves_what_was_read_and_comes_back() {
    let bench = Bench::new();
    bench.write("key", "one");
    let mut live = bench.watch("key").await;
    let aside = bench.dir.path().join("aside");
    fs::rename(bench.at(""), &aside).unwrap();
    let error = bench.registry.refresh("{vault://my-files/key}").await;
    let error = format!("{:?}", error.unwrap_err());
    assert!(error.contains("what was read before is still served"), "{error}");
    assert_eq!(live.current().unwrap().as_str().unwrap(), "one");
    let error = bench.get("unknown").await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:?}").contains("cannot be opened by user"), "{error:?}");
    fs::write(aside.join("key"), "two").unwrap();
    fs::rename(&aside, bench.at("")).unwrap();
    becomes(&mut live, "two").await;
}

#[tokio::test]
async fn a_quiet_directory_is_not_read_again() {
    let bench = Bench::new();
    bench.write("key", "one");
    let mut live = bench.watch("key").await;
    let before = live.age();
    tokio::time::timeout(Duration::from_millis(1500), live.changed()).await.unwrap_err();
    assert!(live.age() >= before + Duration::from_millis(1000), "it was read again");
}
