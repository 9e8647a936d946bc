//! Any text: parsing never panics, an error points into the text, and what is accepted survives its canonical form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::Reference;

fuzz_target!(|text: &str| {
    for parsed in [Reference::parse(text), Reference::from_short(text)] {
        match parsed {
            Ok(reference) => {
                let canonical = reference.to_string();
                let again = Reference::parse(&canonical).expect("the canonical form is a reference");
                assert_eq!(again, reference);
                assert_eq!(again.to_string(), canonical);
            }
            Err(error) => {
                assert!(text.is_char_boundary(error.offset()));
                assert!(error.to_string().chars().count() <= 256);
            }
        }
    }
});
