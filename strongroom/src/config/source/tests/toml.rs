//! TOML.

use super::*;

fn toml(text: &str) -> String {
    shown(&read(text, Format::Toml))
}

#[test]
fn scalars_keep_their_text() {
    for written in [
        "1_000",
        "0x1F",
        "0o17",
        "0b1",
        "+1",
        "-0",
        "1.10",
        "1e3",
        "6.022_1e+2_3",
        "inf",
        "-nan",
        "true",
        "99999999999999999999999",
        "1979-05-27T07:32:00Z",
        "1979-05-27 07:32:00.5-07:00",
        "1979-05-27",
        "07:32:00",
    ] {
        assert_eq!(toml(&format!("k = {written} # c\n")), format!("{{k: {written}}}"));
        assert_eq!(toml(&format!("k = [ {written}, ]")), format!("{{k: [{written}]}}"));
    }
    assert_eq!(
        toml("a = 'C:\\new'\nb = \"t\\t\\u00e9\"\nc = '''\nx\ny'''\nd = \"\"\"a\\\n  b\"\"\"\ne = ''\n"),
        "{a: \"C:\\\\new\", b: \"t\\té\", c: \"x\\ny\", d: \"ab\", e: \"\"}"
    );
}

#[test]
fn tables_keep_the_order_of_the_file() {
    assert_eq!(
        toml(
            "z = 1\na = 2\n\n[[vaults]]\nprefix = 'p'\nname = 'hcv'\n[vaults.config]\nport = 8200\nhost = 'h'\n\n[[vaults]]\nname = 'env'\n"
        ),
        "{z: 1, a: 2, vaults: [{prefix: \"p\", name: \"hcv\", config: {port: 8200, host: \"h\"}}, {name: \"env\"}]}"
    );
    assert_eq!(
        toml("b.y = 1\nb.x = 2\n\"a b\".'c' = {d.e = 1, f = []}\n"),
        "{b: {y: 1, x: 2}, a b: {c: {d: {e: 1}, f: []}}}"
    );
}

#[test]
fn every_value_and_key_has_its_place() {
    let text = "'é' = \"日\" # c\r\n[[v]]\r\nb = [12,\r\n  {c = 'x'}]\r\n[v.w]\r\nd.e = 2024-01-01\r\n";
    let root = read(text, Format::Toml);
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &text[scalar.span.clone()]).collect();
    assert_eq!(spans, ["\"日\"", "12", "'x'", "2024-01-01"]);
    assert_eq!(at(&root, &["é"]).place, place(1, 7));
    assert_eq!(at(&root, &["v", "0"]).place, place(2, 1));
    assert_eq!(at(&root, &["v", "0", "b", "1", "c"]).place, place(4, 8));
    assert_eq!(at(&root, &["v", "0", "w", "d", "e"]).place, place(6, 7));
    let Value::Map(entries) = &at(&root, &["v", "0"]).value else { panic!() };
    assert_eq!(
        (entries[0].place, entries[1].key.as_str(), entries[1].place),
        (place(3, 1), "w", place(5, 4))
    );
}

#[test]
fn a_key_stands_in_a_table_once() {
    for (text, error) in [
        ("a = 1\nb = 2\na = 3\n", "3:1: the key `a` stands here twice, for the first time at 1:1"),
        (
            "[[v]]\nx = 1\n[[v]]\nx = 1\ny = {'é' = 1, 'é' = 2}\n",
            "5:15: the key `é` stands here twice, for the first time at 5:6",
        ),
        (
            "[v]\nx = 1\n[w]\nx = 2\n\"k\" = 1\nx = 2\n",
            "6:1: the key `x` stands here twice, for the first time at 4:1",
        ),
        ("[v]\nx = 1\n[v]\ny = 2\n", "3:2: the key `v` stands here twice"),
        ("a.b = 1\na.b = 2\n", "2:3: the key `b` stands here twice"),
    ] {
        assert_eq!(refused(text, Format::Toml), error, "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, error) in [
        ("a = secret\n", "1:5: a text has to stand between quotes in TOML"),
        ("a = 'x\nb = 1\n", "1:7: a closing quote is missing"),
        ("a = \"x\n", "1:7: a closing quote is missing"),
        ("a = 012\n", "1:5: a number cannot start with a zero"),
        ("a = 1\na.b = 2\n", "2:1: a key that leads into a value which is no table"),
        ("a = \"\\q\"\n", "1:7: an unknown escape"),
        ("[a\nb = 1\n", "1:3: a closing bracket is missing"),
        ("a = 2024-13-45\n", "1:5: not a date or time"),
        ("a =\n", "1:4: "),
        ("a\n", "1:2: a key without a value"),
        ("a = 1 b = 2\n", "1:9: there is more on the line than one key and its value"),
        ("a = [1 2]\n", "1:6: "),
    ] {
        let shown = refused(text, Format::Toml);
        assert!(shown.starts_with(error), "{text:?}: {shown}");
        assert!(!shown.contains('\n'));
    }
}
