//! Any `Retry-After`: reading it never panics, and the wait has bounds.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| strongroom_hashicorp::fuzzing::retry_after(text));
