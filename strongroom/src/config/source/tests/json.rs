//! JSON.

use super::*;

fn json(text: &str) -> String {
    shown(&read(text, Format::Json))
}

#[test]
fn scalars_keep_their_text() {
    for number in ["0", "-0", "1.10", "1e3", "1E+400", "12345678901234567890123", "-1.5e-7"] {
        assert_eq!(json(&format!("[{number}]")), format!("[{number}]"));
    }
    assert_eq!(json("[true, false, null, \"null\", \"\"]"), "[true, false, null, \"null\", \"\"]");
    assert_eq!(json(r#"["\uD83D\uDE00\u00e9\/\b\t\"\\ ${{"]"#), "[\"😀é/\\u{8}\\t\\\"\\\\ ${{\"]");
    assert_eq!(json(" \t\r\n{\t\"a\"\t:\t[ 1\t,2 ]\r\n}\n"), "{a: [1, 2]}");
    assert_eq!(json("\"x\""), "\"x\"");
    assert_eq!(json("7"), "7");
    assert_eq!(json("{}"), "{}");
}

#[test]
fn every_value_and_key_has_its_place() {
    let text = "{\n  \"é\\n\": \"日\", \"b\": [12,\n    true, null, {\"c\": \"x\"}]\n}";
    let root = read(text, Format::Json);
    let Value::Map(entries) = &root.value else { panic!() };
    assert_eq!(root.place, place(1, 1));
    assert_eq!((entries[0].key.as_str(), entries[0].place), ("é\n", place(2, 3)));
    assert_eq!((entries[1].place, entries[1].value.place), (place(2, 15), place(2, 20)));
    assert_eq!(at(&root, &["b", "1"]).place, place(3, 5));
    assert_eq!(at(&root, &["b", "2"]).place, place(3, 11));
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &text[scalar.span.clone()]).collect();
    assert_eq!(spans, ["\"日\"", "12", "true", "\"x\""]);
}

#[test]
fn a_key_stands_in_an_object_once() {
    let twice = "1:10: the key `a` stands here twice, for the first time at 1:2";
    assert_eq!(refused(r#"{"a": 1, "a": 2}"#, Format::Json), twice);
    assert_eq!(refused(r#"{"a": 1, "\u0061": 2}"#, Format::Json), twice);
    assert_eq!(json(r#"{"a": {"a": 1}, "b": {"a": 1}}"#), "{a: {a: 1}, b: {a: 1}}");
}

#[test]
fn only_json_is_json() {
    for (text, error) in [
        ("{\"a\": 1,}", "1:9: a key between double quotes is missing"),
        ("[1,]", "1:4: a "),
        ("{\"a\": 1 \"b\": 2}", "1:9: a comma or a closing bracket is missing"),
        ("{\n \"a\": 'x'}", "2:7: a value is missing, or is not one of JSON"),
        ("{a: 1}", "1:2: a key between double quotes"),
        ("{\"a\" 1}", "1:6: a key without a `:` behind it"),
        ("{\"a\": \"x\ny\"}", "1:8: a line break or another control character"),
        ("{\"a\": \"\\x\"}", "1:9: an unknown escape between quotes"),
        ("{\"é\": \"\\uD83D\"}", "1:7: an escape between quotes that is half of a surrogate pair"),
        ("{\"a\": [1, 2}", "1:12: a comma or a closing bracket is missing"),
        ("{\"a\": 1} {}", "1:10: there is more behind the end of the JSON"),
        ("{\"a\": 1 // x\n}", "1:9: a comma or a closing bracket is missing"),
        ("{\"a\": 0123}", "1:8: not valid JSON"),
        ("{\"a\": NaN}", "1:7: a value is missing"),
        ("{\"a\": +1}", "1:7: a value is missing"),
        ("{\"a\": \"x", "1:8: the JSON ends too early"),
        ("{\"a\": \n", "2:1: the JSON ends too early"),
    ] {
        let shown = refused(text, Format::Json);
        assert!(shown.starts_with(error), "{text:?}: {shown}");
    }
}
