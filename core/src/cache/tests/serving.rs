//! What is served, for how long, and what ends it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_miss_is_remembered_for_its_time_and_a_failure_is_not() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let missing_key = "{vault://my-vault/customer/acme/nmae}";
    for reference in [NOPE, missing_key] {
        assert!(registry.get(reference).await.is_err());
        assert!(registry.get(reference).await.is_err());
        assert_eq!(vault.reads(), 1, "{reference}");
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    vault.set("customer/nope", r#"{"name":"there"}"#, 1);
    vault.set("customer/acme", r#"{"nmae":"there too"}"#, 2);
    assert_eq!(text(registry.get(NOPE).await), "there");
    assert_eq!(text(registry.get(missing_key).await), "there too");
    vault.answer("down", Err(passing()));
    for _ in 0..2 {
        assert!(registry.get("{vault://my-vault/down/x}").await.unwrap_err().is_retryable());
    }
    assert_eq!(vault.reads(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_asked_for_ever_more_seldom_however_hot_it_is() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    registry.get(NAME).await.unwrap();
    vault.answer("customer/acme", Err(passing()));
    vault.answer("down", Err(passing()));
    vault.reads();
    let started = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let (mut asked, mut last) = (vault.reads(), Duration::ZERO);
    assert!((1..=40).contains(&asked), "the background asked {asked} times in a minute");
    for (reference, served) in [("{vault://my-vault/down/x}", false), (NAME, true)] {
        vault.reads();
        asked = 0;
        let began = started.elapsed();
        while started.elapsed() - began < Duration::from_secs(20) {
            // A reader that comes back at once, a hundred times in each step of the clock.
            for _ in 0..100 {
                let read = registry.get(reference).await;
                assert_eq!(read.is_ok(), served, "{read:?}");
            }
            let now = vault.reads();
            last = if now > 0 { started.elapsed() } else { last };
            asked += now;
            tokio::time::sleep(STEP).await;
        }
        // At first two at once, then 0.2 s apart, at last 2 s; what is still served is left to the background.
        let ceiling = if served { 2 } else { 32 };
        assert!(asked <= ceiling, "{reference}: {asked} reads in 20 s");
        assert!(served || started.elapsed() - last < Duration::from_secs(3), "it is never given up");
    }
    vault.set("down", r#"{"x":"up"}"#, 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(registry.get("{vault://my-vault/down/x}").await), "up");
}

#[tokio::test(start_paused = true)]
async fn a_value_grows_stale_and_then_fails_closed() {
    let vault = scripted();
    let registry = registry(&vault, 60);
    let strict = registry.watch("{vault://my-vault/customer/acme/name?resurrect_ttl=10}").await.unwrap();
    let live = registry.watch(NAME).await.unwrap();
    let mut reader = live.reader();
    vault.answer("customer/acme", Err(passing()));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(live.is_stale() && live.age() >= Duration::from_secs(60));
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.", "the last good value, while the vault fails");
    assert_eq!(reader.current().unwrap().as_bytes(), b"ACME Inc.");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(strict.current().is_err());
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.");
    tokio::time::sleep(Duration::from_secs(90)).await;
    let error = format!("{:?}", live.current().unwrap_err());
    assert!(error.contains("may no longer be served") && error.contains("connection refused"), "{error}");
    assert!(
        reader.current().is_err() && registry.try_get(NAME).is_none() && registry.get(NAME).await.is_err()
    );
    vault.set("customer/acme", r#"{"name":"new"}"#, 2);
    // What has failed so often is not asked for at once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(registry.get(NAME).await), "new");
    assert_eq!(reader.current().unwrap().as_bytes(), b"new");
}

#[tokio::test(start_paused = true)]
async fn the_vaults_own_expiry_ends_a_value_on_time() {
    let vault = scripted();
    let end = SystemTime::now() + Duration::from_secs(30);
    let document = Document::from_json(r#"{"name":"short"}"#).unwrap().with_expiry(end);
    vault.answer("customer/acme", Ok(document));
    let registry = registry(&vault, 0);
    let live = registry.watch(NAME).await.unwrap();
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert!(live.current().is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(live.current().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_handle_follows_refreshes_and_hears_of_them() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let mut live = registry.watch(NAME).await.unwrap();
    let mut pair = registry.watch_document("{vault://my-vault/customer/acme/}").await.unwrap();
    vault.set("customer/acme", r#"{"name":"ACME Inc.","user":"other"}"#, 2);
    registry.refresh(USER).await.unwrap();
    pair.changed().await.unwrap();
    assert_eq!(pair.current().unwrap().get("user").unwrap().as_bytes(), b"other");
    // The name is still the same: no change, but a newer version.
    assert!(tokio::time::timeout(Duration::from_secs(1), live.changed()).await.is_err());
    assert_eq!(live.version(), Some(2));
    vault.set("customer/acme", r#"{"name":"new"}"#, 3);
    let refresher = live.clone();
    let (changed, refreshed) = tokio::join!(live.changed(), refresher.refresh());
    changed.and(refreshed).unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"new");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_sees_what_was_written_before_it_was_asked_for() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let early = async { text(registry.get(NAME).await) };
    let late = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        vault.set("customer/acme", r#"{"name":"new"}"#, 2);
        let two = tokio::join!(registry.refresh(NAME), registry.refresh(NAME));
        (text(two.0.map(|fetched| fetched.value)), text(two.1.map(|fetched| fetched.value)))
    };
    let (early, late) = tokio::join!(early, late);
    assert_eq!((early.as_str(), late.0.as_str(), late.1.as_str()), ("ACME Inc.", "new", "new"));
    assert_eq!(vault.reads(), 2, "those who refresh share a read");
}

#[tokio::test(start_paused = true)]
async fn what_would_take_a_value_away_is_asked_twice_unless_it_says_so_itself() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    let live = registry.watch(NAME).await.unwrap();
    vault.reads();
    vault.answer("customer/acme", Err(Error::new(ErrorKind::NotFound, "no such resource")));
    let flicker = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        vault.set("customer/acme", r#"{"name":"ACME Inc."}"#, 1);
    };
    let (refreshed, ()) = tokio::join!(live.refresh(), flicker);
    refreshed.unwrap();
    assert_eq!((live.current().unwrap().len(), vault.reads()), (9, 2));

    vault.set("customer/acme", r#"{"name":"ACME Inc."}"#, 2);
    live.refresh().await.unwrap();
    vault.set("customer/acme", r#"{"name":"lagging"}"#, 1);
    let error = format!("{:?}", live.refresh().await.unwrap_err());
    assert!(error.contains("an older version than before"), "{error}");
    assert_eq!(live.current().unwrap().as_bytes(), b"ACME Inc.", "a version never goes backwards");
    let anew = Document::from_json(r#"{"name":"anew"}"#).unwrap().with_version(1);
    vault.answer("customer/acme", Ok(anew.with_created(SystemTime::now())));
    live.refresh().await.unwrap();
    assert_eq!(live.current().unwrap().as_bytes(), b"anew");

    vault.reads();
    vault.answer("customer/acme", Err(Error::new(ErrorKind::Deleted, "deleted")));
    assert_eq!(live.refresh().await.unwrap_err().kind(), ErrorKind::Deleted);
    assert_eq!((live.current().unwrap_err().kind(), vault.reads()), (ErrorKind::Deleted, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_refreshed_by_hand_is_queued_once() {
    let vault = scripted();
    *vault.0.listing.lock().unwrap() = Some(Ok(()));
    let registry = registry(&vault, 60);
    let (one, other) = ("customer/one", "customer/other");
    vault.set(one, r#"{"name":"1"}"#, 1);
    vault.set(other, r#"{"name":"1"}"#, 1);
    let _one = registry.watch("{vault://my-vault/customer/one/name}").await.unwrap();
    let other = registry.watch("{vault://my-vault/customer/other/name}").await.unwrap();
    for _ in 0..100 {
        other.refresh().await.unwrap();
    }
    let queued = registry.0.cache.queued();
    assert!(queued <= 4, "{queued}");
}
