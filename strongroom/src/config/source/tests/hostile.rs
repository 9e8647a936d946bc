//! Files that are broken, endless or deep: they end in an error, soon, and the error holds nothing of the file.

use std::time::{Duration, Instant};

use super::*;

const ALL: [Format; 3] = [Format::Yaml, Format::Toml, Format::Json];

/// Lists and mappings of `depth` levels in each format.
fn nested(depth: usize) -> Vec<(String, Format)> {
    let wrap = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    vec![
        (wrap("[", "1", "]"), Format::Json),
        (wrap("{\"a\":", "1", "}"), Format::Json),
        (wrap("[", "1", "]"), Format::Yaml),
        (wrap("{a: ", "1", "}"), Format::Yaml),
        (wrap("- ", "1", ""), Format::Yaml),
        (wrap("? ", "1", ""), Format::Yaml),
        (format!("a = {}", wrap("[", "1", "]")), Format::Toml),
        (format!("a = {}", wrap("{a = ", "1", "}")), Format::Toml),
        (format!("{}a = 1", "a.".repeat(depth)), Format::Toml),
        (format!("[{}a]", "a.".repeat(depth)), Format::Toml),
        (format!("a = {}", "[".repeat(depth)), Format::Toml),
        ("[".repeat(depth), Format::Yaml),
        ("{\"a\":[".repeat(depth), Format::Json),
    ]
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    for depth in [65, 10_000, 50_000] {
        for (text, format) in nested(depth) {
            let shown = refused(&text, format);
            let too_deep = shown.contains("nest more than 64 levels deep");
            // JSON without an end is not JSON, however deep.
            assert!(
                too_deep || shown.contains("ends too early") || shown.contains("bracket"),
                "{depth} {shown}"
            );
        }
    }
}

#[test]
fn sixty_four_levels_are_fine() {
    let nest = |open: &str, close: &str, depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for (text, format) in [
        (nest("[", "]", 64), Format::Json),
        (nest("[", "]", 64), Format::Yaml),
        (nest("- ", "", 64), Format::Yaml),
        (format!("a = {}", nest("[", "]", 63)), Format::Toml),
        (format!("{}a = 1", "a.".repeat(63)), Format::Toml),
    ] {
        assert_eq!(scalars(&read(&text, format)).len(), 1);
    }
    for (text, format) in [
        (nest("[", "]", 65), Format::Json),
        (nest("[", "]", 65), Format::Yaml),
        (format!("a = {}", nest("[", "]", 64)), Format::Toml),
        (format!("{}a = 1", "a.".repeat(64)), Format::Toml),
    ] {
        assert!(refused(&text, format).ends_with("nest more than 64 levels deep"));
    }
}

/// The parser bounds brackets, and keys, but not both together.
#[test]
fn toml_that_is_deep_by_keys_and_braces_does_not_overflow_the_stack() {
    let keys = format!("{}a", "a.".repeat(78));
    let value = format!("{}1{}", format!("{{ {keys} = ").repeat(78), "}".repeat(78));
    for text in [
        format!("[{keys}]\n{keys} = {value}\n"),
        format!("x = {value}\nx = {value}\n"),
        format!("x = {value}\n= broken"),
    ] {
        assert!(refused(&text, Format::Toml).ends_with("nest more than 64 levels deep"));
    }
    let floats = format!("x = [{}]\n{}", "1.5, ".repeat(1000), "y.z.w = 1.5\n");
    assert_eq!(scalars(&read(&floats, Format::Toml)).len(), 1001);
}

