//! The tests of what the crate promises to its users, one module a subject.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod capacity;
mod fleet;
mod following;
mod hits;
mod observers;
mod recall;
mod reference;
mod runtimes;
