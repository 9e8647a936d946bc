//! The tables of `docs/scale.md`: `cargo run --release -p strongroom-core --example fleet`.

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::time::Duration;

use fleet::{Fleet, SCATTERED, Waits};

#[path = "../tests/it/fleet/mod.rs"]
mod fleet;

fn main() {
    let fixed: Waits = (|ttl| ttl, |ttl| ttl);
    let jittered: Waits = (strongroom_core::schedule::later, strongroom_core::schedule::later);
    println!("10,000 programs with 200 secrets each, all restarted within 5 s; refreshes a second");
    println!("{:>6}  {:<42} {:>9} {:>14} {:>9}", "ttl", "how", "peak", "peak after 1 h", "mean");
    for seconds in [60, 300, 3600] {
        for (how, waits, questions) in [
            ("every ttl", fixed, 200),
            ("0.8-1.0 ttl, every time", jittered, 200),
            ("first 0.05-1 ttl, then 0.8-1.0", SCATTERED, 200),
            ("the same, version polling, one folder", SCATTERED, 1),
            ("the same, version polling, ten folders", SCATTERED, 10),
        ] {
            let ttl = Duration::from_secs(seconds);
            let watched = Duration::from_secs(4800).max(4 * ttl + Duration::from_secs(60));
            let start = Duration::from_secs(5);
            let load = Fleet { programs: 10_000, questions, ttl, start, watched }.load(waits, 7);
            println!("{seconds:>5}s  {how:<42} {:>9} {:>14} {:>9.0}", load.peak, load.late_peak, load.mean);
        }
    }
}
