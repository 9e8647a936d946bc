//! Taking decK's placeholders out of the way of a parser and putting them back into what it read.
//!
//! A placeholder is covered by a token of as many bytes: one character that the file holds nowhere, then letters.
//! No format gives either a meaning, so the token comes through any kind of scalar unchanged, and every offset stays.

use std::ops::Range;

use zeroize::Zeroizing;

use super::super::placeholder::OPEN;

/// A text with its placeholders covered.
pub(super) struct Mask {
    text: Zeroizing<String>,
    token: char,
    placeholders: Vec<Range<usize>>,
}

impl Mask {
    /// None where the text holds no placeholder. One that goes on behind the end of its line is none.
    pub(super) fn new(original: &str) -> Option<Self> {
        let token = unused(original)?;
        let mut text = Zeroizing::new(String::with_capacity(original.len()));
        let mut placeholders = Vec::new();
        let mut done = 0;
        while let Some(placeholder) = next_placeholder(original, done) {
            text.push_str(&original[done..placeholder.start]);
            text.push(token);
            text.extend(std::iter::repeat_n('x', placeholder.len() - token.len_utf8()));
            done = placeholder.end;
            placeholders.push(placeholder);
        }
        text.push_str(&original[done..]);
        (!placeholders.is_empty()).then_some(Self { text, token, placeholders })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text of a scalar with its placeholders back in it. `content` is where the scalar stands.
    pub(super) fn restore(
        &self,
        original: &str,
        text: Zeroizing<String>,
        content: &Range<usize>,
    ) -> Zeroizing<String> {
        let first = self.placeholders.partition_point(|placeholder| placeholder.start < content.start);
        let escapes = original.as_bytes().get(content.start) == Some(&b'"');
        let mut rest = text.as_str();
        let mut out = Zeroizing::new(String::with_capacity(content.len()));
        for placeholder in &self.placeholders[first..] {
            let Some(at) = rest.find(self.token) else { break };
            out.push_str(&rest[..at]);
            let written = &original[placeholder.clone()];
            if escapes {
                // One file may hold both `"${{ env "X" }}"` and `"${{ env \"X\" }}"`.
                out.push_str(&written.replace("\\\"", "\""));
            } else {
                out.push_str(written);
            }
            rest = rest.get(at + placeholder.len()..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }
}

/// The first placeholder at or behind `from` that is closed on its line.
fn next_placeholder(text: &str, from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find(OPEN)?;
        let rest = &text[start..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        if let Some(length) = line.find("}}") {
            return Some(start..start + length + 2);
        }
        from = start + line.len();
    }
}

/// A character of three bytes that neither stands in the text nor is made by an escape such as `\ue000`.
fn unused(text: &str) -> Option<char> {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    ('\u{e000}'..='\u{f8ff}')
        .find(|c| !lower.contains(*c) && !lower.contains(&format!("{:x}", u32::from(*c))))
}
