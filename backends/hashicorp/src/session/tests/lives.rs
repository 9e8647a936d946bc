//! The life of a token: renewals, replacements, uses that run out, tokens from the configuration.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_for_a_day_with_one_login() {
    let (session, world) = session(world(minted(HOUR, true)));
    text(&session).await;
    pass(24 * HOUR).await;
    assert_eq!(text(&session).await, "token-1");
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 0) && (32..=40).contains(&renewals), "{logins} {renewals} {lookups}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_is_replaced_before_it_ends() {
    let batch = {
        let mut grant = minted(Duration::from_secs(100), true);
        grant.batch = true;
        grant
    };
    for grant in [minted(Duration::from_secs(100), false), batch] {
        let (session, world) = session(world(grant));
        text(&session).await;
        pass(Duration::from_secs(79)).await;
        assert_eq!(text(&session).await, "token-1");
        pass(Duration::from_secs(12)).await;
        assert_eq!(text(&session).await, "token-2");
        assert_eq!(world.counts(), (2, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shrinking_lease_leads_to_a_new_login_at_once_without_a_gap() {
    let (session, world) = session(world(minted(Duration::from_secs(60), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Ok(lease(Duration::from_secs(20)));
    pass(Duration::from_secs(46)).await;
    assert_eq!(text(&session).await, "token-2");
    assert_eq!(world.counts(), (2, 1, 0));
    pass(Duration::from_secs(40)).await;
    assert_eq!(*world.revoked.lock().unwrap(), ["token-1"], "the old token is given back");
}

#[tokio::test(start_paused = true)]
async fn failing_renewals_are_bounded_and_end_in_a_login() {
    let (session, world) = session(world(minted(Duration::from_secs(600), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Err(outage());
    for _ in 0..590 {
        pass(Duration::from_secs(1)).await;
        text(&session).await;
    }
    let (logins, renewals, _) = world.counts();
    assert!(logins == 2 && (6..=250).contains(&renewals), "{logins} {renewals}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_not_allowed_is_tried_once_in_a_lease() {
    let (session, world) = session(world(minted(Duration::from_secs(100), true)));
    text(&session).await;
    *world.renewed.lock().unwrap() = Err(Error::new(ErrorKind::PermissionDenied, "1 error occurred"));
    pass(Duration::from_secs(92)).await;
    assert_eq!(text(&session).await, "token-2");
    assert_eq!(world.counts().1, 1);
}

#[tokio::test(start_paused = true)]
async fn a_use_limited_token_is_replaced_in_time_and_never_probed() {
    let mut grant = minted(HOUR, false);
    grant.uses = Some(5);
    let (session, world) = session(world(grant));
    for _ in 0..40 {
        text(&session).await;
        pass(Duration::from_secs(6)).await;
    }
    let (logins, _, lookups) = world.counts();
    assert!((10..=20).contains(&logins) && lookups == 0, "{logins}");
}

#[tokio::test(start_paused = true)]
async fn uses_that_are_gone_stay_gone_whatever_comes_of_renewals() {
    let denied = || Err(Error::new(ErrorKind::PermissionDenied, "1 error occurred"));
    for renewed in [Ok(lease(Duration::from_secs(100))), denied()] {
        let mut grant = minted(Duration::from_secs(100), true);
        grant.uses = Some(12);
        let (session, world) = session(world(grant));
        *world.renewed.lock().unwrap() = renewed;
        let mut reads = 0;
        while text(&session).await == "token-1" {
            reads += 1;
            pass(Duration::from_secs(9)).await;
        }
        let renewals = world.counts().1;
        assert!(renewals >= 1 && (9..=12).contains(&(reads + renewals)), "{reads} {renewals}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_nearly_spent_token_keeps_the_wait_between_failing_logins() {
    let mut grant = minted(Duration::ZERO, false);
    grant.uses = Some(5);
    let (session, world) = session(world(grant));
    text(&session).await;
    *world.login_error.lock().unwrap() = Some(Error::new(ErrorKind::Unauthenticated, "refused"));
    text(&session).await;
    text(&session).await;
    pass(HOUR).await;
    let logins = world.counts().0;
    assert!((12..=100).contains(&logins), "{logins} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_is_looked_up_once_renewed_and_never_revoked() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    text(&session).await;
    pass(10 * HOUR).await;
    assert_eq!(text(&session).await, "mine");
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 1) && renewals >= 12, "{logins} {renewals} {lookups}");
    session.close().await;
    assert!(world.revoked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_configured_token_that_never_ends_is_looked_up_once_too() {
    let (session, world) = session(world(Grant::supplied(Secret::from("root"))));
    *world.looked_up.lock().unwrap() = Ok(Lease { ttl: None, renewable: false, uses: None });
    text(&session).await;
    pass(10 * HOUR).await;
    assert_eq!(text(&session).await, "root");
    assert_eq!(world.counts(), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_look_up_waits_while_the_server_wants_to_be_left_alone() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    *world.looked_up.lock().unwrap() = Err(wants_peace(Duration::from_secs(40)));
    text(&session).await;
    pass(Duration::from_secs(35)).await;
    assert_eq!(world.counts(), (1, 0, 1));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    pass(2 * HOUR).await;
    let (logins, renewals, lookups) = world.counts();
    assert!((logins, lookups) == (1, 2) && renewals >= 2, "{logins} {renewals} {lookups}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_configured_token_is_an_error_until_it_changes() {
    let (session, world) = session(world(Grant::supplied(Secret::from("mine"))));
    let token = session.token().await.unwrap();
    let error = session.rejected(&token).await.unwrap_err();
    assert!(error.to_string().contains("configured token is dead") && !error.is_retryable(), "{error}");
    assert!(session.token().await.is_err());
    pass(Duration::from_millis(1)).await;
    *world.grant.lock().unwrap() = Grant::supplied(Secret::from("another"));
    *world.looked_up.lock().unwrap() = Ok(lease(HOUR));
    world.changed.notify_waiters();
    pass(Duration::from_secs(6)).await;
    assert_eq!(text(&session).await, "another");
}
