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
        assert!(session.token().await.is_err() || world.counts().0 == 2);
    }
}
