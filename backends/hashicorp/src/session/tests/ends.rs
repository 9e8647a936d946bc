//! What was minted here is given back.

use super::*;

#[tokio::test(start_paused = true)]
async fn closing_revokes_what_was_minted_here_in_any_state() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    session.close().await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Closed);
    session.close().await;
    assert_eq!(world.revoked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn closing_in_the_middle_of_a_login_leaves_no_token() {
    let (session, world) =
        session(World { login_takes: Duration::from_millis(500), ..world(minted(HOUR, true)) });
    let reader = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    pass(Duration::from_millis(100)).await;
    session.close().await;
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_token_that_never_ends_is_revoked_after_its_requests() {
    let (session, world) = session(world(minted(Duration::ZERO, false)));
    replace(&session, &world).await;
    pass(Duration::from_secs(20)).await;
    assert!(world.revoked.lock().unwrap().is_empty());
    pass(Duration::from_secs(20)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
    session.close().await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1", "token-2"], "each of them once");
}

#[tokio::test(start_paused = true)]
async fn closing_revokes_replaced_tokens_too_and_leaves_nothing_behind() {
    for revoking_takes in [Duration::ZERO, HOUR] {
        let (session, world) = session(World { revoking_takes, ..world(minted(HOUR, true)) });
        replace(&session, &world).await;
        let start = Instant::now();
        session.close().await;
        assert!(start.elapsed() < Duration::from_millis(1_600), "{:?}", start.elapsed());
        let all = || {
            let mut revoked = world.revoked.lock().unwrap().clone();
            revoked.sort();
            revoked
        };
        assert_eq!(all(), ["token-1", "token-2"]);
        drop(session);
        pass(Duration::from_secs(60)).await;
        assert_eq!(all().len(), 2, "nothing comes after the end");
        assert_eq!(Arc::strong_count(&world), 1, "no task outlives the session");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_task_and_the_token_with_it() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    drop(session);
    pass(Duration::from_secs(1)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}
