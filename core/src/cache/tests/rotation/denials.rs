//! What may be listed and no longer read.

use super::*;

/// How many seconds pass before none of these has a value any more, since it was denied.
async fn until_denied(live: &[Live]) -> u64 {
    let is_denied =
        |live: &Live| live.current().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    for passed in 0..10_000 {
        if live.iter().all(is_denied) {
            return passed;
        }
        seconds(1).await;
    }
    panic!("some are served for ever");
}

#[tokio::test(start_paused = true)]
async fn what_may_be_listed_and_no_longer_read_goes() {
    let (vault, _registry, live) = polled(1, 50).await;
    // While all is well one of them is read in 12 to 20 rounds.
    seconds(100 * SHORT).await;
    let (polls, reads) = (vault.polls(), vault.reads());
    assert!((100..=135).contains(&polls), "{polls} questions in a hundred ttls");
    assert!((polls / 20..=polls / 12 + 1).contains(&reads), "{reads} reads in {polls} rounds");
    assert!(live.iter().all(|live| !live.is_stale()));
    vault.denies_reads();
    // Until one is read, twice, a second apart; and a ttl for the others.
    let passed = until_denied(&live).await;
    assert!(passed <= 20 * SHORT + 2 + SHORT + 2 + 1, "{passed} s");
    let reads = vault.reads();
    assert!((100..=250).contains(&reads), "{reads}: each is asked for twice, and then once a round");
}

#[tokio::test(start_paused = true)]
async fn a_denial_in_one_folder_makes_the_others_be_looked_at() {
    let (vault, _registry, live) = polled(40, 3).await;
    // Which folder is looked at when is drawn: by now they are no longer in step.
    seconds(300 * SHORT).await;
    vault.denies_reads();
    // Of so many folders one is looked at in every few rounds; then the others are in the next.
    let passed = until_denied(&live).await;
    assert!(passed <= 10 * SHORT, "{passed} s");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_denials_end_a_thousand_values_within_a_ttl() {
    let (vault, _registry, live) = polled(1, 1_000).await;
    seconds(25 * SHORT).await;
    vault.denies_reads();
    let passed = until_denied(&live).await;
    assert!(passed <= 20 * SHORT + 2 + SHORT + 2 + 1, "{passed} s: a second of doubt holds up no other");
}

#[tokio::test(start_paused = true)]
async fn a_denial_that_was_a_mistake_is_forgotten() {
    let (vault, _registry, live) = polled(1, 20).await;
    vault.denies_reads();
    until_denied(&live).await;
    *vault.0.denied.lock().unwrap() = None;
    seconds(2 * SHORT).await;
    assert!(live.iter().all(|live| live.current().unwrap().as_bytes() == b"x"));
    vault.reads();
    seconds(100 * SHORT).await;
    let reads = vault.reads();
    assert!((4..=12).contains(&reads), "{reads}: one in 12 to 20 rounds again");
}
