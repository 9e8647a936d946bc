//! What begins as a reference within longer text and is none.

use std::iter;

use strongroom_core::{ParseError, ParseErrorKind};

const OPEN: &[u8] = b"{vault://";

/// How many characters of one are kept, as many as messages show.
const MOST_CHARACTERS: usize = 256;

/// A character takes four bytes at most, and one more tells that there is more.
const MOST_BYTES: usize = 4 * (MOST_CHARACTERS + 1);

/// The invalid references of one text, which have to come in its order.
///
/// One of openings alone would else keep all that follows for each of them.
pub(super) struct Begun<'a> {
    text: &'a [u8],
    /// Up to where the last one is one word that was shown.
    shown: usize,
}

impl<'a> Begun<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, shown: 0 }
    }

    /// What was written there. None where the one before has shown it, in the same word: the fault is that one's.
    pub(super) fn written(&mut self, error: &ParseError) -> Option<String> {
        let start = self.start(error);
        if start < self.shown {
            return None;
        }
        let begun = self.text.get(start..).unwrap_or_default();
        let begun = &begun[..begun.len().min(MOST_BYTES)];
        let white = begun.iter().position(u8::is_ascii_whitespace).unwrap_or(begun.len());
        let closed = begun.iter().position(|byte| *byte == b'}').map_or(begun.len(), |close| close + 1);
        // What is behind an unclosed one in the same line may be anything, such as a password.
        let end = if error.kind() == ParseErrorKind::Unclosed { white } else { closed };
        self.shown = start + end.min(white).min(closed).min(MOST_CHARACTERS);
        Some(cut(&begun[..end]))
    }

    fn start(&self, error: &ParseError) -> usize {
        let before = self.text.get(..error.offset()).unwrap_or(self.text);
        match error.kind() {
            ParseErrorKind::Unclosed => before.len(),
            _ => before.windows(OPEN.len()).rposition(|window| window == OPEN).unwrap_or(before.len()),
        }
    }
}

/// The text, or its beginning with an ellipsis behind it.
fn cut(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => text[..end].chars().chain(iter::once('…')).collect(),
        None => text.into_owned(),
    }
}
