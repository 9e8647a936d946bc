use super::*;

fn lookup(name: &str) -> Option<OsString> {
    let value = match name {
        "DECK_HOST" => "vault.example.com",
        "DECK_TOKEN" => "0123",
        "DECK_EMPTY" => "",
        "DECK_" => "bare",
        "DECK_YAML" => "'a: [&x *y] # {\"}\n- \t!!null ~",
        "DECK_NESTED" => "${{ env \"DECK_TOKEN\" }}}}",
        "DECK_LINES" => "l1\nl2\n",
        "DECK_ODD-näme.1" => "odd",
        "DECK_CANARY" => "canary\n8",
        #[cfg(unix)]
        "DECK_BYTES" => {
            return Some(std::os::unix::ffi::OsStringExt::from_vec(b"canary\xff".to_vec()));
        }
        name => return name.strip_prefix("DECK_IS_").map(Into::into),
    };
    Some(value.into())
}

fn try_expand(text: &str) -> Result<Option<Expanded>, PlaceholderError> {
    expand(&Scalar { text: Zeroizing::new(text.to_owned()), quoted: false, span: 0..0, tag: None }, &lookup)
}

fn expanded(text: &str) -> String {
    let expanded = try_expand(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    expanded.unwrap_or_else(|| panic!("{text:?} holds no placeholder")).text.to_string()
}

fn refused(text: &str) -> String {
    match try_expand(text) {
        Ok(_) => panic!("{text:?} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_variable_takes_the_place_of_its_placeholder() {
    for placeholder in [
        r#"${{ env "DECK_TOKEN" }}"#,
        r#"${{env "DECK_TOKEN"}}"#,
        r#"${{  env	 "DECK_TOKEN"  }}"#,
        "${{ env\r\n  `DECK_TOKEN` }}",
        "${{env `DECK_TOKEN`}}",
        r#"${{- env "DECK_TOKEN" -}}"#,
        r#"${{- env "DECK_TOKEN"}}"#,
        r#"${{env "DECK_TOKEN" -}}"#,
        r#"${{ env "DECK_TOKEN" | indent 4 }}"#,
        r#"${{ env "DECK_TOKEN"|indent 4|indent  8}}"#,
    ] {
        assert_eq!(expanded(placeholder), "0123", "{placeholder}");
    }
    assert_eq!(expanded(r#"${{ env "DECK_EMPTY" }}"#), "");
    assert_eq!(expanded(r#"${{ env "DECK_" }}"#), "bare");
    assert_eq!(expanded(r#"${{ env "DECK_ODD-näme.1" }}"#), "odd");
}

#[test]
fn text_around_placeholders_stays() {
    let text = r#"https://${{ env "DECK_HOST" }}:82${{ env "DECK_EMPTY" }}00/${{ env "DECK_TOKEN" }}?$={{}}"#;
    assert_eq!(expanded(text), "https://vault.example.com:8200/0123?$={{}}");
    assert_eq!(expanded(r#"${{ env "DECK_TOKEN" }}}"#), "0123}");
    assert_eq!(expanded(r#"$${{ env "DECK_TOKEN" }}"#), "$0123");
    assert_eq!(expanded(r#"é ${{ env "DECK_TOKEN" }} é"#), "é 0123 é");
    for plain in ["", "x", "${ env }", "$ {{ x }}", "{{ env \"DECK_HOST\" }}", "}}"] {
        assert!(try_expand(plain).unwrap().is_none(), "{plain}");
    }
}

#[test]
fn dashes_trim_the_text_around_and_never_a_value() {
    assert_eq!(expanded("a \t${{- env \"DECK_TOKEN\" -}}\n b"), "a0123b");
    assert_eq!(expanded("a ${{- env \"DECK_TOKEN\" }} b"), "a0123 b");
    assert_eq!(expanded("a ${{ env \"DECK_TOKEN\" -}} b"), "a 0123b");
    assert_eq!(expanded("${{ env \"DECK_LINES\" -}} x ${{- env \"DECK_LINES\" }}"), "l1\nl2\nxl1\nl2\n");
    assert_eq!(expanded("${{ env \"DECK_LINES\" }}${{- env \"DECK_TOKEN\" }}"), "l1\nl2\n0123");
}

#[test]
fn a_value_is_text_whatever_it_looks_like() {
    assert_eq!(expanded(r#"${{ env "DECK_YAML" }}"#), "'a: [&x *y] # {\"}\n- \t!!null ~");
    assert_eq!(
        expanded(r#"${{ env "DECK_NESTED" }}"#),
        "${{ env \"DECK_TOKEN\" }}}}",
        "it is not searched again"
    );
    assert_eq!(expanded("${{ env \"DECK_LINES\" | indent 4 }}x"), "l1\nl2\nx", "it needs no indentation");
}

#[test]
fn functions_write_what_decks_write() {
    for (call, written) in [
        ("DECK_TOKEN\" | toInt", "123"),
        ("DECK_IS_+5\"|toInt", "5"),
        ("DECK_IS_-9223372036854775808\" | toInt", "-9223372036854775808"),
        ("DECK_IS_T\" | toBool", "true"),
        ("DECK_IS_True\" | toBool", "true"),
        ("DECK_IS_0\" | toBool", "false"),
        ("DECK_IS_1.50\" | toFloat", "1.5"),
        ("DECK_IS_1e3\" | toFloat", "1000"),
        ("DECK_IS_.5\" | indent 2 | toFloat", "0.5"),
    ] {
        assert_eq!(expanded(&format!("${{{{ env \"{call} }}}}")), written, "{call}");
    }
    assert_eq!(expanded("8${{ env \"DECK_TOKEN\" | toInt }}"), "8123");
    for (call, needs) in [
        ("DECK_CANARY\" | toInt", "`DECK_CANARY` does not hold a whole number, as `toInt` needs"),
        ("DECK_CANARY\" | toBool", "`DECK_CANARY` does not hold `true` or `false`, as `toBool` needs"),
        ("DECK_CANARY\" | toFloat", "`DECK_CANARY` does not hold a finite number, as `toFloat` needs"),
        ("DECK_EMPTY\" | toInt", "toInt"),
        ("DECK_IS_1.0\" | toInt", "toInt"),
        ("DECK_IS_ 1\" | toInt", "toInt"),
        ("DECK_IS_9223372036854775808\" | toInt", "toInt"),
        ("DECK_IS_yes\" | toBool", "toBool"),
        ("DECK_IS_inf\" | toFloat", "toFloat"),
        ("DECK_IS_NaN\" | toFloat", "toFloat"),
        ("DECK_IS_1e999\" | toFloat", "toFloat"),
    ] {
        let shown = refused(&format!("${{{{ env \"{call} }}}}"));
        assert!(shown.contains(needs) && !shown.contains("canary"), "{call}: {shown}");
    }
}

#[test]
fn a_variable_has_to_be_decks_and_set_and_text() {
    assert_eq!(refused(r#"${{ env "DECK_MISSING" }}"#), "the variable `DECK_MISSING` is not set");
    for name in ["HOME", "deck_token", " DECK_TOKEN", "XDECK_TOKEN", ""] {
        let shown = refused(&format!("${{{{ env \"{name}\" }}}}"));
        assert!(shown.contains(&format!("`{name}`: only variables that begin with `DECK_`")), "{shown}");
    }
    let shown = refused("${{ env \"DECK_\u{1b}[31m\" }}");
    assert!(shown.contains(r"`DECK_\u{1b}[31m` is not set"), "{shown}");
    if cfg!(unix) {
        assert_eq!(refused(r#"${{ env "DECK_BYTES" }}"#), "the variable `DECK_BYTES` does not hold UTF-8");
    }
}

#[test]
fn what_else_stands_in_a_placeholder_is_not_supported() {
    for expression in [
        "${{}}",
        "${{ }}",
        "${{ env }}",
        "${{ env DECK_TOKEN }}",
        "${{ env 'DECK_TOKEN' }}",
        "${{ env\"DECK_TOKEN\" }}",
        "${{ env `DECK_TOKEN }}",
        "${{ env \"DECK_TOKEN }}",
        "${{ env \"DECK_TOKEN\" \"x\" }}",
        "${{ ENV \"DECK_TOKEN\" }}",
        "${{ envy \"DECK_TOKEN\" }}",
        "${{ \"DECK_TOKEN\" }}",
        "${{ env \"DECK_\\x41\" }}",
        "${{-env \"DECK_TOKEN\" }}",
        "${{ env \"DECK_TOKEN\"-}}",
        "${{ env \"DECK_TOKEN\" | }}",
        "${{ env \"DECK_TOKEN\" || toInt }}",
        "${{ env \"DECK_TOKEN\" | toint }}",
        "${{ env \"DECK_TOKEN\" | toInt 1 }}",
        "${{ env \"DECK_TOKEN\" | indent }}",
        "${{ env \"DECK_TOKEN\" | indent -1 }}",
        "${{ env \"DECK_TOKEN\" | indent 2 2 }}",
        "${{ env \"DECK_TOKEN\" | toInt | indent 2 }}",
        "${{ env \"DECK_TOKEN\" | toInt | toInt }}",
        "${{ env \"DECK_TOKEN\" | upper }}",
        "${{ toInt (env \"DECK_TOKEN\") }}",
        "${{ if env \"DECK_TOKEN\" }}",
        "${{ env \"DECK_TOKEN\"",
        "${{",
        "x ${{ env \"DECK_TOKEN\" } }",
    ] {
        for text in [expression.to_owned(), format!("${{{{ env \"DECK_TOKEN\" }}}}{expression}")] {
            let shown = refused(&text);
            assert!(
                shown.starts_with("a placeholder that is not supported: write `${{ env \"DECK_NAME\" }}`"),
                "{text}"
            );
            assert!(!shown.contains("DECK_TOKEN"), "{text}");
        }
    }
}

#[test]
fn what_was_used_is_known_by_name_and_not_by_value() {
    let text = r#"${{ env "DECK_HOST" }}${{ env "DECK_TOKEN" }}${{ env "DECK_HOST" }}"#;
    let expanded = try_expand(text).unwrap().unwrap();
    assert_eq!(expanded.used, ["DECK_HOST", "DECK_TOKEN"]);
    let debug = format!("{expanded:?}");
    assert!(debug.contains("DECK_TOKEN") && !debug.contains("0123"), "{debug}");
}
