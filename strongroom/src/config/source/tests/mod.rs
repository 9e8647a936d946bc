//! What the formats have in common, and files that mean harm.

mod hostile;
mod json;
mod placeholders;
mod toml;
mod yaml;

use super::*;

/// A tree on one line: unquoted scalars as they are, quoted ones between quotes.
fn shown(node: &Node) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Null => "null".into(),
        Value::Scalar(scalar) if scalar.quoted => format!("{:?}", scalar.text.as_str()),
        Value::Scalar(scalar) => scalar.text.to_string(),
        Value::List(nodes) => format!("[{}]", joined(nodes.iter().map(shown).collect())),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| format!("{}: {}", entry.key, shown(&entry.value)));
            format!("{{{}}}", joined(entries.collect()))
        }
    }
}

fn parse(text: &str, format: Format) -> Result<Vec<Node>, SourceError> {
    super::parse(text, format, Tags::Refused)
}

/// The one document of a file.
fn read(text: &str, format: Format) -> Node {
    let mut documents = parse(text, format).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(documents.len(), 1, "{text:?}");
    documents.remove(0)
}

fn refused(text: &str, format: Format) -> String {
    match parse(text, format) {
        Ok(documents) => {
            panic!("{text:?} was accepted: {:?}", documents.iter().map(shown).collect::<Vec<_>>())
        }
        Err(error) => error.to_string(),
    }
}

/// Every scalar of a tree.
fn scalars(node: &Node) -> Vec<&Scalar> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::Scalar(scalar) => vec![scalar],
        Value::List(nodes) => nodes.iter().flat_map(scalars).collect(),
        Value::Map(entries) => entries.iter().flat_map(|entry| scalars(&entry.value)).collect(),
    }
}

fn at<'n>(node: &'n Node, path: &[&str]) -> &'n Node {
    path.iter().fold(node, |node, key| match &node.value {
        Value::Map(entries) => &entries.iter().find(|entry| entry.key == *key).unwrap().value,
        Value::List(nodes) => &nodes[key.parse::<usize>().unwrap()],
        _ => panic!("nothing at {key}"),
    })
}

fn text<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    match &at(node, path).value {
        Value::Scalar(scalar) => &scalar.text,
        other => panic!("{path:?} is {other:?}"),
    }
}

fn place(line: u32, column: u32) -> Place {
    Place { line, column }
}

const YAML: &str =
    "# comment\nvaults:\n- name: hcv\n  config: { host: localhost, port: 8200, on: true, none: null }\n";
const TOML: &str =
    "# comment\n[[vaults]]\nname = 'hcv'\n[vaults.config]\nhost = \"localhost\"\nport = 8200\non = true\n";
const JSON: &str =
    r#"{"vaults": [{"name": "hcv", "config": {"host": "localhost", "port": 8200, "on": true}}]}"#;

#[test]
fn every_format_makes_the_same_tree() {
    for (text, format) in [(YAML, Format::Yaml), (TOML, Format::Toml), (JSON, Format::Json)] {
        let root = read(text, format);
        for (field, written) in [("host", "localhost"), ("port", "8200"), ("on", "true")] {
            assert_eq!(self::text(&root, &["vaults", "0", "config", field]), written, "{format:?}");
        }
        assert_eq!(self::text(&root, &["vaults", "0", "name"]), "hcv");
    }
}

#[test]
fn a_blank_file_holds_nothing() {
    for text in ["", "\u{feff}", "  \n\n", "\r\n"] {
        for format in [Format::Yaml, Format::Toml] {
            assert!(parse(text, format).unwrap().is_empty(), "{text:?} {format:?}");
        }
        // JSON has no document that is blank.
        assert!(parse(text, Format::Json).is_err(), "{text:?}");
    }
    assert!(parse("# only a comment\n", Format::Yaml).unwrap().is_empty());
    assert_eq!(shown(&read("# only a comment\n", Format::Toml)), "{}");
}

#[test]
fn a_byte_order_mark_moves_spans_and_no_columns() {
    for (text, format) in [
        ("a: é 1\nb: x", Format::Yaml),
        ("a = 'é 1'\nb = 1", Format::Toml),
        ("{\"a\": \"é 1\"}", Format::Json),
    ] {
        let plain = read(text, format);
        let marked_text = format!("\u{feff}{text}");
        let marked = read(&marked_text, format);
        assert_eq!(shown(&plain), shown(&marked));
        for (plain, marked) in scalars(&plain).into_iter().zip(scalars(&marked)) {
            assert_eq!(marked.span, plain.span.start + 3..plain.span.end + 3);
            assert_eq!(text[plain.span.clone()], marked_text[marked.span.clone()]);
        }
        assert_eq!(at(&plain, &["a"]).place, at(&marked, &["a"]).place, "{format:?}");
    }
}

#[test]
fn the_extension_names_the_format() {
    let format = |path: &str| Format::from_path(Path::new(path));
    assert_eq!(format("kong.yaml"), Some(Format::Yaml));
    assert_eq!(format("/etc/x.y/kong.YML"), Some(Format::Yaml));
    assert_eq!(format("strongroom.toml"), Some(Format::Toml));
    assert_eq!(format("a.json"), Some(Format::Json));
    for other in ["yaml", "kong.yaml.bak", "kong", ".json", "-"] {
        assert_eq!(format(other), None, "{other}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let text = " ".repeat(MAX_BYTES + 1);
    assert_eq!(refused(&text, Format::Yaml), "1:1: a configuration file has 16 MiB at most");
}

#[test]
fn a_repeated_key_is_shown_escaped_and_cut() {
    let key = format!("\u{1b}[31m{}", "k".repeat(100));
    let json = serde_json::to_string(&key).unwrap();
    let shown = refused(&format!("{{{json}: 1, {json}: 2}}"), Format::Json);
    assert!(shown.contains("`\\u{1b}[31m") && shown.contains("…`"), "{shown}");
    assert!(shown.chars().count() < 160 && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn debug_shows_no_text() {
    let root = read("key: canary\nlist: ['canary']\n", Format::Yaml);
    let debug = format!("{root:?}");
    assert!(debug.contains("key") && !debug.contains("canary"), "{debug}");
}
