//! `docs/write-a-backend.md` shows this very crate.

const GUIDE: &str = include_str!("../../../docs/write-a-backend.md");

/// A source as the guide shows it: without what only this repository needs.
fn shown(source: &str) -> &str {
    source.split("\n#[cfg(doctest)]").next().unwrap().trim()
}

#[test]
fn the_guide_shows_this_crate() {
    for (file, source) in [
        ("src/lib.rs", include_str!("../src/lib.rs")),
        ("tests/conformance.rs", include_str!("conformance.rs")),
    ] {
        let block = format!("```rust\n{}\n```", shown(source));
        assert!(GUIDE.contains(&block), "the guide shows another {file}");
    }
}