#[test]
fn alias_bombs_are_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs += &format!("a{level}: &a{level} [{aliases}]\n");
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(100));
    let merges = format!(
        "a: &a {{{}}}\nb: [{}]\n",
        (0..1000).map(|n| format!("k{n}, ")).collect::<String>(),
        "{<<: *a}, ".repeat(500)
    );
    let documents = format!("a: &a [{}]\nb: [*a, *a, *a]\n---\n", "x, ".repeat(5_000)).repeat(10);
    for bomb in [laughs, long, merges, documents] {
        let start = Instant::now();
        let shown = refused(&bomb, Format::Yaml);
        assert!(shown.contains("the anchors and aliases of the file stand for more than"), "{shown}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let deep: String = (1..80).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    assert!(refused(&format!("a0: &a0 1\n{deep}"), Format::Yaml).ends_with("nest more than 64 levels deep"));
    let many = format!("a: &a {{b: 1, c: 2}}\nl: [{}]\n", "*a, ".repeat(20_000));
    assert_eq!(scalars(&read(&many, Format::Yaml)).len(), 40_002);
}

#[test]
fn a_long_line_takes_linear_time() {
    let start = Instant::now();
    for (text, format) in [
        (format!("[{}1]", "{\"é\": \"x\"}, ".repeat(50_000)), Format::Json),
        (format!("[{}1]", "{é: x}, ".repeat(50_000)), Format::Yaml),
        (format!("a = [{}1]", "{k = 'é'}, ".repeat(50_000)), Format::Toml),
    ] {
        assert_eq!(scalars(&read(&text, format)).len(), 50_001);
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

const CANARY: &str = "CANARYvalue7";

fn samples() -> Vec<(String, Format)> {
    let yaml = "_format_version: \"3.0\"\nx: &base { host: h, port: 8200 }\nvaults:\n- name: hcv\n  prefix: my-hcv\n  \
                tags: [a, 'b c']\n  config:\n    <<: *base\n    token: CANARYvalue7\n    path: ${{ env \"DECK_P\" }}/x\n    \
                q: \"a\\tb\"\n    text: |\n      line é\n    none: ~\n    flow: { t: ${{ env \"DECK_T\" }} }\n";
    let block = "a: !!str |-\n  CANARYvalue7\n  two\nb: >\n  CANARYvalue8\n---\nc: ['CANARYvalue9', \"CANARYvalue0\"]\n";
    let toml = "\u{feff}title = 'é'\n[[vaults]]\nname = \"hcv\"\n[vaults.config]\ntoken = \"CANARYvalue7\"\nport = 8_200\n\
                at = 2024-01-01T00:00:00Z\npath = \"${{ env \"DECK_P\" }}\"\nlist = [1, {x.y = 'CANARYvalue8'}]\n\
                long = '''\nCANARYvalue9'''\n";
    let json = "{\"vaults\": [{\"name\": \"hcv\", \"config\": {\"token\": \"CANARYvalue7\",\n \"e\": \"\\uD83D\\uDE00\", \
                \"n\": [1.5e3, null, true], \"p\": \"${{ env \"DECK_P\" }}\"}}]}";
    vec![
        (yaml.to_owned(), Format::Yaml),
        (block.to_owned(), Format::Yaml),
        (toml.to_owned(), Format::Toml),
        (json.to_owned(), Format::Json),
    ]
}

/// No error shows the canary, whole or in part, and no span leaves the file.
fn tried(text: &str, format: Format) {
    match parse(text, format) {
        Ok(documents) => {
            for scalar in documents.iter().flat_map(scalars) {
                assert!(text.get(scalar.span.clone()).is_some(), "{format:?} {:?}", scalar.span);
            }
        }
        Err(error) => {
            let shown = format!("{error} {error:?}");
            for part in ["CANARY", "ARYval", "alue7", "alue8"] {
                assert!(!shown.contains(part), "{format:?}: {shown}");
            }
            assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}

#[test]
fn the_samples_are_valid() {
    for (text, format) in samples() {
        let documents = parse(&text, format).unwrap_or_else(|error| panic!("{format:?} {error}"));
        let found = documents.iter().flat_map(scalars).any(|scalar| scalar.text.contains(CANARY));
        assert!(found, "{format:?}");
    }
}

#[test]
fn no_prefix_of_a_file_panics_or_is_quoted() {
    for (text, _) in samples() {
        for end in 0..=text.len() {
            if text.is_char_boundary(end) {
                for format in ALL {
                    tried(&text[..end], format);
                    tried(&text[end..], format);
                }
            }
        }
    }
}

#[test]
fn no_change_of_one_byte_panics_or_is_quoted() {
    for (text, format) in samples() {
        for (at, c) in text.char_indices() {
            let (before, behind) = (&text[..at], &text[at + c.len_utf8()..]);
            tried(&format!("{before}{behind}"), format);
            for new in "\0\t\n\r \"'\\{}[],:#&*!|-é\u{e000}".chars() {
                tried(&format!("{before}{new}{behind}"), format);
            }
        }
    }
}
