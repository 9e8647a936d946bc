//! What is told of secrets and vaults, none of it with a value.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_becomes_of_secrets_is_told_without_their_values() {
    use RotationKind::{Changed, Failing, Gone, Recovered};
    let vault = Scripted::with_folders(1, 3);
    let registry = registry(&vault, 60);
    let mut events = registry.events();
    let live = watch_all(&registry, 1, 3).await;
    registry.get(NOPE).await.unwrap_err();
    assert_eq!(heard(&mut events), [], "nothing has become of what is new");
    let s0 = || "f0/s0".to_owned();
    vault.set("f0/s0", r#"{"a":"canary"}"#, 2);
    seconds(61).await;
    assert_eq!(heard(&mut events), [(s0(), Changed, Some(1), Some(2))]);
    vault.answer("f0/s0", Err(Error::new(ErrorKind::Deleted, "deleted")));
    seconds(61).await;
    assert_eq!(heard(&mut events), [(s0(), Gone, Some(2), None)]);
    vault.set("f0/s0", r#"{"a":"x"}"#, 3);
    seconds(61).await;
    assert_eq!(heard(&mut events), [(s0(), Changed, None, Some(3))]);
    // Of all three, since each is asked for.
    vault.lists(Err(passing()));
    for (at, live) in live.iter().enumerate() {
        vault.answer(&format!("f0/s{at}"), Err(passing()));
        let _ = live.refresh().await;
    }
    let failing = heard(&mut events);
    assert!(failing.len() == 3 && failing.iter().all(|event| event.1 == Failing), "{failing:?}");
    vault.lists(Ok(()));
    for (at, version) in [(0, 3), (1, 1), (2, 1)] {
        vault.set(&format!("f0/s{at}"), r#"{"a":"x"}"#, version);
    }
    seconds(130).await;
    let recovered = heard(&mut events);
    assert!(recovered.len() == 3 && recovered.iter().all(|event| event.1 == Recovered), "{recovered:?}");
    assert!(!format!("{recovered:?}").contains("canary"));

    // A receiver that is too slow is told how much it has missed.
    for version in 4..2004 {
        vault.set("f0/s0", &format!(r#"{{"a":"{version}"}}"#), version);
        live[0].refresh().await.unwrap();
    }
    assert_eq!(events.next().await, Some(Heard::Missed(2000 - 1024)));
    assert_eq!(heard(&mut events).len(), 1024);
    drop((live, registry));
    seconds(1).await;
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_health_endpoint_says_how_each_vault_is() {
    let vault = Scripted::with_folders(1, 3);
    let registry = registry(&vault, 60);
    let status = || registry.status().vaults[0].clone();
    assert_eq!((status().entries, status().failing, status().answered_seconds_ago), (0, false, None));
    let live = watch_all(&registry, 1, 3).await;
    seconds(50).await;
    assert_eq!((status().entries, status().stale), (3, 0));
    vault.lists(Err(passing()));
    for at in 0..3 {
        vault.answer(&format!("f0/s{at}"), Err(passing()));
    }
    seconds(121).await;
    let failing = status();
    assert!(failing.failing && failing.stale == 3 && registry.status().is_failing(), "{failing:?}");
    assert!(failing.oldest_age_seconds.is_some_and(|age| (121.0..=171.0).contains(&age)), "{failing:?}");
    assert!(failing.answered_seconds_ago > failing.failed_seconds_ago);
    assert_eq!(failing.last_error.as_deref(), Some("connection refused"));
    let json = serde_json::to_value(registry.status()).unwrap();
    assert_eq!(
        (&json["vaults"][0]["prefix"], &json["vaults"][0]["entries"]),
        (&"my-vault".into(), &3.into())
    );
    vault.lists(Ok(()));
    for at in 0..3 {
        vault.set(&format!("f0/s{at}"), r#"{"a":"x"}"#, 1);
    }
    seconds(61).await;
    assert!(!status().failing && status().stale == 0 && live.iter().all(|live| !live.is_stale()));
}
