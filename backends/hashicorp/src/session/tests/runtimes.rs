//! Runtimes that end, and those that nobody drives.

use super::*;

#[test]
fn a_replaced_token_is_revoked_in_another_runtime() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (session, world) = session(world(minted(Duration::ZERO, false)));
    runtime().block_on(replace(&session, &world));
    assert!(world.revoked.lock().unwrap().is_empty());
    runtime().block_on(async {
        let token = session.token().await.unwrap();
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        pass(Duration::from_secs(40)).await;
    });
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

#[test]
fn a_session_goes_on_in_another_runtime_with_the_same_token() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (session, world) = session(world(minted(HOUR, true)));
    runtime().block_on(text(&session));
    let second = runtime();
    second.block_on(async {
        assert_eq!(text(&session).await, "token-1");
        let token = session.token().await.unwrap();
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Token(_)));
    });
    assert_eq!(world.counts().0, 2);
    drop(second);
    runtime().block_on(session.close());
    assert_eq!(*world.revoked.lock().unwrap(), ["token-2"]);
}

#[test]
fn a_session_whose_runtime_nobody_drives_goes_on_where_somebody_reads() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let mut world = world(minted(HOUR, true));
    world.login_takes = Duration::from_millis(100);
    let (session, world) = session(world);
    // All of them live on, and none is driven but when it is asked.
    let runtimes = [runtime(), runtime(), runtime()];
    // The first login is left under way.
    runtimes[0].block_on(async {
        assert!(timeout(Duration::from_millis(10), session.token()).await.is_err());
    });
    runtimes[1].block_on(async {
        let start = Instant::now();
        assert_eq!(text(&session).await, "token-2");
        // A login comes five seconds after the one before.
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
    });
    runtimes[2].block_on(async {
        assert_eq!(text(&session).await, "token-2");
        let start = Instant::now();
        let token = session.token().await.unwrap();
        *world.looked_up.lock().unwrap() = Err(dead());
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Token(_)));
        assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
        assert_eq!(text(&session).await, "token-3");
    });
    // Its end does not wait for a runtime that stands still.
    let last = runtime();
    last.block_on(async {
        let start = Instant::now();
        session.close().await;
        assert!(start.elapsed() <= Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert_eq!(*world.revoked.lock().unwrap(), ["token-3"]);
    // What was left in the others is over when somebody drives them again.
    for runtime in runtimes {
        runtime.block_on(pass(Duration::from_secs(60)));
    }
    assert_eq!(world.counts().0, 3);
}

#[test]
fn a_session_that_is_merely_slow_in_another_runtime_is_left_there() {
    let driven = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut world = world(minted(HOUR, true));
    world.login_takes = Duration::from_millis(3_500);
    let (session, world) = session(world);
    let first = session.clone();
    let first = driven.spawn(async move { text(&first).await });
    std::thread::sleep(Duration::from_millis(100));
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(other.block_on(text(&session)), "token-1");
    assert_eq!(driven.block_on(first).unwrap(), "token-1");
    assert_eq!(world.counts().0, 1);
}
