//! A first reader that flies by itself holds up nobody, whatever becomes of it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use super::*;

/// Polls once.
fn begin(reading: Pin<&mut impl Future>) {
    assert!(reading.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_polled_no_more_holds_up_nobody_who_wants_the_same() {
    let vault = scripted();
    vault.slow(Duration::from_millis(20));
    let registry = registry(&vault, 0);
    let mut first = pin!(registry.get(NAME));
    begin(first.as_mut());
    let started = tokio::time::Instant::now();
    assert_eq!(text(registry.get(NAME).await), "ACME Inc.");
    assert_eq!(started.elapsed().as_millis(), 20, "it does not wait for the keeper");
    assert_eq!(text(first.await), "ACME Inc.");
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_together_is_not_held_up_either() {
    let vault = scripted();
    vault.slow(Duration::from_millis(20));
    let registry = registry(&vault, 0);
    let mut first = pin!(registry.get(NAME));
    begin(first.as_mut());
    for value in registry.get_many([NAME, USER]).await {
        assert!(value.is_ok());
    }
    assert_eq!(vault.reads(), 1);
    let mut first = pin!(registry.refresh(NAME));
    begin(first.as_mut());
    // What is under way may bring what was there before the call.
    registry.refresh_all().await.unwrap();
    assert_eq!(vault.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_nobody_polls_goes_on_by_itself() {
    let vault = scripted();
    vault.slow(Duration::from_millis(20));
    let registry = registry(&vault, 0);
    let mut first = pin!(registry.get(NAME));
    begin(first.as_mut());
    // Its place in the vault's window is free again soon.
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(registry.try_get(NAME).map(|_| ()), None, "nobody has said yet what the text means");
    vault.set("customer/acme", r#"{"name":"later"}"#, 2);
    assert_eq!(text(first.await), "ACME Inc.", "it was read meanwhile");
    assert_eq!(vault.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reader_may_move_on_to_where_there_is_no_runtime() {
    let vault = scripted();
    vault.slow(Duration::from_millis(20));
    let registry = registry(&vault, 0);
    let mut first = Box::pin({
        let registry = registry.clone();
        async move { text(registry.get(NAME).await) }
    });
    begin(first.as_mut());
    let on_a_thread = std::thread::spawn(move || {
        begin(first.as_mut());
        first
    });
    let first = on_a_thread.join().unwrap();
    assert_eq!(first.await, "ACME Inc.");
    assert_eq!(vault.reads(), 1);
}
