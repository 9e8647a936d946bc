//! References within longer text: where each begins and ends, and what around them stays.
//!
//! What a reference means once it is cut out is the grammar's to say.

use std::ops::Range;

use super::{CLOSE, OPEN, ParseError, Reference};

/// How long a reference in a text may be between its opening and its end. What goes on longer was meant to end before;
/// and without a bound, a text of openings alone would be read to its end for each of them.
const MAX_LEN: usize = 16 << 10;

/// A piece of a text that holds references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that stay as they are.
    Literal(&'a [u8]),
    /// A reference, and the bytes of the text that it takes.
    Reference(Reference, Range<usize>),
}

/// The pieces of a text in which references stand among other things, such as a template.
///
/// Any `{vault://` begins a reference, which ends at the first `}`; inside one a `}` is written `%7D`. A literal
/// `{vault://` is written `{{vault://`. The rest is bytes of any kind.
///
/// An invalid reference, and one that nothing closes on its line within 16 KiB, is an error whose offset counts in the whole
/// text. The iterator goes on behind an error, so that all of them can be reported.
///
/// ```
/// use strongroom_core::{Embedded, Piece};
///
/// let pieces: Vec<_> = Embedded::new("name={vault://my-vault/acme/name};").collect::<Result<_, _>>()?;
/// assert_eq!(pieces[0], Piece::Literal(b"name="));
/// assert_eq!(pieces[1], Piece::Reference("{vault://my-vault/acme/name}".parse()?, 5..33));
/// assert_eq!(pieces[2], Piece::Literal(b";"));
///
/// let pieces: Result<Vec<_>, _> = Embedded::new("a {vault://my-vault/b;c}").collect();
/// assert_eq!(pieces.unwrap_err().offset(), 21);
/// # Ok::<(), strongroom_core::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Embedded<'a> {
    text: &'a [u8],
    /// Where the next piece begins.
    at: usize,
    /// Where to look for the next reference: behind `at` where an escaped one begins there.
    from: usize,
}

impl<'a> Embedded<'a> {
    /// The pieces of `text`, in order. Literal pieces may be adjacent and are never empty.
    #[must_use]
    pub fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { text: text.as_ref(), at: 0, from: 0 }
    }

    /// The literal piece up to `end`, if it holds anything.
    fn literal(&mut self, end: usize) -> Option<Piece<'a>> {
        let piece = &self.text[self.at..end];
        self.at = end;
        (!piece.is_empty()).then_some(Piece::Literal(piece))
    }

    /// The reference that begins at `start`.
    fn reference(&mut self, start: usize) -> Result<Piece<'a>, ParseError> {
        let inner = start + OPEN.len();
        // After an error the search goes on right behind the opening: what is unclosed may have swallowed another.
        (self.at, self.from) = (inner, inner);
        let line = &self.text[inner..self.text.len().min(inner + MAX_LEN + CLOSE.len())];
        let stop = line.iter().position(|byte| matches!(byte, b'}' | b'\n' | b'\r'));
        let length = stop.filter(|stop| line[*stop..].starts_with(CLOSE.as_bytes()));
        let length = length.ok_or_else(|| ParseError::unclosed(start))?;
        let text = std::str::from_utf8(&line[..length])
            .map_err(|error| ParseError::not_utf8(inner + error.valid_up_to()))?;
        let reference = Reference::parse_inner(text, inner)?;
        let end = inner + length + CLOSE.len();
        (self.at, self.from) = (end, end);
        Ok(Piece::Reference(reference, start..end))
    }
}

