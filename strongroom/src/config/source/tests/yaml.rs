//! YAML.

use super::*;

fn yaml(text: &str) -> String {
    shown(&read(text, Format::Yaml))
}

#[test]
fn scalars_keep_their_text() {
    for plain in [
        "0123",
        "1e3",
        "0x10",
        "0o17",
        "1_000",
        "1:30",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        ".inf",
        "-.INF",
        ".nan",
        "yes",
        "No",
        "on",
        "true",
        "TRUE",
        "12345678901234567890123",
        "1.10",
        "+1",
        "a#b",
        "http://x:1/y?z#a",
        "a b",
        "nULL",
        "$x",
        "é日",
        "-x",
        "?x",
        ":x",
        "a'b\"c",
        "~x",
        "x\\n",
        "=",
        "<<<",
    ] {
        assert_eq!(yaml(&format!("k: {plain}\n")), format!("{{k: {plain}}}"));
        assert_eq!(yaml(&format!("- {plain} # comment\n")), format!("[{plain}]"));
        assert_eq!(yaml(&format!("k: !!str {plain}\n")), format!("{{k: {plain:?}}}"));
    }
}

#[test]
fn null_is_what_yaml_calls_null_and_is_not_quoted() {
    for null in ["", "~", "null", "Null", "NULL", "# comment", "&anchor", "!!null", "!!null ~"] {
        assert_eq!(yaml(&format!("k: {null}\n")), "{k: null}", "{null}");
    }
    for text in ["''", "\"\"", "!!str", "!!str ''", "! ''"] {
        assert_eq!(yaml(&format!("k: {text}\n")), "{k: \"\"}", "{text}");
    }
    for text in ["'null'", "\"null\"", "!!str null", "! null", "!<tag:yaml.org,2002:str> null", "|-\n  null"]
    {
        assert_eq!(yaml(&format!("k: {text}\n")), "{k: \"null\"}", "{text}");
    }
    assert_eq!(yaml("{a, b: , c: ~}"), "{a: null, b: null, c: null}");
    assert_eq!(yaml("[~, '~', ]"), "[null, \"~\"]");
    assert_eq!(yaml("null: 1\n~: 2\n"), "{null: 1, ~: 2}");
}

