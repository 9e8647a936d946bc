//! Renewals that fail, and logins that fail while the token could be renewed.

use super::*;

/// What lasts, and says nothing about the token: what the transport tells of a certificate that has expired, and what
/// somebody on the way answers.
fn faults() -> [Error; 5] {
    [
        Error::new(ErrorKind::Unavailable, "no TLS: the certificate has expired"),
        Error::new(ErrorKind::InvalidConfig, "the CA file cannot be read"),
        Error::new(ErrorKind::InvalidResponse, "a redirect").with_status(302),
        Error::new(ErrorKind::InvalidReference, "a gateway's page").with_status(400),
        Error::new(ErrorKind::NotFound, "a gateway's page").with_status(404),
    ]
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "invalid secret id").with_status(400)
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_lasts_ends_no_renewals() {
    for fault in faults() {
        let (session, world) = session(world(minted(HOUR, true)));
        text(&session).await;
        // As a secret id of one use.
        *world.login_error.lock().unwrap() = Some(refused());
        *world.renewed.lock().unwrap() = Err(fault.clone());
        pass(Duration::from_secs(2_700)).await;
        let renewals = world.counts().1;
        assert!((2..=100).contains(&renewals), "{renewals}: {fault}");
        *world.renewed.lock().unwrap() = Ok(lease(HOUR));
        pass(2 * HOUR).await;
        assert_eq!(text(&session).await, "token-1", "{fault}");
        assert_eq!(world.counts().0, 1, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_is_renewed_after_a_fault_that_nearly_outlasted_it() {
    for fault in faults().into_iter().chain([outage()]) {
        let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        text(&session).await;
        pass(Duration::from_secs(60)).await;
        *world.looked_up.lock().unwrap() = Err(fault.clone());
        *world.renewed.lock().unwrap() = Err(fault.clone());
        pass(Duration::from_secs(3_360)).await;
        *world.renewed.lock().unwrap() = Ok(lease(HOUR));
        pass(2 * HOUR).await;
        assert_eq!(text(&session).await, "mine", "{fault}");
        let (logins, renewals, lookups) = world.counts();
        assert!((logins, lookups) == (1, 1) && renewals <= 200, "{logins} {renewals} {lookups}: {fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_whose_look_up_failed_is_looked_up_again_and_renewed() {
    for fault in faults().into_iter().chain([outage()]) {
        let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
        *world.looked_up.lock().unwrap() = Err(fault.clone());
        text(&session).await;
        pass(Duration::from_secs(600)).await;
        let lookups = world.counts().2;
        assert!((10..=21).contains(&lookups), "{lookups}: {fault}");
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        pass(2 * HOUR).await;
        let (logins, renewals, _) = world.counts();
        assert!(logins == 1 && renewals >= 2, "{logins} {renewals}: {fault}");
        assert_eq!(text(&session).await, "mine", "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_is_not_renewed() {
    for grant in [minted(HOUR, true), Grant::supplied(Secret::from("mine"))] {
        let (session, world) = session(world(grant));
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        text(&session).await;
        pass(Duration::from_secs(60)).await;
        *world.login_error.lock().unwrap() = Some(refused());
        *world.renewed.lock().unwrap() = Err(outage());
        pass(Duration::from_secs(3_550)).await;
        let renewals = world.counts().1;
        pass(2 * HOUR).await;
        assert_eq!(world.counts().1, renewals);
        assert!(session.token().await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_while_a_changed_credential_is_refused() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    pass(Duration::from_secs(600)).await;
    *world.login_error.lock().unwrap() = Some(refused());
    world.changed.notify_waiters();
    for _ in 0..4 * 60 {
        pass(Duration::from_secs(60)).await;
        assert_eq!(text(&session).await, "token-1");
    }
    let (logins, renewals, _) = world.counts();
    assert!((20..=300).contains(&logins) && (5..=8).contains(&renewals), "{logins} {renewals}");
    *world.login_error.lock().unwrap() = None;
    pass(Duration::from_secs(310)).await;
    assert_ne!(text(&session).await, "token-1", "the replacement is tried until it succeeds");
    pass(Duration::from_secs(60)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_after_the_login_at_its_end_was_refused() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    *world.login_error.lock().unwrap() = Some(refused());
    *world.renewed.lock().unwrap() = Err(outage());
    pass(Duration::from_secs(3_400)).await;
    assert!(world.counts().0 > 1, "a login was tried");
    *world.renewed.lock().unwrap() = Ok(lease(HOUR));
    pass(2 * HOUR).await;
    assert_eq!(text(&session).await, "token-1");
}

#[tokio::test(start_paused = true)]
async fn a_shrinking_lease_keeps_the_wait_between_refused_logins() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    pass(Duration::from_secs(1)).await;
    *world.login_error.lock().unwrap() = Some(refused());
    world.changed.notify_waiters();
    for ttl in (1..=120).rev() {
        *world.renewed.lock().unwrap() = Ok(lease(Duration::from_secs(30 * ttl)));
        pass(Duration::from_secs(30)).await;
    }
    let (logins, renewals, _) = world.counts();
    assert!((8..=60).contains(&logins) && renewals <= 60, "{logins} {renewals} in an hour");
}

#[tokio::test(start_paused = true)]
async fn failing_renewals_keep_the_wait_between_refused_logins() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    pass(Duration::from_secs(1)).await;
    *world.login_error.lock().unwrap() = Some(refused());
    *world.renewed.lock().unwrap() = Err(outage());
    world.changed.notify_waiters();
    pass(Duration::from_secs(3_230)).await;
    let before = world.counts().0;
    pass(Duration::from_secs(290)).await;
    let logins = world.counts().0 - before;
    assert!(logins <= 15, "{logins} in the last minutes");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_be_renewed_is_asked_once_beside_refused_logins() {
    for verdict in [ErrorKind::PermissionDenied, ErrorKind::Unsupported] {
        let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
        *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
        text(&session).await;
        pass(Duration::from_secs(2)).await;
        *world.login_error.lock().unwrap() = Some(refused());
        *world.renewed.lock().unwrap() = Err(Error::new(verdict, "not this one"));
        world.changed.notify_waiters();
        pass(Duration::from_secs(2_800)).await;
        let (logins, renewals, _) = world.counts();
        assert!(renewals == 1 && (8..=80).contains(&logins), "{logins} {renewals}: {verdict}");
        *world.grant.lock().unwrap() = Grant::supplied(Secret::from("another"));
        *world.login_error.lock().unwrap() = None;
        pass(Duration::from_secs(310)).await;
        assert_eq!(text(&session).await, "another");
    }
}
