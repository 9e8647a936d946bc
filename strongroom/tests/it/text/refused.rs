//! What is not resolved, and what is said about it.

use strongroom::ErrorKind;

use super::*;

#[track_caller]
fn failures(text: &str, format: Format, scope: Scope) -> Vec<String> {
    let failures = resolve(text, format, scope).unwrap_err();
    failures.iter().map(ToString::to_string).collect()
}

#[test]
fn every_failure_has_the_path_and_the_place_of_its_field() {
    let text = "a: '{vault://my-vault/s/none}'\nb:\n- x\n- c.d: '{vault://other/s/plain}'\n  é: ['{vault://my-vault/}']\n\
                ---\n'{vault://my-vault/none}'\n";
    let failures = resolve(text, Format::Yaml, Scope::Whole).unwrap_err();
    assert_eq!(failures.to_string(), "could not resolve 4 of 4 references");
    assert!(!failures.is_retryable());
    let places: Vec<_> =
        failures.iter().map(|failure| (failure.path.as_str(), failure.source.as_deref().unwrap())).collect();
    assert_eq!(
        places,
        [
            ("a", "file:1:4"),
            ("b[1][\"c.d\"]", "file:4:8"),
            ("b[1].é[0]", "file:5:7"),
            ("the document", "file:7:1")
        ]
    );
    let kinds: Vec<_> = failures.iter().map(|failure| failure.error.kind()).collect();
    assert_eq!(
        kinds,
        [ErrorKind::NotFound, ErrorKind::UnknownPrefix, ErrorKind::InvalidReference, ErrorKind::NotFound]
    );
}

#[test]
fn a_reference_without_quotes_is_pointed_out_in_yaml() {
    for (text, place) in [
        ("a: {vault://my-vault/s/plain}\n", "file:1:4"),
        ("a:\n- {vault://my-vault/s/plain?ttl=5#2}\n", "file:2:3"),
        ("a: 1\nb: é {x}\nc: [{vault://my-vault/s/plain}]\n", "file:3:5"),
    ] {
        let failures = failures(text, Format::Yaml, Scope::Whole);
        assert!(failures[0].contains(place) && failures[0].contains("put it between quotes"), "{failures:?}");
    }
    // What is a mapping on purpose is one.
    for text in ["a: {'vault://x': }\n", "a: { vault: //x }\n", "vault://x: 1\n"] {
        assert_eq!(resolve(text, Format::Yaml, Scope::Whole).unwrap(), text);
    }
}

#[test]
fn a_key_that_an_alias_makes_of_a_reference_stays_what_it_is() {
    for text in
        ["a: &x '{vault://my-vault/s/plain}'\n*x : b\n", "&x '{vault://my-vault/s/plain}': a\nb: *x\n"]
    {
        let failures = failures(text, Format::Yaml, Scope::Whole);
        assert!(failures[0].contains("an alias may use one of them as a key"), "{failures:?}");
    }
}

#[test]
fn references_in_longer_strings_fail_one_by_one() {
    let text =
        "a = 'x {vault://my-vault/s/none} {vault://my-vault/s;} {vault://my-vault/s/plain} {vault://'\n";
    let failures = failures(text, Format::Toml, Scope::Embedded);
    assert_eq!(failures.len(), 3, "{failures:?}");
    assert!(failures.iter().all(|failure| failure.starts_with("a (file:1:5): ")), "{failures:?}");
    assert!(failures[1].contains("invalid reference at byte 47, `;`"), "{failures:?}");
}

#[test]
fn what_is_invalid_in_a_string_is_named() {
    let text = "a: '{vault://BAD/x}'\nb: 'x {vault://my-vault/s;} {vault://my-vault/s hunter2'\n";
    let document = TextDocument::parse("file", text, Format::Yaml, Scope::Embedded).unwrap();
    let found: Vec<_> =
        document.occurrences().iter().map(|found| (found.written.as_str(), found.whole)).collect();
    assert_eq!(
        found,
        [("{vault://BAD/x}", true), ("{vault://my-vault/s;}", false), ("{vault://my-vault/s", false)]
    );
    let failures = failures(text, Format::Yaml, Scope::Embedded);
    for (failure, (written, _)) in failures.iter().zip(&found) {
        assert!(failure.contains(&format!("could not resolve {written}: invalid reference")), "{failure}");
        assert!(!failure.contains("hunter2"), "{failure}");
    }
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    for (text, format, place) in [
        ("a: [1\n", Format::Yaml, "file:2:1: "),
        ("a: 1\na: 2\n", Format::Yaml, "file:2:1: the key `a` stands here twice"),
        ("a = canary\n", Format::Toml, "file:1:5: "),
        ("{\"a\": }", Format::Json, "file:1:7: "),
    ] {
        let error = TextDocument::parse("file", text, format, Scope::Whole).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().starts_with(place), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn a_reference_that_a_tag_of_ones_own_stands_at_fails_with_its_place() {
    let text = "a: !Sub '{vault://my-vault/s/plain}'\nb: [!!binary '{vault://my-vault/s/plain}']\nc: !x {vault://my-vault/s/a}\n";
    let found = failures(text, Format::Yaml, Scope::Whole);
    assert_eq!(found.len(), 3, "{found:?}");
    let what = "could not resolve {vault://my-vault/s/plain}: it stands behind the tag";
    assert!(found[0].starts_with(&format!("a (file:1:9): {what} `!Sub`, which may read")), "{found:?}");
    assert!(found[1].starts_with(&format!("b[0] (file:2:14): {what} `!!binary`")), "{found:?}");
    assert!(found[2].contains("stands without quotes"), "{found:?}");
    let text = "a: !Sub 'x {vault://my-vault/s/plain} y'\nb: !<tag:example.com,2026:\u{1b}c> '{{vault://'\n";
    let text = text.replace('\u{1b}', "%1B");
    let found = failures(&text, Format::Yaml, Scope::Embedded);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|failure| !failure.contains('\u{1b}')), "{found:?}");
}

#[test]
fn nothing_shows_a_value() {
    let document = TextDocument::parse("file", "a: b\n", Format::Yaml, Scope::Whole).unwrap();
    assert!(!format!("{document:?}").contains("a: b"), "{document:?}");
}
