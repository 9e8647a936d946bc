//! How often is logged in, whatever is rejected and whoever waits.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_share_one_login_and_its_error() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(outage());
    let all = |session: &Session| {
        let readers: Vec<_> = (0..1000)
            .map(|_| {
                let session = session.clone();
                tokio::spawn(async move { session.token().await.map(|token| token.epoch) })
            })
            .collect();
        async move {
            let mut results = Vec::new();
            for reader in readers {
                results.push(reader.await.unwrap());
            }
            results
        }
    };
    assert!(all(&session).await.iter().all(|result| result.as_ref().is_err_and(Error::is_retryable)));
    assert_eq!(world.counts(), (1, 0, 0));
    *world.login_error.lock().unwrap() = None;
    pass(Duration::from_secs(10)).await;
    assert!(all(&session).await.iter().all(Result::is_ok));
    assert_eq!(world.counts(), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_costs_one_lookup_and_one_login_for_all() {
    let (session, world) = session(world(minted(HOUR, true)));
    let old = session.token().await.unwrap();
    let readers: Vec<_> = (0..1000)
        .map(|_| {
            let (session, old) = (session.clone(), old.clone());
            tokio::spawn(async move { session.rejected(&old).await })
        })
        .collect();
    for reader in readers {
        let Ok(Verdict::Token(token)) = reader.await.unwrap() else { panic!("the token was replaced") };
        assert_eq!(token.epoch, 2);
    }
    assert_eq!(world.counts(), (2, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_policy_never_causes_a_login() {
    let (session, world) = session(world(minted(HOUR, true)));
    for answer in [Ok(lease(HOUR)), Err(Error::new(ErrorKind::PermissionDenied, "alive")), Err(outage())] {
        *world.looked_up.lock().unwrap() = answer;
        let token = session.token().await.unwrap();
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
    }
    assert_eq!(world.counts().0, 1);
}

#[tokio::test(start_paused = true)]
async fn logins_keep_under_their_rate_whatever_is_rejected() {
    let (session, world) = session(world(minted(HOUR, true)));
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(100) {
        let token = session.token().await.unwrap();
        let _ = session.rejected(&token).await;
        pass(Duration::from_millis(1)).await;
    }
    assert!((18..=24).contains(&world.counts().0), "{:?}", world.counts());
}

#[tokio::test(start_paused = true)]
async fn failing_logins_keep_under_their_rate_and_nobody_hangs() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    for _ in 0..36_000 {
        assert!(session.token().await.is_err());
        pass(Duration::from_millis(100)).await;
    }
    let logins = world.counts().0;
    assert!((12..=100).contains(&logins), "{logins} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_says_nothing_of_the_credential_is_over_a_minute_after_it_healed() {
    let faults = [
        Error::new(ErrorKind::Unavailable, "no TLS: the certificate has expired"),
        Error::new(ErrorKind::InvalidConfig, "the CA file cannot be read"),
        Error::new(ErrorKind::InvalidResponse, "a redirect").with_status(302),
    ];
    for fault in faults.into_iter().cycle().take(30) {
        let (session, world) = session(world(minted(HOUR, true)));
        *world.login_error.lock().unwrap() = Some(fault.clone());
        for _ in 0..600 {
            assert!(session.token().await.is_err());
            pass(Duration::from_secs(1)).await;
        }
        let logins = world.counts().0;
        assert!((10..=100).contains(&logins), "{logins} in ten minutes: {fault}");
        *world.login_error.lock().unwrap() = None;
        let healed = Instant::now();
        while session.token().await.is_err() {
            pass(Duration::from_secs(1)).await;
        }
        assert!(healed.elapsed() <= Duration::from_secs(63), "{:?}: {fault}", healed.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_credential_is_tried_at_once() {
    let (session, world) = session(world(minted(HOUR, true)));
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "spent"));
    for _ in 0..5 {
        let _ = session.token().await;
        pass(Duration::from_secs(60)).await;
    }
    let _ = session.token().await;
    *world.login_error.lock().unwrap() = None;
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    let before = world.counts().0;
    text(&session).await;
    assert_eq!(world.counts().0, before, "the login was over already");

    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(session.token().await.unwrap().epoch, 2, "a live token is replaced too");
}

#[tokio::test(start_paused = true)]
async fn a_policy_keeps_the_wait_between_failing_logins() {
    let (session, world) = session(world(minted(10 * HOUR, false)));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    let token = session.token().await.unwrap();
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    pass(9 * HOUR).await;
    let before = world.counts().0;
    for _ in 0..1800 {
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        pass(Duration::from_secs(1)).await;
    }
    let logins = world.counts().0 - before;
    assert!((3..=60).contains(&logins), "{logins} in half an hour");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_while_the_server_wants_to_be_left_alone_is_settled_afterwards() {
    for grant in [minted(HOUR, true), Grant::supplied(Secret::from("mine"))] {
        let (session, world) = session(world(grant));
        *world.looked_up.lock().unwrap() = Err(wants_peace(Duration::from_secs(40)));
        let token = session.token().await.unwrap();
        let error = session.rejected(&token).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
        assert_eq!(session.token().await.unwrap().epoch, token.epoch, "others go on");
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        pass(Duration::from_secs(40)).await;
        assert!(matches!(session.rejected(&token).await.unwrap(), Verdict::Alive));
        assert_eq!(world.counts().0, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_hangs_or_panics_is_an_error_and_poisons_nobody() {
    let (session, world) = session(World { login_takes: HOUR, ..world(minted(HOUR, true)) });
    let start = Instant::now();
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(start.elapsed() <= Duration::from_secs(11));
    session.close().await;
    drop(world);
    let (session, world) = session_of(minted(HOUR, true));
    world.panics.store(true, Ordering::SeqCst);
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Internal);
    pass(Duration::from_secs(10)).await;
    text(&session).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_away_cancels_nobody() {
    let (session, world) = session(world(minted(HOUR, true)));
    for _ in 0..10 {
        let _ = timeout(Duration::from_micros(1), session.token()).await;
    }
    text(&session).await;
    assert_eq!(world.counts().0, 1);
}
