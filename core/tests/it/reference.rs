//! References: the vectors, the round trip of anything that can be said, and the cost.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;
use serde_json::Value;
use strongroom_core::{ParseErrorKind, Reference, is_reference};

const VECTORS: &str = include_str!("../vectors/references.jsonl");

fn vectors() -> impl Iterator<Item = Value> {
    VECTORS.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn kind_of(why: &str) -> &str {
    match why {
        "not a reference" => "not_a_reference",
        "path character" => "path_character",
        "dot segment" => "dot_segment",
        "blank segment" => "blank_segment",
        "empty option name" => "option_name",
        "repeated option" => "repeated_option",
        same => same,
    }
}

#[test]
fn vectors_parse_to_what_they_expect() {
    for vector in vectors() {
        let text = vector["ref"].as_str().unwrap();
        let expected = &vector["expect"];
        let parsed = Reference::parse(text);
        if expected.is_null() {
            let why = kind_of(vector["why"].as_str().unwrap());
            assert_eq!(parsed.map_err(|error| error.kind().as_str()), Err(why), "{text}");
            continue;
        }
        let reference = parsed.unwrap_or_else(|error| panic!("{text}: {error}"));
        let options: BTreeMap<&str, &str> = reference.options().collect();
        let expected_options: BTreeMap<&str, &str> = expected["options"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        assert_eq!(reference.prefix(), expected["prefix"], "{text}");
        assert_eq!(reference.resource(), expected["resource"], "{text}");
        assert_eq!(reference.key(), expected["key"].as_str(), "{text}");
        assert_eq!(options, expected_options, "{text}");
        assert_eq!(reference.version().map(u64::from), expected["version"].as_u64(), "{text}");
        assert_round_trip(&reference);
    }
}

#[test]
fn the_short_form_accepts_what_its_long_form_does_and_no_more() {
    for vector in vectors() {
        let text = vector["ref"].as_str().unwrap();
        let short = text.strip_prefix("{vault://").and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let expected = Reference::parse(&format!("{{vault://{short}}}"));
        match (Reference::from_short(short), expected) {
            (Ok(ours), Ok(expected)) => assert_eq!(ours, expected, "{text}"),
            (Err(ours), Err(expected)) => {
                assert_eq!(ours.kind(), expected.kind(), "{text}");
                assert_eq!(ours.offset() + "{vault://".len(), expected.offset(), "{text}");
            }
            (ours, expected) => panic!("{text}: {ours:?}, not {expected:?}"),
        }
        assert_eq!(Reference::from_short(text).is_ok(), !vector["expect"].is_null(), "{text}");
    }
}

#[test]
fn options_keep_their_order_but_do_not_depend_on_it() {
    let one = Reference::parse("{vault://env/a?ttl=1&pointer=/x}").unwrap();
    let other = Reference::parse("{vault://env/a?pointer=/x&ttl=1}").unwrap();
    assert_eq!(one.options().collect::<Vec<_>>(), [("ttl", "1"), ("pointer", "/x")]);
    assert_eq!(one.option("pointer"), Some("/x"));
    assert_eq!(one.option("point"), None);
    assert_eq!(one, other);
    assert_eq!(hash(&one), hash(&other));
}

#[test]
fn every_part_tells_references_apart() {
    let texts = [
        "{vault://env/a/b}",
        "{vault://hcv/a/b}",
        "{vault://env/a/b/}",
        "{vault://env/a/c}",
        "{vault://env/c/b}",
        "{vault://env/a/b#1}",
        "{vault://env/a/b?ttl=1}",
        "{vault://env/a/b?ttl=2}",
        "{vault://env/a/b?ttl=1&x=1}",
        "{vault://env/a/b/c}",
        "{vault://env/a%2Fb/c%2Fd}",
    ];
    let references: Vec<Reference> = texts.iter().map(|text| text.parse().unwrap()).collect();
    for (i, one) in references.iter().enumerate() {
        for (j, other) in references.iter().enumerate() {
            assert_eq!(one == other, i == j, "{one} {other}");
        }
    }
}

#[test]
fn versions_are_whole_numbers_of_64_bits() {
    let version =
        |digits: &str| Reference::parse(&format!("{{vault://env/a#{digits}}}")).map(|r| r.version());
    assert_eq!(version("18446744073709551615").unwrap().map(u64::from), Some(u64::MAX));
    assert_eq!(version(&format!("{}7", "0".repeat(1000))).unwrap().map(u64::from), Some(7));
    assert_eq!(version("18446744073709551616").unwrap_err().kind(), ParseErrorKind::Version);
    assert_eq!(version("000").unwrap_err().kind(), ParseErrorKind::Version);
}

#[test]
fn what_hides_behind_an_escape_is_judged_like_the_rest() {
    let kind =
        |path: &str| Reference::parse(&format!("{{vault://env/{path}}}")).map_err(|error| error.kind());
    for blank in ["%2F", "a/%2F%20%2f/b", "\u{3000}/k", "%C2%85", "%E2%80%A8"] {
        assert_eq!(kind(blank), Err(ParseErrorKind::BlankSegment), "{blank}");
    }
    for dots in ["%2E%2e", "a%2F..%2Fb", "%2F./k", "a/..%2F", "k/%2e"] {
        assert_eq!(kind(dots), Err(ParseErrorKind::DotSegment), "{dots}");
    }
    for backslash in ["a%5Cb", "a/%5c", "a\\b"] {
        assert_eq!(kind(backslash), Err(ParseErrorKind::PathCharacter), "{backslash}");
    }
    for (path, resource) in [("%2Fa%2F", "/a/"), ("a.%2F.b", "a./.b"), ("%E2%80%8B", "\u{200b}")] {
        assert_eq!(kind(path).unwrap().resource(), resource);
    }
}

#[test]
fn parsing_allocates_once() {
    let mut parsed = None;
    let count = allocation_counter::measure(|| {
        parsed = Some(Reference::parse("{vault://hashicorp-vault/customer/acme/name}").unwrap());
    });
    assert_eq!(parsed.unwrap().key(), Some("name"));
    assert_eq!(count.count_total, 1);
}

/// A reference as a model: what was meant, and the text that says it.
#[derive(Clone, Debug)]
struct Meant {
    prefix: String,
    resource: String,
    key: Option<String>,
    options: Vec<(String, String)>,
    version: Option<u64>,
    text: String,
}

/// Text in which what matters to the grammar is frequent.
fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "/%{}?#&=+;. :@é日\u{a0}\u{85}\u{200b}\u{202e}\u{2028}\u{9b}ab1-".chars().collect::<Vec<_>>(),
    );
    prop::collection::vec(prop_oneof![6 => special, 1 => any::<char>()], 1..8)
        .prop_map(|chars| chars.into_iter().filter(|c| !c.is_ascii_control()).collect())
}

