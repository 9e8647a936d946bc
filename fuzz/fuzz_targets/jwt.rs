//! Any token file: whether it may be sent is found out without a panic, and nothing of it is said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::Secret;

fuzz_target!(|text: &str| {
    if let Err(error) = strongroom_credential::check_jwt("token", &Secret::from(text.to_owned())) {
        let said = error.to_string();
        assert!(said.starts_with("the token "), "{said}");
        assert!(text.len() < 24 || !said.contains(text), "{said}");
    }
});
