//! Any value in any document: it comes out as it was put in, and nothing else changes.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::*;

/// Pieces of values that break out of a scalar where nobody minds.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    " # ",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!int ",
    "%YAML",
    "---\n",
    "...\n",
    "|-\n",
    "'''",
    "\"\"\"",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffe}",
    "\u{10ffff}",
    "é",
    "日",
    "null",
    "yes",
    "0123",
    "{vault://my-vault/s/v0}",
    "{{vault://",
    "\\u0041",
    "${{ env \"DECK_X\" }}",
    "}}",
    "<<: *a",
    "\u{1b}[2J",
    "=",
    "a",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

/// How a string is written.
#[derive(Clone, Copy, Debug)]
enum Style {
    Single,
    Double,
    Block,
    Folded,
    Plain,
}

/// A string of a document: literal text around references, of which there may be none.
#[derive(Clone, Debug)]
struct Text {
    before: &'static str,
    /// The number of its value.
    reference: Option<usize>,
    behind: &'static str,
    style: Style,
}

fn text() -> impl Strategy<Value = Text> {
    let around = prop::sample::select(&["", "", "Bearer ", "x: y", "日 ", "a\\b", "it's"][..]);
    let behind = prop::sample::select(&["", "", " z", "\u{a0}", "# no comment"][..]);
    let style =
        prop::sample::select(&[Style::Single, Style::Double, Style::Block, Style::Folded, Style::Plain][..]);
    (around, prop::option::weighted(0.8, 0..4_usize), behind, style)
        .prop_map(|(before, reference, behind, style)| Text { before, reference, behind, style })
}

impl Text {
    fn content(&self) -> String {
        let reference = self.reference.map(|number| format!("{{vault://my-vault/s/v{number}}}"));
        format!("{}{}{}", self.before, reference.unwrap_or_default(), self.behind)
    }

    fn resolved(&self, values: &[String], scope: Scope) -> String {
        match self.reference.filter(|_| self.is_replaced(scope)) {
            Some(number) => format!("{}{}{}", self.before, values[number], self.behind),
            None => self.content(),
        }
    }

    fn is_replaced(&self, scope: Scope) -> bool {
        self.reference.is_some()
            && (scope == Scope::Embedded || self.before.is_empty() && self.behind.is_empty())
    }

    /// As YAML, behind `indent` spaces where it has lines of its own.
    fn yaml(&self, indent: usize, flow: bool) -> String {
        let content = self.content();
        let block = !flow && !content.is_empty() && !content.starts_with(' ');
        let ends = content.is_empty() || content.starts_with(['{', '#']) || content.ends_with(' ');
        let holds = content.contains(": ") || content.contains(" #") || flow && content.contains('{');
        let plain = !ends && !holds;
        match self.style {
            Style::Block if block => format!("|- # why\n{}{content}", " ".repeat(indent + 2)),
            Style::Folded if block => format!(">-\n{}{content}", " ".repeat(indent + 1)),
            Style::Plain if plain => content,
            Style::Single => format!("'{}'", content.replace('\'', "''")),
            _ => Value::from(content).to_string(),
        }
    }

    fn toml(&self) -> String {
        let content = self.content();
        match self.style {
            Style::Single if !content.contains('\'') => format!("'{content}'"),
            Style::Block if !content.contains('\'') => format!("'''\n{content}'''"),
            Style::Folded => format!("\"\"\"\n{}\"\"\"", content.replace('\\', "\\\\")),
            _ => Value::from(content).to_string(),
        }
    }
}

fn registry_of(values: &[String]) -> Registry {
    let fields: Map<String, Value> =
        values.iter().enumerate().map(|(number, value)| (format!("v{number}"), json!(value))).collect();
    let vault = MemoryVault::new();
    vault.set("s", &Value::from(fields).to_string()).unwrap();
    Registry::builder().vault("my-vault", vault).build().unwrap()
}

