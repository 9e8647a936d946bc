//! Openings that nothing closes, and what is kept of them.

use strongroom::text::{Occurrence, Template};

use super::*;

const OPEN: &str = "{vault://";

/// As a template and as a string of a document have it.
fn found(text: &str) -> [Vec<Occurrence>; 2] {
    let document = format!("\"{text}\"");
    let document = TextDocument::parse("file", &document, Format::Json, Scope::Embedded).unwrap();
    [Template::parse("file", text.as_bytes()).occurrences().to_vec(), document.occurrences().to_vec()]
}

/// How many bytes all of it takes.
fn kept(found: &[Occurrence]) -> usize {
    let size = |found: &Occurrence| {
        let error = found.reference.as_ref().unwrap_err();
        size_of_val(found) + found.written.len() + found.path.len() + format!("{error:?}").len()
    };
    found.iter().map(size).sum()
}

#[test]
fn what_is_kept_of_openings_alone_does_not_outgrow_the_text() {
    for text in [OPEN.repeat(1 << 13), format!("{}}}", OPEN.repeat(1800)).repeat(4)] {
        for found in found(&text) {
            assert!((1..=text.len() / 256 + 4).contains(&found.len()), "{}", found.len());
            assert!(kept(&found) < 8 * text.len(), "{} of {}", kept(&found), text.len());
        }
    }
}

#[test]
fn openings_in_words_of_their_own_fail_one_by_one() {
    let text = format!("{OPEN} ").repeat(1000);
    for found in found(&text) {
        assert_eq!(found.len(), 1000);
        assert!(found.iter().all(|found| found.written == OPEN));
    }
    for found in found("{vault://mv/a;}{vault://mv/b;} {vault://mv/c {vault://mv/d;}") {
        let written: Vec<_> = found.iter().map(|found| found.written.as_str()).collect();
        let expected =
            ["{vault://mv/a;}", "{vault://mv/b;}", "{vault://mv/c {vault://mv/d;}", "{vault://mv/d;}"];
        assert_eq!(written, expected);
    }
}

#[test]
fn what_one_word_shows_is_told_once_and_what_resolves_in_it_is_found() {
    for found in found("{vault://mv/a{vault://mv/b;}") {
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].written, "{vault://mv/a{vault://mv/b;}");
    }
    for found in found("{vault://mv/a{vault://mv/b}") {
        assert!(found.len() == 2 && found[1].reference.is_ok(), "{found:?}");
    }
}

#[test]
fn a_long_one_is_cut_as_in_messages() {
    let long = format!("{OPEN}mv/{}", "é".repeat(400));
    for text in [long.clone(), format!("{long};}}")] {
        for found in found(&format!(" {text} x")) {
            let written = &found[0].written;
            assert!(written.chars().count() == 257 && written.ends_with("é…"), "{written}");
            let message = found[0].reference.as_ref().unwrap_err().to_string();
            assert!(message.contains("é…"), "{message}");
        }
    }
}
