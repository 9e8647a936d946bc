//! What is JSON here, and what is taken out of it.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::strict::FEW;
use super::*;

fn decoded(text: &str) -> Option<String> {
    match Json::parse(text).ok()? {
        Json::String(raw) => Some(String::from_utf8(raw.decode()?.as_bytes().to_vec()).unwrap()),
        _ => None,
    }
}

#[test]
fn strings_are_decoded_like_serde_json_does() {
    for text in [r#""""#, r#""a\"b\\c\/d\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00é😀""#, r#""\u0000""#] {
        assert_eq!(decoded(text).unwrap(), serde_json::from_str::<String>(text).unwrap(), "{text}");
    }
    for text in [r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00""#] {
        assert_eq!(decoded(text), None, "{text}");
    }
}

#[test]
fn repeated_members_are_refused_at_any_depth_and_in_any_spelling() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#] {
        assert_eq!(Json::parse(text).err(), Some(JsonFault::RepeatedMember), "{text}");
    }
    assert!(Json::parse(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#).is_ok());
    // Also where there are many, and where the repeated one is among the first or the last of them.
    let many = |last: usize| {
        let members: Vec<_> = (0..3 * FEW).chain([last]).map(|name| format!(r#""{name}":0"#)).collect();
        Json::parse(&format!("{{{}}}", members.join(","))).err()
    };
    assert_eq!(many(3 * FEW), None);
    for last in [0, FEW - 1, FEW, FEW + 1, 3 * FEW - 1] {
        assert_eq!(many(last), Some(JsonFault::RepeatedMember), "{last}");
    }
    // And where such an object is in another such.
    let within = |inner: usize, outer: usize| {
        let members = |last: usize, value: &str| {
            let members: Vec<_> =
                (0..3 * FEW).chain([last]).map(|name| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        Json::parse(&members(outer, &members(inner, "0"))).err()
    };
    assert_eq!(within(3 * FEW, 3 * FEW), None);
    for last in [0, FEW, 3 * FEW - 1] {
        assert_eq!(within(last, 3 * FEW), Some(JsonFault::RepeatedMember));
        assert_eq!(within(3 * FEW, last), Some(JsonFault::RepeatedMember));
    }
}

#[test]
fn what_is_cut_off_or_has_text_behind_it_is_no_json() {
    for text in [
        "",
        " ",
        "{",
        "{\"a\":1",
        "{\"a\":[1,2",
        "{}{}",
        "{} x",
        "[1]]",
        "1 2",
        "\u{a0}{}",
        "{\"\\ud800\":1}",
        "{1:2}",
    ] {
        assert_eq!(Json::parse(text).err(), Some(JsonFault::Syntax), "{text}");
    }
    assert!(matches!(Json::parse(" \t\r\n{ }\n"), Ok(Json::Object("{ }"))));
}

#[test]
fn depth_is_bounded_before_parsing() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Json::parse(&nested(MAX_DEPTH + 1)).err(), Some(JsonFault::TooDeep));
    assert_eq!(Json::parse(&"[".repeat(1_000_000)).err(), Some(JsonFault::TooDeep));
    assert!(Json::parse(&format!("\"{}\"", "[".repeat(100))).is_ok(), "brackets in a string do not nest");
}

#[test]
fn pointers_follow_rfc_6901() {
    let json = Json::parse(r#"{"":0,"a/b":1,"m~n":2,"l":[10,{"k":"v"}],"01":3}"#).unwrap();
    let number = |pointer| match json.pointer(pointer) {
        Some(Json::Number(text)) => Some(text),
        _ => None,
    };
    assert_eq!(number("/"), Some("0"));
    assert_eq!(number("/a~1b"), Some("1"));
    assert_eq!(number("/m~0n"), Some("2"));
    assert_eq!(number("/l/0"), Some("10"));
    assert_eq!(number("/01"), Some("3"));
    assert!(matches!(json.pointer("/l/1/k"), Some(Json::String(_))));
    for missing in ["l", "/l/00", "/l/2", "/l/-", "/l/+1", "/l/0/0", "/x"] {
        assert!(json.pointer(missing).is_none(), "{missing}");
    }
}

#[test]
fn compact_keeps_strings_and_numbers_as_they_stand() {
    let text = "{ \"a b\" : \"x \\\" y\" ,\n\t\"n\" : [ 1.50 , 12345678901234567890 ] }";
    assert_eq!(*compact(text), r#"{"a b":"x \" y","n":[1.50,12345678901234567890]}"#);
}

/// Any JSON without a repeated member, as `serde_json` has it.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..5).prop_map(Value::from_iter),
        ]
    })
}

fn rebuilt(json: Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => bool.into(),
        Json::Number(text) => serde_json::from_str(text).unwrap(),
        Json::String(raw) => String::from_utf8(raw.decode().unwrap().as_bytes().to_vec()).unwrap().into(),
        Json::Array(_) => (0..).map_while(|at| json.element(at)).map(rebuilt).collect::<Vec<_>>().into(),
        Json::Object(_) => {
            json.members().into_iter().map(|(name, value)| (name.into_owned(), rebuilt(value))).collect()
        }
    }
}