impl<'a> Iterator for Embedded<'a> {
    type Item = Result<Piece<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(found) = find(&self.text[self.from..], OPEN.as_bytes()) else {
                self.from = self.text.len();
                return self.literal(self.text.len()).map(Ok);
            };
            let start = self.from + found;
            let escaped = start > self.at && self.text[start - 1] == b'{';
            let before = if escaped { start - 1 } else { start };
            let literal = self.literal(before);
            if escaped {
                (self.at, self.from) = (start, start + OPEN.len());
            }
            match literal {
                Some(literal) => return Some(Ok(literal)),
                None if escaped => {}
                None => return Some(self.reference(start)),
            }
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    loop {
        at += text[at..].iter().position(|byte| *byte == first)?;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ParseErrorKind as Kind;

    /// The text with each reference in angle brackets; the kinds and places of what is wrong with it.
    fn scan(text: impl AsRef<[u8]>) -> (String, Vec<(Kind, usize)>) {
        let (mut shown, mut errors) = (Vec::new(), Vec::new());
        for piece in Embedded::new(&text) {
            match piece {
                Ok(Piece::Literal(literal)) => {
                    assert!(!literal.is_empty());
                    shown.extend(literal);
                }
                Ok(Piece::Reference(reference, range)) => {
                    assert!(text.as_ref()[range].starts_with(b"{vault://"));
                    shown.extend(format!("<{reference}>").bytes());
                }
                Err(error) => errors.push((error.kind(), error.offset())),
            }
        }
        (String::from_utf8_lossy(&shown).into_owned(), errors)
    }

    #[track_caller]
    fn assert_pieces(text: impl AsRef<[u8]>, expected: &str) {
        assert_eq!(scan(text), (expected.to_owned(), Vec::new()));
    }

    #[track_caller]
    fn assert_errors(text: impl AsRef<[u8]>, expected: &[(Kind, usize)]) {
        assert_eq!(scan(text).1, expected);
    }

    #[test]
    fn a_reference_has_a_length_so_that_openings_are_not_read_to_the_end_each() {
        let of = |length: usize| format!("{{vault://p1/{}}} ", "a".repeat(length - 3));
        assert_pieces(of(MAX_LEN), &format!("<{}> ", of(MAX_LEN).trim_end()));
        assert_errors(of(MAX_LEN + 1), &[(Kind::Unclosed, 0)]);
        let (_, errors) = scan("{vault://p1/".repeat(3000) + "}");
        let near = errors.iter().filter(|(kind, _)| *kind != Kind::Unclosed).count();
        // Those of the last 16 KiB see the end.
        assert_eq!((errors.len(), near), (3000, 1 + MAX_LEN / 12));
    }

    #[test]
    fn references_are_found_among_other_text() {
        assert_pieces("", "");
        assert_pieces("{vault://p1/a}", "<{vault://p1/a}>");
        assert_pieces("a{vault://p1/a}{vault://p1/b/c}é\n", "a<{vault://p1/a}><{vault://p1/b/c}>é\n");
        assert_pieces("{a: {b: '{vault://p1/a}'}}", "{a: {b: '<{vault://p1/a}>'}}");
        assert_pieces(b"\xff{vault://p1/a}\xfe", "\u{fffd}<{vault://p1/a}>\u{fffd}");
    }

    #[test]
    fn what_only_resembles_one_stays() {
        for text in ["{", "}", "{vault:/", "vault://p1/a}", "{Vault://p1/a}", "{ vault://p1/a}", "${vault:x}"]
        {
            assert_pieces(text, text);
        }
    }

    #[test]
    fn a_reference_ends_at_the_first_brace() {
        // As a whole string this would be one reference whose option has the value `}`.
        assert_pieces("{vault://p1/a?b=}}", "<{vault://p1/a?b=}>}");
        assert_pieces("{vault://p1/a%7D}}", "<{vault://p1/a%7D}>}");
    }

    #[test]
    fn a_doubled_brace_is_a_literal_one() {
        assert_pieces("{{vault://", "{vault://");
        assert_pieces("a{{vault://p1/a}", "a{vault://p1/a}");
        assert_pieces("{{{vault://p1/a}}", "{{vault://p1/a}}");
        assert_pieces("{{vault://{vault://p1/a}", "{vault://<{vault://p1/a}>");
        assert_pieces(
            "{vault://p1/a}{{vault://p1/a}{vault://p1/a}",
            "<{vault://p1/a}>{vault://p1/a}<{vault://p1/a}>",
        );
        assert_pieces("{{x", "{{x");
    }

    #[test]
    fn every_error_is_reported_with_its_place_in_the_whole_text() {
        assert_errors(
            "ab {vault://p1/a;b} {vault://p1} c {vault://x",
            &[(Kind::PathCharacter, 16), (Kind::Path, 31), (Kind::Unclosed, 35)],
        );
        assert_errors("{vault://p1/a\n}", &[(Kind::Unclosed, 0)]);
        assert_errors("{vault://p1/a\r\n}{vault://p1/b#x}", &[(Kind::Unclosed, 0), (Kind::Version, 30)]);
        assert_errors(b"\xff{vault://p1/\xff}", &[(Kind::Utf8, 13)]);
        assert_errors("{vault://}", &[(Kind::Prefix, 9)]);
    }

    #[test]
    fn what_an_unclosed_reference_swallowed_is_looked_at_too() {
        assert_errors(
            "{vault://p1/a {vault://p1/b;} {vault://p1/c}",
            &[(Kind::PathCharacter, 14), (Kind::PathCharacter, 27)],
        );
        assert_eq!(scan("{vault://p1/a {vault://p1/b}").0, "p1/a <{vault://p1/b}>");
    }

    #[test]
    fn the_message_says_how_to_close_or_escape_it() {
        let error = Embedded::new("a {vault://p1/b").nth(1).unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid reference at byte 2: no `}` closes it on its line; a literal `{vault://` is written `{{vault://`"
        );
    }

    proptest! {
        #[test]
        fn text_with_doubled_braces_comes_back_as_it_was(
            parts in prop::collection::vec(prop_oneof![Just("{vault://"), Just("p1/a}"), Just("{"), Just("é\n")], 0..12)
        ) {
            // A brace in front of `{vault://` cannot be told from an escape, so it is not written.
            let text = parts.concat().replace("{{vault://", "{vault://");
            prop_assume!(!text.contains("{{vault://"));
            let escaped = text.replace("{vault://", "{{vault://");
            prop_assert_eq!(scan(escaped), (text, Vec::new()));
        }

        #[test]
        fn every_byte_is_in_a_piece_but_for_the_doubled_braces(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"{vault://".to_vec()),
                    Just(b"p1/a".to_vec()),
                    Just(b"{".to_vec()),
                    Just(b"}".to_vec()),
                    any::<u8>().prop_map(|byte| vec![byte]),
                ],
                0..20,
            )
        ) {
            let text = parts.concat();
            let mut at = 0;
            for piece in Embedded::new(&text) {
                match piece {
                    Ok(Piece::Literal(literal)) => {
                        if !text[at..].starts_with(literal) {
                            prop_assert!(text[at..].starts_with(b"{{vault://"));
                            at += 1;
                        }
                        prop_assert!(text[at..].starts_with(literal));
                        at += literal.len();
                    }
                    Ok(Piece::Reference(_, range)) => {
                        prop_assert_eq!(range.start, at);
                        at = range.end;
                    }
                    // What follows an error is not the text's to explain.
                    Err(_) => return Ok(()),
                }
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
