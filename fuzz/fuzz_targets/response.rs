//! Any answer of a server: reading it never panics, and what is said of it is one printable line without credentials.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [high, low, body @ ..] = data else { return };
    // Every status that HTTP has, and the good one often.
    let status = match u16::from_be_bytes([*high, *low]) % 1000 {
        other @ 100..=599 => other,
        _ => 200,
    };
    for said in strongroom_hashicorp::fuzzing::answer(status, body).expect("the path is good") {
        assert!(!said.contains(char::is_control), "{said:?}");
        assert!(said.len() < 4096, "{} bytes are said", said.len());
        // Masked where it was sent; a path of the question holds no credential.
        assert!(!said.contains("canary"), "{said}");
    }
});
