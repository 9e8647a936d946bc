//! Any answer of a server: reading it never panics, what is said of it is one printable line without credentials, and what
//! is JSON is JSON for others too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::JsonText;

fuzz_target!(|data: &[u8]| {
    let [high, low, body @ ..] = data else { return };
    // Every status that HTTP has, and the good one often.
    let status = match u16::from_be_bytes([*high, *low]) % 1000 {
        other @ 100..=599 => other,
        _ => 200,
    };
    if let Ok(text) = std::str::from_utf8(body) {
        let is_valid = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        match JsonText::parse(text) {
            Ok(_) => assert!(is_valid, "{text}"),
            // A name may not be half a surrogate pair.
            Err(error) if error.to_string() == "not valid JSON" => {
                assert!(!is_valid || text.contains("\\u"), "{text}")
            }
            Err(_) => {}
        }
    }
    for said in strongroom_hashicorp::fuzzing::answer(status, body).expect("the path is good") {
        assert!(!said.contains(char::is_control), "{said:?}");
        assert!(said.len() < 4096, "{} bytes are said", said.len());
        // Masked where it was sent; a path of the question holds no credential.
        assert!(!said.contains("canary"), "{said}");
    }
});