#[test]
fn quotes_and_blocks() {
    assert_eq!(yaml("key: 'it''s'"), "{key: \"it's\"}");
    assert_eq!(yaml(r#"key: "a\tb\n\x41\u00e9\U0001F600\\\"\/""#), "{key: \"a\\tb\\nAé😀\\\\\\\"/\"}");
    assert_eq!(yaml("key: 'C:\\new'"), "{key: \"C:\\\\new\"}");
    assert_eq!(yaml("k: 'a\n  b\n\n  c'"), "{k: \"a b\\nc\"}");
    assert_eq!(yaml("k: a\n  b\n\n  c\n"), "{k: a b\nc}");
    assert_eq!(yaml("k: |\n  a\n   b\n\n  c\nl: 1\n"), "{k: \"a\\n b\\n\\nc\\n\", l: 1}");
    assert_eq!(yaml("k: >\n  a\n  b\n\n  c\n"), "{k: \"a b\\nc\\n\"}");
    assert_eq!(yaml("k: |-\n  a\n\n"), "{k: \"a\"}");
    assert_eq!(yaml("k: |+\n  a\n\nl: 1"), "{k: \"a\\n\\n\", l: 1}");
    assert_eq!(yaml("k: |2\n   a\n  b\n"), "{k: \" a\\nb\\n\"}");
    assert_eq!(yaml("k: |\n  # no comment\n"), "{k: \"# no comment\\n\"}");
    assert_eq!(yaml("k: |\nl: 1"), "{k: \"\", l: 1}");
}

#[test]
fn a_block_at_the_end_of_a_file_gets_no_line_break_that_is_not_there() {
    assert_eq!(yaml("k: |\n  abc"), "{k: \"abc\"}");
    assert_eq!(yaml("k: >\n  abc"), "{k: \"abc\"}");
    assert_eq!(yaml("k: |\n  abc\n"), "{k: \"abc\\n\"}");
    assert_eq!(yaml("k: |\r\n  abc\r\n"), "{k: \"abc\\n\"}");
}

#[test]
fn line_ends_of_windows() {
    let root = read("a: 1\r\nb:\r\n  - 'x'\r\n  - |\r\n    l1\r\n    l2\r\nc: d # e\r\n", Format::Yaml);
    assert_eq!(shown(&root), "{a: 1, b: [\"x\", \"l1\\nl2\\n\"], c: d}");
    assert_eq!(at(&root, &["c"]).place, place(7, 4));
}

#[test]
fn keys_of_any_script_keep_their_order_and_place() {
    let root = read("ключ: 1\n\"a b\": 2\n'日本': {é: 3, f: 4}\n12: 5\n", Format::Yaml);
    assert_eq!(shown(&root), "{ключ: 1, a b: 2, 日本: {é: 3, f: 4}, 12: 5}");
    let Value::Map(entries) = &at(&root, &["日本"]).value else { panic!() };
    assert_eq!((entries[0].place, entries[0].value.place), (place(3, 8), place(3, 11)));
    assert_eq!((entries[1].place, entries[1].value.place), (place(3, 14), place(3, 17)));
}

#[test]
fn spans_take_the_whole_scalar_and_nothing_else() {
    let text = "a: x y # c\nb: 'it''s'\nc: &n \"q\\\"\"\nd: !!str # why\n  5\ne: |- # h|x\n  l1\n\n  l2\n\nf: &m >\n  f1\n# c\n\
                g: [k, 'l']\nh: m\n  n\ni:\n- - |\n    z\n- !!str |-\n  w\nj: é\n";
    let root = read(text, Format::Yaml);
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &text[scalar.span.clone()]).collect();
    assert_eq!(
        spans,
        [
            "x y",
            "'it''s'",
            "\"q\\\"\"",
            "5",
            "|- # h|x\n  l1\n\n  l2",
            ">\n  f1",
            "k",
            "'l'",
            "m\n  n",
            "|\n    z",
            "|-\n  w",
            "é"
        ]
    );
    let places: Vec<(u32, u32)> = ["a", "b", "c", "d", "e", "f", "h", "j"]
        .iter()
        .map(|key| at(&root, &[key]).place)
        .map(|place| (place.line, place.column))
        .collect();
    assert_eq!(places, [(1, 4), (2, 4), (3, 7), (5, 3), (6, 4), (11, 7), (15, 4), (22, 4)]);
}

#[test]
fn a_span_ends_where_its_scalar_does_within_brackets_too() {
    let text = "[ 'a' , \"b\\\"\" # c\n , d # e\n , {f : 'it''s' , \"g\" : h , 'i' }, !<tag:yaml.org,2002:str> j ]\n";
    let root = read(text, Format::Yaml);
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &text[scalar.span.clone()]).collect();
    assert_eq!(spans, ["'a'", "\"b\\\"\"", "d", "'it''s'", "h", "j"]);
}

#[test]
fn white_space_that_is_none_in_yaml_belongs_to_the_text() {
    let text = "a: \u{a0}x\u{3000}\nb: |-\n  y\u{a0}\n";
    let root = read(text, Format::Yaml);
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &text[scalar.span.clone()]).collect();
    assert_eq!(spans, ["\u{a0}x\u{3000}", "|-\n  y\u{a0}"]);
}

#[test]
fn a_block_begins_at_its_header_whatever_stands_before_it() {
    for before in [
        "",
        "# c\n",
        "---\n",
        "--- ",
        "%YAML 1.2\n--- # c\n",
        "x\n--- ",
        "x\n...\n--- ",
        "- [x]\n- ",
        "- {a: b}\n- ",
    ] {
        let text = format!("{before}|-\n  y\n");
        let documents = parse(&text, Format::Yaml).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let block = *scalars(documents.last().unwrap()).last().unwrap();
        assert_eq!(&text[block.span.clone()], "|-\n  y", "{text:?}");
    }
}

/// What stands in a span can be replaced by another scalar of the format.
#[test]
fn a_file_can_be_spliced() {
    let text = "a: x\nb: &n |\n  block\n  two\nc: >-\n  folded\n\nd: 'y'\ne: {f: z, g: [1]}\nh: *n\n";
    let mut out = String::new();
    let mut done = 0;
    for scalar in scalars(&read(text, Format::Yaml)) {
        if scalar.span.start >= done {
            out += &text[done..scalar.span.start];
            out += &format!("{:?}", format!("<{}>", *scalar.text));
            done = scalar.span.end;
        }
    }
    out += &text[done..];
    assert_eq!(
        yaml(&out),
        r#"{a: "<x>", b: "<block\ntwo\n>", c: "<folded>", d: "<y>", e: {f: "<z>", g: ["<1>"]}, h: "<block\ntwo\n>"}"#
    );
}

