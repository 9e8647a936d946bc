//! The fixtures themselves: every other test here believes what they say.

mod binary;
mod proxy;
mod server;
mod tls;

use std::time::{Duration, Instant};

/// Polls until it is true; a fixture that cleans up does so within moments.
fn eventually(what: &str, is_true: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_true() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
