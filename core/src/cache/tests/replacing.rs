//! Vaults that are replaced, removed or forgotten while handles live.

use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_of_a_replaced_vault_is_published() {
    let old = scripted();
    let registry = registry(&old, 0);
    let mut live = registry.watch(NAME).await.unwrap();
    registry.get("{vault://my-vault/customer/acme/user}").await.unwrap();
    let new = scripted();
    new.set("customer/acme", r#"{"name":"new"}"#, 1);
    new.slow(Duration::from_secs(5));
    old.slow(Duration::from_secs(2));
    old.set("customer/acme", r#"{"name":"too late"}"#, 2);
    let refresher = live.clone();
    let refreshing = tokio::spawn(async move { refresher.refresh().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    registry.replace("my-vault", new.clone()).await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.", "until the new vault has answered");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.", "not what the old one answered meanwhile");
    live.changed().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
    refreshing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_replaced_vault_still_says_is_nothing_about_the_one_in_its_place() {
    for late in [Err(passing()), Ok(Document::from_json(r#"{"name":"late"}"#).unwrap())] {
        let old = scripted();
        let registry = registry(&old, 0);
        let live = registry.watch(NAME).await.unwrap();
        old.slow(Duration::from_secs(2));
        let old_fails = late.is_err();
        old.answer("customer/acme", late);
        let refreshing = tokio::spawn(async move { live.refresh().await.map(drop) });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let new = scripted();
        if !old_fails {
            new.answer("customer/acme", Err(passing()));
        }
        new.slow(Duration::from_millis(100));
        registry.replace("my-vault", new).await.unwrap();
        // The other has answered once, and the old one not yet; then the old one has.
        let _ = registry.get(NAME).await;
        for _ in 0..2 {
            let status = registry.status().vaults[0].clone();
            assert_eq!((status.failing, status.last_error.is_some()), (!old_fails, !old_fails), "{status:?}");
            assert_eq!(status.answered_seconds_ago.is_some(), old_fails, "{status:?}");
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        let _ = refreshing.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_fails_at_first_is_shown_as_soon_as_it_answers() {
    let old = scripted();
    old.set("customer/acme", r#"{"name":"old","user":"old"}"#, 7);
    let registry = registry(&old, 0);
    let live = registry.watch(NAME).await.unwrap();
    let new = scripted();
    let down = || Err(Error::new(ErrorKind::Unavailable, "down").transient());
    new.answer("customer/acme", down());
    registry.replace("my-vault", new.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"old", "until the new vault has answered");
    // What only the old vault gave is not the new one's, whoever asks for it.
    assert!(registry.get("{vault://my-vault/customer/acme/user}").await.is_err());
    // Its versions are counted anew, and nobody has to ask: there is no ttl.
    new.set("customer/acme", r#"{"name":"new"}"#, 3);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
    let asked = new.reads();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((asked < 10, new.reads()), (true, 0), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_still_does_not_go_backwards() {
    let vault = scripted();
    vault.set("customer/acme", r#"{"name":"two"}"#, 2);
    let registry = registry(&vault, 0);
    let live = registry.watch(NAME).await.unwrap();
    vault.set("customer/acme", r#"{"name":"one"}"#, 1);
    registry.invalidate("my-vault").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"two");
    vault.set("customer/acme", r#"{"name":"three"}"#, 3);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(live.current().unwrap().as_bytes(), b"three");
}

#[tokio::test(start_paused = true)]
async fn a_removed_vault_ends_its_handles_and_whoever_waits() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let mut live = registry.watch(NAME).await.unwrap();
    vault.slow(Duration::from_secs(60));
    let waiting = tokio::spawn({
        let registry = registry.clone();
        async move { registry.get(NOPE).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let (changed, removed) = tokio::join!(live.changed(), registry.remove("my-vault"));
    removed.unwrap();
    assert_eq!(changed.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(live.current().unwrap_err().kind(), ErrorKind::Closed);
    assert!(registry.try_get(NAME).is_none());
    let start = tokio::time::Instant::now();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_is_read_anew() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let mut live = registry.watch(NAME).await.unwrap();
    registry.get(NOPE).await.unwrap_err();
    vault.set("customer/acme", r#"{"name":"new"}"#, 2);
    vault.set("customer/nope", r#"{"name":"there"}"#, 1);
    registry.invalidate("my-vault").unwrap();
    assert_eq!(text(registry.get(NOPE).await), "there");
    live.changed().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
    assert_eq!(registry.invalidate("other").unwrap_err().kind(), ErrorKind::UnknownPrefix);
    vault.set("customer/acme", r#"{"name":"newer"}"#, 3);
    registry.refresh_all().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"newer");
    vault.answer("customer/acme", Err(passing()));
    let errors = registry.refresh_all().await.unwrap_err();
    assert!(errors[0].to_string().starts_with("could not refresh {vault://my-vault/customer/acme/}"));
    let (by_handle, by_text) = (live.refresh().await.unwrap_err(), registry.refresh(NAME).await.unwrap_err());
    for error in [&errors[0], &by_handle, &by_text] {
        let error = format!("{error:?}");
        assert!(error.contains("; what was read before is still served"), "{error}");
    }
    assert_eq!(live.current().unwrap().as_bytes(), b"newer");
    assert_eq!(text(registry.get(NAME).await), "newer", "who reads and does not insist has what there is");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_without_the_secret_leaves_what_there_was_within_its_limits() {
    for missing in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::Deleted] {
        let missing = || Err(Error::new(missing, "not here yet"));
        let (old, new) = (scripted(), scripted());
        let registry = registry(&old, 60);
        let live = registry.watch(NAME).await.unwrap();
        new.answer("customer/acme", missing());
        let with_ttl = |vault: &Scripted| Vault::new(vault.clone()).with_policy(policy(60));
        registry.replace("my-vault", with_ttl(&new)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.", "until the new vault has it");
        assert!(live.is_stale());
        // Who asks is told what the new one says, also of what the old one gave.
        for asked in [registry.get(USER).await, registry.get(NAME).await] {
            let asked = format!("{asked:?}");
            assert!(asked.contains("not here yet"), "{asked}");
        }
        assert!(live.refresh().await.is_err());
        assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.");
        new.set("customer/acme", r#"{"name":"new"}"#, 1);
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(live.current().unwrap().as_bytes(), b"new");
        // What this vault takes away is taken away.
        new.answer("customer/acme", missing());
        tokio::time::sleep(Duration::from_secs(63)).await;
        let gone = format!("{:?}", live.current().unwrap_err());
        assert!(gone.contains("not here yet"), "{gone}");
        // And where it never has it, the old value ends with its limits.
        let never = scripted();
        new.set("customer/acme", r#"{"name":"last"}"#, 2);
        live.refresh().await.unwrap();
        never.answer("customer/acme", missing());
        registry.replace("my-vault", with_ttl(&never)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(live.current().unwrap().as_bytes(), b"last");
        tokio::time::sleep(Duration::from_secs(61)).await;
        let gone = format!("{:?}", live.current().unwrap_err());
        assert!(gone.contains("not here yet"), "{gone}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_handles_are_read_anew_a_few_at_a_time_so_that_others_find_room() {
    let (old, new) = (Scripted::default(), Scripted::default());
    for at in 0..100 {
        old.set(&format!("r/{at}"), r#"{"a":"old"}"#, 1);
        new.set(&format!("r/{at}"), r#"{"a":"new"}"#, 1);
    }
    let registry = registry(&old, 0);
    let mut handles = Vec::new();
    for at in 0..100 {
        handles.push(registry.watch(format!("{{vault://my-vault/r/{at}/a}}")).await.unwrap());
    }
    new.slow(Duration::from_secs(1));
    registry.replace("my-vault", new.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(new.reads(), 4);
    tokio::time::sleep(Duration::from_secs(26)).await;
    assert_eq!(new.reads(), 96);
    assert!(handles.iter().all(|live| live.current().unwrap().as_bytes() == b"new"));
}

#[test]
fn handles_follow_a_replacement_whose_first_reads_were_left_in_a_runtime_that_ended() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let old = scripted();
    let new = scripted();
    new.set("customer/acme", r#"{"name":"new"}"#, 1);
    let first = runtime();
    let vault = Vault::new(old).with_policy(policy(0));
    let registry = Registry::builder().vault("my-vault", vault).build().unwrap();
    let mut live = first.block_on(registry.watch(NAME)).unwrap();
    first.block_on(registry.replace("my-vault", new)).unwrap();
    drop(first);
    let changed = async { tokio::time::timeout(Duration::from_secs(60), live.changed()).await };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(changed)
        .expect("somebody reads it")
        .unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_of_all_names_what_fails_and_leaves_misses_alone() {
    let vault = scripted();
    vault.set("fine", r#"{"there":"x"}"#, 1);
    let registry = registry(&vault, 0);
    registry.get(NOPE).await.unwrap_err();
    // The first that was asked of it is not there.
    registry.get("{vault://my-vault/fine/nope}").await.unwrap_err();
    registry.get(NAME).await.unwrap();
    vault.reads();
    registry.refresh_all().await.unwrap();
    assert_eq!(vault.reads(), 2, "nobody asks for what is only known to be missing");
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    let errors = registry.refresh_all().await.unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().contains("could not refresh {vault://my-vault/customer/acme/}"),
        "{:?}",
        errors[0]
    );
}
