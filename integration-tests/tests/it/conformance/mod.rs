//! The suite that every backend and every login has to pass, and the tables in the README that say how they did.

mod env;
mod file;
mod hashicorp;
mod logins;
mod memory;
mod table;

use strongroom_testkit::Report;

/// A report under the name that the README gives to what it is about.
type Named = (&'static str, Report);

fn passes((name, report): Named) {
    assert!(report.is_ok(), "{name} does not conform:\n{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_in_memory() {
    passes(memory::report().await);
}

#[test]
fn a_directory() {
    passes(file::report());
}

#[test]
fn a_process_environment() {
    passes(env::report());
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v1() {
    passes(hashicorp::kv_v1().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_v2() {
    passes(hashicorp::kv_v2().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn kv_found_out() {
    passes(hashicorp::kv_found_out().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_login() {
    logins::reports().await.into_iter().for_each(passes);
}

/// With `STRONGROOM_WRITE_TABLES` set it writes them.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_in_the_readme_are_current() {
    let apart = tokio::task::spawn_blocking(|| [file::report(), env::report()]);
    let (v1, v2) = (tokio::spawn(hashicorp::kv_v1()), tokio::spawn(hashicorp::kv_v2()));
    let logins = logins::reports().await;
    let [file, env] = apart.await.unwrap();
    let backends = [v1.await.unwrap(), v2.await.unwrap(), file, env, memory::report().await];
    table::check("backends", &backends);
    table::check("logins", &logins);
}
