//! Any bytes: scanning never panics, an error points into them, and without one every byte is in a piece but for the
//! braces that were doubled.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_core::{Embedded, Piece};

fuzz_target!(|text: &[u8]| {
    let mut at = Some(0);
    for piece in Embedded::new(text) {
        match (piece, at) {
            (Err(error), _) => {
                assert!(error.offset() <= text.len());
                at = None;
            }
            (Ok(Piece::Literal(literal)), Some(start)) => {
                let doubled = text[start..].starts_with(b"{{vault://") && literal.starts_with(b"{vault://");
                let start = start + usize::from(doubled);
                assert!(text[start..].starts_with(literal));
                at = Some(start + literal.len());
            }
            (Ok(Piece::Reference(_, range)), Some(start)) => {
                assert_eq!(range.start, start);
                at = Some(range.end);
            }
            (Ok(_), None) => {}
        }
    }
    assert!(at.is_none_or(|end| end == text.len()));
});