#[test]
fn several_documents() {
    let documents = parse("a: &x 1\n---\nb: 2\n...\n# c\n---\n- c\n", Format::Yaml).unwrap();
    assert_eq!(documents.iter().map(shown).collect::<Vec<_>>(), ["{a: 1}", "{b: 2}", "[c]"]);
    assert_eq!(parse("---\n---\n", Format::Yaml).unwrap().len(), 2);
    assert_eq!(
        refused("a: &x 1\n---\nb: *x\n", Format::Yaml),
        "3:4: an alias inside of what it stands for",
        "an anchor ends with its document"
    );
}

#[test]
fn anchors_and_aliases() {
    assert_eq!(yaml("a: &x 1\nb: *x\n"), "{a: 1, b: 1}");
    assert_eq!(
        yaml("a: &x {b: [1, 'y']}\nc: [*x, *x]\n"),
        "{a: {b: [1, \"y\"]}, c: [{b: [1, \"y\"]}, {b: [1, \"y\"]}]}"
    );
    assert_eq!(yaml("a: &x\nb: *x\n"), "{a: null, b: null}");
    assert_eq!(
        yaml("&k key: v\n*k : w\nother: *k\n".replace("*k : w\n", "").as_str()),
        "{key: v, other: key}"
    );
    assert_eq!(yaml("- &k key\n- *k : w\n"), "[key, {key: w}]");
    assert_eq!(yaml("a: &x 1\nb: &x 2\nc: *x\n"), "{a: 1, b: 2, c: 2}", "the last anchor of a name counts");
    let root = read("a: &x 'v'\nb: *x\n", Format::Yaml);
    assert_eq!(at(&root, &["b"]).place, place(1, 7));
    assert!(refused("a: *x\n", Format::Yaml).starts_with("1:4: an alias of an anchor that is not defined"));
    assert_eq!(refused("a: &x [*x]\n", Format::Yaml), "1:8: an alias inside of what it stands for");
}

#[test]
fn merge_keys() {
    let base = "base: &b {host: h, port: 1}\nmore: &m {port: 2, kv: v2}\n";
    let vault = |config: &str| shown(at(&read(&format!("{base}v:\n{config}"), Format::Yaml), &["v"]));
    assert_eq!(vault("  <<: *b\n"), "{host: h, port: 1}");
    assert_eq!(vault("  <<: *b\n  port: 3\n"), "{port: 3, host: h}", "what stands there wins");
    assert_eq!(vault("  port: 3\n  <<: *b\n"), "{port: 3, host: h}");
    assert_eq!(vault("  <<: [*b, *m]\n"), "{host: h, port: 1, kv: v2}", "the first one merged wins");
    assert_eq!(vault("  <<: {x: 1}\n  y: 2\n"), "{y: 2, x: 1}");
    assert_eq!(vault("  <<: &n {<<: *b, port: 9}\n  z: *n\n"), "{z: {port: 9, host: h}, port: 9, host: h}");
    assert_eq!(vault("  '<<': 1\n"), "{<<: 1}", "a quoted key is a key");
    for wrong in ["1", "~", "[*b, 1]", "[[*b]]", "x"] {
        assert!(
            refused(&format!("{base}v:\n  <<: {wrong}\n"), Format::Yaml)
                .ends_with("4:7: a merge key `<<` takes a mapping or a list of mappings"),
            "{wrong}"
        );
    }
    assert!(
        refused(&format!("{base}v:\n  <<: *b\n  <<: *m\n"), Format::Yaml).contains("`<<` stands here twice")
    );
}

#[test]
fn a_key_stands_in_a_mapping_once() {
    let twice = |text: &str| refused(text, Format::Yaml);
    assert_eq!(twice("a: 1\nb: 2\na: 3\n"), "3:1: the key `a` stands here twice, for the first time at 1:1");
    assert_eq!(twice("x: {é: 1, é: 2}\n"), "1:11: the key `é` stands here twice, for the first time at 1:5");
    assert_eq!(twice("- a: 1\n  'a': 3\n"), "2:3: the key `a` stands here twice, for the first time at 1:3");
    assert_eq!(twice("[{a, a}]"), "1:6: the key `a` stands here twice, for the first time at 1:3");
    assert_eq!(yaml("a: {a: {a: 1}}\nb: {a: 1}\n"), "{a: {a: {a: 1}}, b: {a: 1}}");
}

#[test]
fn keys_are_text() {
    for key in ["? [a]\n: 1\n", "? {a: b}\n: 1\n", "{[a]: 1}", "{{{x}}: 1}", "- &x [a]\n- *x : 1\n"] {
        assert!(refused(key, Format::Yaml).contains("a list or a mapping as a key"), "{key:?}");
    }
    assert_eq!(yaml("? a\n: b\n"), "{a: b}");
}

