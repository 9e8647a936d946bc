//! One read for all who want a secret, however it ends.

use super::*;

#[tokio::test(start_paused = true)]
async fn all_keys_of_a_secret_come_from_one_read() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
    assert_eq!(text(registry.get(USER).await), "app");
    assert_eq!(registry.document("{vault://my-vault/customer/acme/}").await.unwrap().version(), Some(1));
    assert_eq!(registry.try_get(USER).unwrap().as_bytes(), b"app");
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_one_cold_secret_cost_one_read_however_it_ends() {
    let vault = scripted();
    vault.slow(Duration::from_millis(100));
    vault.answer("down", Err(passing()));
    let registry = registry(&vault, 0);
    for (reference, expected) in [
        (NAME.to_owned(), "ACME Inc."),
        (NOPE.to_owned(), "no such resource"),
        ("{vault://my-vault/down/name}".to_owned(), "connection refused"),
    ] {
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                tokio::spawn({
                    let (registry, reference) = (registry.clone(), reference.clone());
                    async move { text(registry.get(reference).await) }
                })
            })
            .collect();
        for reader in readers {
            let read = reader.await.unwrap();
            assert!(read.contains(expected), "{read}");
            assert!(!read.contains("unavailable") || read.contains(&reference), "{read}");
        }
        assert_eq!(vault.reads(), 1, "{reference}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_cancels_nobody() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let leader = tokio::time::timeout(Duration::from_millis(500), registry.get(NAME));
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        text(registry.get(NAME).await)
    };
    let (leader, other) = tokio::join!(leader, other);
    assert!(leader.is_err());
    assert_eq!((other.as_str(), vault.reads()), ("ACME Inc.", 1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_backend_poisons_nobody() {
    let vault = scripted();
    let registry = registry(&vault, 0);
    *vault.0.panics.lock().unwrap() = true;
    let error = registry.get(NAME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    *vault.0.panics.lock().unwrap() = false;
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
}

#[tokio::test(start_paused = true)]
async fn each_who_waits_for_one_failing_read_is_told_of_its_own_reference() {
    let vault = scripted();
    vault.slow(Duration::from_millis(100));
    vault.answer("down", Err(passing()));
    let registry = registry(&vault, 0);
    let readers: Vec<_> = (0..1000)
        .map(|at| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.get(format!("{{vault://my-vault/down/field-{at}}}")).await })
        })
        .collect();
    for (at, reader) in readers.into_iter().enumerate() {
        let error = reader.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(&format!("{{vault://my-vault/down/field-{at}}}")), "{error}");
    }
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_stay_when_the_one_who_began_goes_away() {
    let vault = scripted();
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let leader = tokio::spawn({
        let registry = registry.clone();
        async move { text(registry.get(NAME).await) }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let others: Vec<_> = (0..1000)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { text(registry.get(NAME).await) })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    for other in others {
        assert_eq!(other.await.unwrap(), "ACME Inc.");
    }
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_are_read_at_once_and_each_secret_once() {
    let vault = scripted();
    for at in 0..200 {
        vault.set(&format!("r/{at}"), &format!(r#"{{"a":"a{at}","b":"b{at}"}}"#), 1);
    }
    vault.slow(Duration::from_secs(1));
    let registry = registry(&vault, 0);
    let mut references: Vec<_> = (0..200).map(|at| format!("{{vault://my-vault/r/{at}/a}}")).collect();
    references.extend((0..200).map(|at| format!("{{vault://my-vault/r/{at}/b}}")));
    references.push(NOPE.into());
    references.push("{vault://my-vault/}".into());
    let start = tokio::time::Instant::now();
    let values = registry.get_many(&references).await;
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(vault.reads(), 201);
    for (at, value) in values.iter().take(400).enumerate() {
        let expected = if at < 200 { format!("a{at}") } else { format!("b{}", at - 200) };
        assert_eq!(value.as_ref().unwrap().as_bytes(), expected.as_bytes());
    }
    assert_eq!(values[400].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(values[401].as_ref().unwrap_err().kind(), ErrorKind::InvalidReference);
    assert!(registry.get_many(Vec::<&str>::new()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_reads_in_batches_is_asked_in_batches() {
    let vault = Scripted(Arc::new(Script { batch: 10, ..Script::default() }));
    for at in 0..25 {
        vault.set(&format!("r/{at}"), r#"{"a":"x"}"#, 1);
    }
    let registry = registry(&vault, 0);
    let references: Vec<_> = (0..26).map(|at| format!("{{vault://my-vault/r/{at}/a}}")).collect();
    let values = registry.get_many(&references).await;
    assert_eq!(values.iter().filter(|value| value.is_ok()).count(), 25);
    assert_eq!((vault.reads(), vault.0.requests.load(Ordering::SeqCst)), (26, 3));
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_would_take_away_is_asked_for_by_itself_and_doubted() {
    let vault = Scripted(Arc::new(Script { batch: 10, ..Script::default() }));
    vault.set("r/0", r#"{"a":"x"}"#, 1);
    vault.set("r/1", r#"{"a":"y"}"#, 1);
    let registry = registry(&vault, 60);
    let references = ["{vault://my-vault/r/0/a}", "{vault://my-vault/r/1/a}"];
    let live = registry.watch(references[0]).await.unwrap();
    vault.answer("r/0", Err(Error::new(ErrorKind::NotFound, "no such resource")));
    registry.invalidate("my-vault").unwrap();
    let many = async { registry.get_many(references).await.into_iter().map(text).collect::<Vec<_>>() };
    let lagging = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(live.current().unwrap().as_bytes(), b"x");
        vault.set("r/0", r#"{"a":"x"}"#, 1);
    };
    let (many, ()) = tokio::join!(many, lagging);
    assert_eq!(many, ["x", "y"]);
}
