//! Any token file: whether it may be sent is found out without a panic, and nothing of it is said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::Secret;

fuzz_target!(|text: &str| {
    if let Err(error) = strongroom_credential::check_jwt("token", &Secret::from(text.to_owned())) {
        let said = error.to_string();
        assert!(said.starts_with("the token "), "{said}");
        // No word of ours is that long, and a fuzzer that knows our sentences writes them.
        let is_ours = text.contains(' ') || text.len() < 24;
        assert!(is_ours || !said.contains(text), "{said}");
    }
});
