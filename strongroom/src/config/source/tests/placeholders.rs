//! Placeholders of decK in files, before anybody replaces them.

use super::*;

const TOKEN: &str = r#"${{ env "DECK_TOKEN" }}"#;

#[test]
fn a_placeholder_may_stand_wherever_decks_text_templates_put_it() {
    for (file, format) in [
        ("k: @", Format::Yaml),
        ("{ k: @ }", Format::Yaml),
        ("{k: @,l: @}", Format::Yaml),
        ("{ x: [@, @], k: @}", Format::Yaml),
        ("k: \"@\"", Format::Yaml),
        ("k: '@'", Format::Yaml),
        ("{\"k\": \"@\"}", Format::Yaml),
        ("{\"k\": @}", Format::Yaml),
        ("k: @ # comment with @\n# @\n", Format::Yaml),
        ("k: >-\n  @\n", Format::Yaml),
        ("a: [@]\nk: |-\n  @", Format::Yaml),
        ("a: &n {x: @}\nk: &m @\nl: *m\n", Format::Yaml),
        ("k = '@'", Format::Toml),
        ("k = \"@\" # @", Format::Toml),
        ("k = \"\"\"\n@\"\"\"", Format::Toml),
        (
            "k = { a = \"@\" }\nl = 1".replace("k = { a = \"@\" }", "a = { k = \"@\" }\nk = \"@\"").as_str(),
            Format::Toml,
        ),
        ("{\"k\": \"@\"}", Format::Json),
        ("{\"k\": \"@\", \"é\": [\"@\", 1]}", Format::Json),
    ] {
        let root = read(&file.replace('@', TOKEN), format);
        assert_eq!(text(&root, &["k"]), TOKEN, "{file:?} {format:?}");
    }
}

#[test]
fn escaped_quotes_inside_double_quotes_are_quotes() {
    let escaped = r#"${{ env \"DECK_TOKEN\" }}"#;
    for (file, format) in
        [("{\"k\": \"@\"}", Format::Json), ("k = \"@\"", Format::Toml), ("k: \"@\"", Format::Yaml)]
    {
        assert_eq!(text(&read(&file.replace('@', escaped), format), &["k"]), TOKEN, "{format:?}");
    }
    let both = format!(r#"{{"k": "a{escaped}", "l": "{TOKEN}\n{escaped}"}}"#);
    let root = read(&both, Format::Json);
    assert_eq!(text(&root, &["k"]), format!("a{TOKEN}"));
    assert_eq!(text(&root, &["l"]), format!("{TOKEN}\n{TOKEN}"));
}

#[test]
fn a_masked_file_keeps_every_place_and_span() {
    let file = format!(
        "a: {{ é: {TOKEN}, b: \"x{TOKEN}\\ty{TOKEN}\", 'c': [ {TOKEN}z ] }}\nd:\n  - |-\n    {TOKEN}\n    l2 {TOKEN}\n  - end\n"
    );
    let root = read(&file, Format::Yaml);
    let Value::Map(entries) = &at(&root, &["a"]).value else { panic!() };
    let column =
        |needle: &str| file.lines().next().unwrap().split(needle).next().unwrap().chars().count() as u32 + 1;
    assert_eq!(entries[1].place, place(1, column("b:")));
    assert_eq!(entries[2].place, place(1, column("'c'")));
    assert_eq!(text(&root, &["a", "b"]), format!("x{TOKEN}\ty{TOKEN}"));
    assert_eq!(text(&root, &["a", "c", "0"]), format!("{TOKEN}z"));
    assert_eq!(text(&root, &["d", "0"]), format!("{TOKEN}\nl2 {TOKEN}"));
    assert_eq!(at(&root, &["d", "1"]).place, place(6, 5));
    let spans: Vec<&str> = scalars(&root).iter().map(|scalar| &file[scalar.span.clone()]).collect();
    assert_eq!(spans[0], TOKEN);
    assert_eq!(spans[1], format!("\"x{TOKEN}\\ty{TOKEN}\""));
    assert_eq!(spans[3], format!("|-\n    {TOKEN}\n    l2 {TOKEN}"));
}

#[test]
fn other_templates_do_not_break_the_file() {
    for expression in
        ["${{ if x }}", "${{ printf \"%s\" (env \"é\") }}", "${{}}", "${{ \"{\" }}", "${{ env 'X' }}"]
    {
        for file in ["{ k: @, v: 1 }", "k: \"@\"\nv: 1", "k: '@'\nv: 1", "k: @\nv: 1 # @"] {
            let root = read(&file.replace('@', expression), Format::Yaml);
            assert_eq!((text(&root, &["k"]), text(&root, &["v"])), (expression, "1"), "{file} {expression}");
        }
    }
}

#[test]
fn text_that_looks_like_half_a_placeholder_is_text() {
    let json = r#"{"a":"${{","b":{"c":{"d":1}}}"#;
    for format in [Format::Json, Format::Yaml] {
        let root = read(json, format);
        assert_eq!((text(&root, &["a"]), text(&root, &["b", "c", "d"])), ("${{", "1"), "{format:?}");
    }
    assert_eq!(text(&read("a: ${{ x\nb: '}}'\n", Format::Yaml), &["a"]), "${{ x");
}

#[test]
fn the_mask_is_a_character_that_the_file_does_not_hold() {
    let file =
        format!("{{ a: '\u{e000}', b: \"\\uE001\\ue002\", c: {TOKEN}, d: \"\u{e003}{TOKEN}\\uE001\" }}");
    let root = read(&file, Format::Yaml);
    assert_eq!(text(&root, &["a"]), "\u{e000}");
    assert_eq!(text(&root, &["b"]), "\u{e001}\u{e002}");
    assert_eq!(text(&root, &["c"]), TOKEN);
    assert_eq!(text(&root, &["d"]), format!("\u{e003}{TOKEN}\u{e001}"));
}

#[test]
fn keys_hold_placeholders_too() {
    let root = read(&format!("{{ {TOKEN}: 1, \"x{TOKEN}\": 2 }}"), Format::Yaml);
    assert_eq!(shown(&root), format!("{{{TOKEN}: 1, x{TOKEN}: 2}}"));
    let twice = refused(&format!("{{ {TOKEN}: 1, {TOKEN}: 2 }}"), Format::Yaml);
    assert!(twice.contains("the key `${{ env \"DECK_TOKEN\" }}` stands here twice"), "{twice}");
}

#[test]
fn where_a_placeholder_cannot_stand_the_error_says_so() {
    for (file, format) in
        [("k = @\n", Format::Toml), ("{\"k\": @}", Format::Json), ("a: 1\n@\n", Format::Yaml)]
    {
        let shown = refused(&file.replace('@', TOKEN), format);
        assert!(shown.contains("(a placeholder `${{ ... }}` stands for a value or a part of one"), "{shown}");
        assert!(!shown.contains("DECK"), "{shown}");
    }
    let elsewhere = refused(&format!("{{ k: {TOKEN},\n\n l: [1 }}"), Format::Yaml);
    assert!(!elsewhere.contains("placeholder"), "{elsewhere}");
}
