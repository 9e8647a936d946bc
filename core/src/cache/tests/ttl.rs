//! Refreshes by `ttl`: when, how often, and for whom.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_rotated_secret_is_served_within_its_ttl_and_read_once_in_it() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let live = registry.watch(NAME).await.unwrap();
    let mut reader = live.reader();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let reads = vault.reads();
    assert!((10..=14).contains(&reads), "{reads} reads in ten ttls");
    for version in 2..10 {
        vault.set("customer/acme", &format!(r#"{{"name":"{version}"}}"#), version);
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(reader.current().unwrap().as_bytes(), version.to_string().as_bytes());
        assert!(!live.is_stale());
        assert_eq!(text(registry.get(NAME).await), version.to_string());
    }
    let reads = vault.reads();
    assert!((8..=10).contains(&reads), "{reads}");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_heard_of_without_asking() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let mut live = registry.watch(NAME).await.unwrap();
    vault.set("customer/acme", r#"{"name":"new"}"#, 2);
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap_err().kind(), ErrorKind::Deleted);
    vault.set("customer/acme", r#"{"name":"back"}"#, 3);
    tokio::time::timeout(Duration::from_secs(61), live.changed()).await.unwrap().unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn the_first_refreshes_are_scattered_over_the_whole_ttl() {
    let vault = scripted();
    for at in 0..1000 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 100);
    for at in 0..1000 {
        registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap();
    }
    vault.reads();
    for part in 0..10 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let reads = vault.reads();
        // About 105, and near the end the second refreshes of those that came first.
        assert!((30..280).contains(&reads), "{reads} in part {part}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_smallest_ttl_that_is_asked_for_drives_the_refresh() {
    let vault = scripted();
    let registry = registry(&vault, 3600);
    let _slow = registry.watch(USER).await.unwrap();
    let quick = registry.watch("{vault://my-vault/customer/acme/name?ttl=0.1}").await.unwrap();
    vault.reads();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let reads = vault.reads();
    assert!((55..=85).contains(&reads), "{reads}: never below a second");
    assert!(!quick.is_stale());
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_fails_is_asked_at_a_falling_rate() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let live = registry.watch(NAME).await.unwrap();
    vault.reads();
    vault.answer("customer/acme", Err(passing()));
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(live.is_stale() && live.current().is_ok());
    let reads = vault.reads();
    assert!((1..=12).contains(&reads), "{reads}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let reads = vault.reads();
    assert!((55..=125).contains(&reads), "{reads}");
    vault.set("customer/acme", r#"{"name":"back"}"#, 2);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"back");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_reads_any_more_is_not_refreshed_for_ever() {
    let vault = scripted();
    let registry = registry(&vault, 10);
    registry.get(NAME).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let reads = vault.reads();
    assert!((9..=14).contains(&reads), "{reads}");
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
}

#[tokio::test(start_paused = true)]
async fn background_reads_leave_room_and_end_with_their_registry() {
    let vault = scripted();
    for at in 0..100 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 10);
    for at in 0..100 {
        registry.get(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap();
    }
    vault.reads();
    vault.slow(Duration::from_secs(1000));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(vault.reads(), 4);
    let weak = Arc::downgrade(&registry.0.cache);
    drop(registry);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(weak.upgrade().is_none());
}
