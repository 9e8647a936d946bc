//! What a fleet costs its vault: the promises of `docs/scale.md`.

use std::time::Duration;

use crate::fleet::{Fleet, SCATTERED};

/// 10,000 programs with 200 secrets each in one folder, ttl 300 s, all restarted within 5 s.
const FLEET: Fleet = Fleet {
    programs: 10_000,
    questions: 200,
    ttl: Duration::from_secs(300),
    start: Duration::from_secs(5),
    watched: Duration::from_secs(900),
};

#[test]
fn ten_thousand_programs_that_were_restarted_at_once_ask_evenly() {
    let load = FLEET.load(SCATTERED, 7);
    assert!(load.peak <= 13_000 && load.late_peak <= 13_000, "{load:?}");
    assert!((6_000.0..8_000.0).contains(&load.mean), "{load:?}");
}

#[test]
fn with_version_polling_they_hardly_ask_at_all() {
    let load = Fleet { questions: 1, ..FLEET }.load(SCATTERED, 7);
    assert!(load.peak <= 100, "{load:?}");
    assert!((30.0..40.0).contains(&load.mean), "{load:?}");
}

#[test]
fn without_scattering_they_would_ask_all_at_once() {
    let fixed = |ttl: Duration| ttl;
    let load = Fleet { questions: 20, ..FLEET }.load((fixed, fixed), 7);
    assert!(load.peak > 10 * 3_900, "{load:?}");
}
