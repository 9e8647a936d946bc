//! What a user of the library sees, one module a subject.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod text;