fn any_segment() -> impl Strategy<Value = String> {
    any_text().prop_filter("a segment", |text| {
        !text.contains('\\')
            && !text.split('/').any(|piece| piece == "." || piece == "..")
            && !text.trim_matches(|c: char| c == '/' || c.is_whitespace()).is_empty()
    })
}

/// Percent-encodes what has to be, and whatever `more` says.
fn encode(text: &str, reserved: &str, more: &[bool]) -> String {
    let mut encoded = String::new();
    for (number, c) in text.chars().enumerate() {
        if reserved.contains(c) || more[number % more.len()] {
            for byte in c.to_string().bytes() {
                write!(encoded, "%{byte:02x}").unwrap();
            }
        } else {
            encoded.push(c);
        }
    }
    encoded
}

prop_compose! {
    fn any_reference()(
        prefix in "[a-z][a-z0-9-]{0,6}[a-z0-9]",
        segments in prop::collection::vec(any_segment(), 1..5),
        slashes in prop::collection::vec(1..3_usize, 5),
        trailing in 0..3_usize,
        options in prop::collection::btree_map(any_text().prop_filter("a name", |name| !name.is_empty()), any_text(), 0..4),
        version in prop::option::of(1..u64::MAX),
        more in prop::collection::vec(any::<bool>(), 1..20),
    ) -> Meant {
        let mut text = format!("{{vault://{prefix}");
        for (segment, slashes) in segments.iter().zip(slashes) {
            text += &"/".repeat(slashes);
            text += &encode(segment, "/%?#;{}", &more);
        }
        text += &"/".repeat(trailing);
        for (number, (name, value)) in options.iter().rev().enumerate() {
            text.push(if number == 0 { '?' } else { '&' });
            text += &format!("{}={}", encode(name, "%&=+#", &more), encode(value, "%&+#", &more));
        }
        if let Some(version) = version {
            text += &format!("#{version}");
        }
        text.push('}');
        let mut path = segments;
        let key = if trailing == 0 && path.len() > 1 { path.pop() } else { None };
        let options = options.into_iter().rev().collect();
        Meant { prefix, resource: path.join("/"), key, options, version, text }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_meant_is_what_is_parsed(meant in any_reference()) {
        let reference = Reference::parse(&meant.text).unwrap();
        prop_assert_eq!(reference.prefix(), meant.prefix);
        prop_assert_eq!(reference.resource(), meant.resource);
        prop_assert_eq!(reference.key(), meant.key.as_deref());
        let options: Vec<_> = reference.options().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(options, meant.options);
        prop_assert_eq!(reference.version().map(u64::from), meant.version);
        assert_round_trip(&reference);
    }

    #[test]
    fn any_text_parses_or_says_where_it_does_not(text in any_input()) {
        match Reference::parse(&text) {
            Ok(reference) => assert_round_trip(&reference),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset()));
                prop_assert_eq!(error.kind() == ParseErrorKind::NotAReference, !is_reference(&text));
                prop_assert!(error.to_string().chars().all(|c| !c.is_control()));
            }
        }
        if let Err(error) = Reference::from_short(&text) {
            prop_assert!(text.is_char_boundary(error.offset()));
        }
    }
}

/// Mostly text that looks like a reference, so that most of it gets past the first check.
fn any_input() -> impl Strategy<Value = String> {
    let pieces = [
        "env", "a", "é", "/", "?", "#", "&", "=", "%", "%2F", "%2e", "%C3", "%A9", "%00", "%5C", " ", "+",
        "1", ".", ";", "}", "\n", "\u{200b}",
    ];
    let inside = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12)
        .prop_map(|pieces| pieces.concat());
    prop_oneof![
        4 => inside.clone().prop_map(|inside| format!("{{vault://env/a{inside}}}")),
        1 => inside.prop_map(|inside| format!("{{vault://{inside}}}")),
        1 => any::<String>(),
    ]
}

#[track_caller]
fn assert_round_trip(reference: &Reference) {
    let canonical = reference.to_string();
    let again = Reference::parse(&canonical).unwrap_or_else(|error| panic!("{canonical}: {error}"));
    assert_eq!(&again, reference, "{canonical}");
    assert_eq!(hash(&again), hash(reference));
    assert_eq!(again.to_string(), canonical);
    assert!(
        canonical.find('}') == Some(canonical.len() - 1),
        "{canonical} does not stand within longer text"
    );
    assert!(
        !canonical.contains(char::is_control) && !canonical.contains(['\u{202e}', '\u{2028}']),
        "{canonical:?}"
    );
}

fn hash(reference: &Reference) -> u64 {
    let mut hasher = DefaultHasher::new();
    reference.hash(&mut hasher);
    hasher.finish()
}