fn resolved(values: &[String], text: &str, format: Format, scope: Scope) -> String {
    let document =
        TextDocument::parse("file", text, format, scope).unwrap_or_else(|error| panic!("{text}: {error}"));
    let resolved = run(document.resolve(&registry_of(values)));
    resolved.unwrap_or_else(|_| panic!("{text} was refused")).as_str().unwrap().to_owned()
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::Whole), Just(Scope::Embedded)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn json(values in vec(value(), 4), texts in vec(text(), 1..6), scope in scope()) {
        let list: Vec<String> = texts.iter().map(Text::content).collect();
        let text = json!({"a": list, "number": 1.5, "b": {"c": list[0]}}).to_string();
        let after: Vec<String> = texts.iter().map(|text| text.resolved(&values, scope)).collect();
        let out = resolved(&values, &text, Format::Json, scope);
        let expected = json!({"a": after, "number": 1.5, "b": {"c": after[0]}});
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn toml(values in vec(value(), 4), texts in vec(text(), 1..6), scope in scope()) {
        let lines: String =
            texts.iter().enumerate().map(|(n, text)| format!("k{n} = {} # {n}\r\n", text.toml())).collect();
        let list: Vec<String> = texts.iter().map(Text::toml).collect();
        let text = format!("# first\r\n{lines}list = [ {} ] # end\r\n", list.join(" , "));
        let out = resolved(&values, &text, Format::Toml, scope);
        let read: toml::Table = toml::from_str(&out).unwrap();
        for (n, text) in texts.iter().enumerate() {
            let expected = toml::Value::from(text.resolved(&values, scope));
            prop_assert_eq!(&read[&format!("k{n}")], &expected);
            prop_assert_eq!(&read["list"][n], &expected);
            let comment = format!(" # {n}\r\n");
            prop_assert!(out.contains(&comment));
        }
    }

    /// What is replaced is a string of JSON, which YAML reads as JSON does; the rest is the same byte for byte.
    #[test]
    fn yaml(values in vec(value(), 4), texts in vec(text(), 1..6), scope in scope()) {
        let (mut text, mut expected) = (String::from("# first\nblock: # here\n"), vec![Written::Same("# first\nblock: # here\n".into())]);
        let mut add = |written: String, after: Written| {
            text.push_str(&written);
            expected.push(after);
        };
        for (flow, before, behind) in [(false, "- k: ", "\n"), (true, "- [ ", " , x ] # end\n")] {
            for one in &texts {
                let written = one.yaml(2, flow);
                add(before.to_owned(), Written::Same(before.to_owned()));
                let after = one.resolved(&values, scope);
                if !one.is_replaced(scope) {
                    add(written.clone(), Written::Same(written.clone()));
                } else {
                    add(written.clone(), Written::Replaced(after));
                    if written.starts_with('|') {
                        add(String::new(), Written::Same(" # why".into()));
                    }
                }
                add(behind.to_owned(), Written::Same(behind.to_owned()));
            }
        }
        let out = resolved(&values, &text, Format::Yaml, scope);
        let mut rest = out.as_str();
        for written in expected {
            match written {
                Written::Same(text) => {
                    prop_assert!(rest.starts_with(&text), "expected {:?} at {:?} of {}", text, rest, out);
                    rest = &rest[text.len()..];
                }
                Written::Replaced(value) => {
                    let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
                    let string = strings.next().unwrap().unwrap().get();
                    prop_assert_eq!(serde_json::from_str::<String>(string).unwrap(), value);
                    rest = &rest[string.len()..];
                }
            }
        }
        prop_assert_eq!(rest, "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What is still a document after somebody typed anything into it still is one when it is resolved. (It is read again
    /// before it is returned, so a value that went to the wrong place would be refused.)
    #[test]
    fn any_edit_of_the_corpus(
        file in any::<prop::sample::Index>(),
        edits in vec((any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(PIECES), any::<bool>()), 0..4),
    ) {
        let files = corpus::files();
        let path = &files[file.index(files.len())];
        let mut text: Vec<char> = std::fs::read_to_string(path).unwrap().chars().collect();
        for (at, remove, insert, both) in edits {
            let at = at.index(text.len() + 1);
            let end = if both || insert == "a" { (at + remove).min(text.len()) } else { at };
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        let format = Format::from_path(path).unwrap();
        for scope in [Scope::Whole, Scope::Embedded] {
            let Ok(document) = TextDocument::parse("file", &text, format, scope) else { continue };
            let Err(failures) = run(document.resolve(&registry())) else { continue };
            for failure in failures.iter() {
                let refused = failure.error.kind() == strongroom::ErrorKind::Unsupported;
                // Only an alias can make a key of a reference.
                prop_assert!(!refused || format == Format::Yaml && text.contains('*'), "{:?} {}", text, failure);
            }
        }
    }
}

/// What is expected of a piece of a document.
enum Written {
    Same(String),
    Replaced(String),
}