proptest! {
    #[test]
    fn what_is_found_is_what_is_there(value in anything(), pretty in proptest::bool::ANY) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        prop_assert_eq!(rebuilt(Json::parse(&text.unwrap()).unwrap()), value);
    }

    #[test]
    fn any_text_is_judged_as_serde_json_does(
        text in "[\\[\\]{},:\"\\\\ a1\n-]{0,24}|[-+.eE019]{0,8}|(null|true|false|[a-z, ]){0,3}",
    ) {
        judged_as_by_serde_json(&text)?;
    }

    #[test]
    fn compact_is_what_has_no_white_space_between_its_tokens(value in anything(), white in "[ \t\n]{0,2}") {
        let tight = serde_json::to_string(&value).unwrap();
        // Every comma gets it, also those in strings: there it is no white space between tokens.
        for text in [tight.clone(), tight.replace(',', &format!("{white},")), serde_json::to_string_pretty(&value).unwrap()] {
            if let Ok(json) = JsonText::parse(&text) {
                prop_assert_eq!(json.is_compact(), *compact(json.as_str()) == json.as_str());
            }
        }
    }

    #[test]
    fn whichever_way_a_text_is_passed_it_is_judged_alike(
        value in anything(),
        at in any::<prop::sample::Index>(),
        other in "[\\[\\]{},:\"\\\\ 0\n-]{0,2}",
        ways in proptest::collection::vec(0..3_u8, 64),
    ) {
        let mut text: Vec<_> = serde_json::to_string(&value).unwrap().chars().map(String::from).collect();
        let at = at.index(text.len());
        text[at] = other;
        let text = text.concat();
        let mut ways = ways.into_iter();
        let mut reader = JsonReader::new(&text);
        let passed = pass(&mut reader, &mut ways).and_then(|()| reader.end());
        let whole = JsonText::parse(&text);
        prop_assert_eq!(whole.map(drop).map_err(|error| error.to_string()), passed.map_err(|error| error.to_string()));
    }

    #[test]
    fn any_string_is_judged_as_serde_json_does(text in "([\"\\\\/bfnrtuUx0aFg\u{0}-\u{21}\u{7f}é😀]|u[0-9a-fA-F]{3,5}){0,24}") {
        judged_as_by_serde_json(&format!("\"{text}\""))?;
        judged_as_by_serde_json(&format!("[\"{text}\",1]"))?;
    }

    #[test]
    fn what_was_json_before_something_was_changed_is_judged_as_serde_json_does(
        value in anything(),
        at in any::<prop::sample::Index>(),
        other in "[\\[\\]{},:\"\\\\ 0e.\n-]?",
        pretty in proptest::bool::ANY,
    ) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let mut characters: Vec<_> = text.unwrap().chars().map(String::from).collect();
        let at = at.index(characters.len());
        characters[at] = other;
        judged_as_by_serde_json(&characters.concat())?;
    }
}

/// Whole, member by member, or what is left to be passed behind it.
fn pass(reader: &mut JsonReader<'_>, ways: &mut impl Iterator<Item = u8>) -> Result<(), crate::Error> {
    if ways.next() == Some(0)
        || !reader.each_member(|_, reader| match ways.next() {
            Some(1) => Ok(()),
            _ => pass(reader, ways),
        })?
    {
        reader.value()?;
    }
    Ok(())
}

fn has_names_with_escapes(text: &str) -> bool {
    text.contains("\\u") && text.contains(':')
}

/// Where no names are repeated, and none is half a surrogate pair, `serde_json` has the last word.
fn judged_as_by_serde_json(text: &str) -> Result<(), TestCaseError> {
    let is_valid = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match Json::parse(text).err() {
        None => prop_assert!(is_valid, "{text}"),
        Some(JsonFault::Syntax) => prop_assert!(!is_valid || has_names_with_escapes(text), "{text}"),
        Some(JsonFault::RepeatedMember | JsonFault::TooDeep) => {}
    }
    Ok(())
}

#[test]
fn any_number_and_string_of_a_few_characters_is_judged_as_serde_json_does() {
    fn each(alphabet: &str, left: usize, text: &mut String, judge: &mut impl FnMut(&str)) {
        judge(text);
        if left > 0 {
            for character in alphabet.chars() {
                text.push(character);
                each(alphabet, left - 1, text, judge);
                text.pop();
            }
        }
    }
    each("-+.eE019", 6, &mut String::new(), &mut |text| judged_as_by_serde_json(text).unwrap());
    let mut in_quotes = |text: &str| judged_as_by_serde_json(&format!("\"{text}\"")).unwrap();
    each("\"\\u0fg\u{1f}\u{7f}", 6, &mut String::new(), &mut in_quotes);
    each("{}[],:\"1 ", 6, &mut String::new(), &mut |text| judged_as_by_serde_json(text).unwrap());
}