#[test]
fn tags() {
    assert_eq!(
        yaml("a: !!int 5\nb: !!bool yes\nc: !!map {d: !!seq [1]}\ne: ! [2]"),
        "{a: 5, b: yes, c: {d: [1]}, e: [2]}"
    );
    for tag in [
        "!foo x",
        "!!binary aGk=",
        "!<x> y",
        "!!set {a}",
        "!!str [a]",
        "!!map x",
        "!Ref z",
        "!foo [1]",
        "!<str> x",
    ] {
        assert!(
            refused(&format!("k: {tag}\n"), Format::Yaml).contains("a tag that is not supported"),
            "{tag}"
        );
    }
}

#[test]
fn tags_of_ones_own_can_be_kept() {
    let text = "a: !Ref b\nc: !GetAtt [d, !Sub \"e\"]\nf: !!set {g, h}\ni: !foo\nj: !!binary |\n  aGk=\n? !x k\n: l\n\
                m: &m !n o\np: *m\n";
    let kept = |text: &str| {
        let documents = super::super::parse(text, Format::Yaml, Tags::Kept).unwrap();
        documents.iter().map(shown).collect::<String>()
    };
    let expected = r#"{a: b, c: [d, "e"], f: {g: null, h: null}, i: null, j: "aGk=\n", k: l, m: o, p: o}"#;
    assert_eq!(kept(text), expected);
    // What is not YAML's merge key merges nothing.
    for key in ["!x <<", "!!str <<", "'<<'"] {
        let text = format!("a: &a {{b: 1}}\n{key} : *a\n");
        assert_eq!(kept(&text), "{a: {b: 1}, <<: {b: 1}}", "{key}");
    }
    assert_eq!(yaml("a: &a {b: 1}\n!!merge <<: *a\n"), "{a: {b: 1}, b: 1}");
}

#[test]
fn places_are_right_behind_directives_and_what_looks_like_one() {
    for before in ["%YAML 1.2 # ü\n---\n", "# %ü\n---\n", "%X y\n---\nt: |\n  %ü\n", "--- # %ü\n"] {
        let text = format!("{before}a: 'é'\nb: c\n");
        let node = read(&text, Format::Yaml);
        let last = *scalars(&node).last().unwrap();
        assert_eq!(&text[last.span.clone()], "c", "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, error) in [
        ("a:\n\tb: 1\n", "2:2: a tab where YAML wants spaces"),
        ("a: 1\nb: {c: [1, 2}\n", "2:13: in a list, a comma or the closing `]`"),
        ("a: 'x\n", "1:4: a quoted text has no end"),
        ("a: 'x\nb: 'y'\n", "1:4: a quoted text has no end"),
        ("a: - b\n", "1:4: a `- ` where no list can begin"),
        ("a: &\n", "1:4: text that starts with `&` or `*`"),
        ("a: ]\n", "1:4: a closing bracket that was not opened"),
        ("a:\n  - b\n c: 1\n", "3:2: this belongs to nothing"),
        ("a: ,b\n", "1:4: a value is missing"),
        ("a: \"x\" y\n", "1:8: there is more behind the end of a quoted text"),
        ("a: \"\\q\"\n", "1:4: an unknown escape"),
        ("a: @x\n", "1:4: text that starts with `%`, `@` or a backquote has to be quoted"),
        ("a: b: c\n", "1:5: a `:` where no key can be"),
        ("a: 1\n  b: 2\n", "2:4: a `:` where no key can be"),
        ("a: {b: 1\n", "2:1: in a mapping, a comma or the closing `}` is missing"),
        ("a: [b c: ]d\n", "1:11: this belongs to nothing"),
        ("a: [1\nb: 2\n", "2:2: a `:` where no key can be: check whether a bracket"),
        ("a: 1\nb\nc: 2\n", "3:1: a key without `: ` behind it"),
        (" a: 1\nb: 2\n", "2:1: this belongs to nothing"),
        ("a: x\0y\n", "1:5: a control character"),
        ("%X\u{85}Y\n---\na: 1\n", "1:1: a directive, a line that begins with `%`"),
        ("# ü\n%YAML 1.2\n%Xü\n---\na: 1\n", "3:1: a directive"),
        ("a: ü\n...\n%Xü\n---\na: 1\n", "3:1: a directive"),
        ("a: {vault://hcv/x} y\n", "1:20: this belongs to nothing"),
    ] {
        let shown = refused(text, Format::Yaml);
        assert!(shown.starts_with(error), "{text:?}: {shown}");
        assert!(!shown.contains('\n'));
    }
}
