//! What a program's own code says of a document, without the values that it quotes.

use zeroize::Zeroizing;

use super::tree::{Template, Tree};
use crate::{Secret, escaped};

/// What a type's code says of a part of the document that holds no secret, without the values that stand there.
pub(super) fn masked(text: &str, tree: Option<&Tree>) -> String {
    let mut values = Vec::new();
    tree.into_iter().for_each(|tree| literals(tree, &mut values));
    mask(text, values)
}

/// What the program's own code says of a whole configuration, without the values that it quotes in full.
pub(super) fn without_values(text: &str, template: &Template, secrets: &[Secret]) -> String {
    let mut values = Vec::new();
    literals(&template.root, &mut values);
    secrets.iter().filter_map(|secret| secret.as_str().ok()).for_each(|secret| add(secret, &mut values));
    mask(text, values)
}

fn mask(text: &str, mut values: Vec<Zeroizing<String>>) -> String {
    // A value inside another one is masked with it.
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    let text = values.iter().fold(Zeroizing::new(text.to_owned()), |text, value| {
        Zeroizing::new(text.replace(value.as_str(), "<redacted>"))
    });
    escaped(&text).to_string()
}

/// Shorter ones are in many words by chance, and no credentials.
const SHORTEST_MASKED: usize = 4;

fn add(text: &str, values: &mut Vec<Zeroizing<String>>) {
    if text.len() >= SHORTEST_MASKED {
        values.push(Zeroizing::new(text.escape_debug().to_string()));
        values.push(Zeroizing::new(text.to_owned()));
    }
}

fn literals(tree: &Tree, values: &mut Vec<Zeroizing<String>>) {
    match tree {
        Tree::Text(text) => add(text, values),
        Tree::Signed(value) => add(&Zeroizing::new(value.to_string()), values),
        Tree::Unsigned(value) => add(&Zeroizing::new(value.to_string()), values),
        Tree::WideSigned(value) => add(&Zeroizing::new(value.to_string()), values),
        Tree::WideUnsigned(value) => add(&Zeroizing::new(value.to_string()), values),
        Tree::Float(value) => add(&Zeroizing::new(value.to_string()), values),
        Tree::List(elements) => elements.iter().for_each(|element| literals(element, values)),
        Tree::Map(entries) => entries.iter().for_each(|(_, value)| literals(value, values)),
        Tree::Null | Tree::Bool(_) | Tree::Bytes(_) | Tree::Reference(_) | Tree::Spliced(_) => {}
    }
}
