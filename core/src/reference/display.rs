//! The canonical form of a reference.

use std::fmt::{self, Write};

use super::{CLOSE, OPEN, Reference};
use crate::escape::hidden;

/// Only what must be is percent-encoded: what would end or split a part, and what a terminal does not show as
/// it is. A `}` always is, so that the form can stand within longer text.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OPEN}{}/", self.prefix())?;
        let segments = write_resource(f, self.resource())?;
        if let Some(key) = self.key() {
            f.write_char('/')?;
            write_encoded(f, key, |c| c == '/' || ends_segment(c))?;
        } else if segments > 1 {
            f.write_char('/')?;
        }
        for (number, (name, value)) in self.options().enumerate() {
            f.write_char(if number == 0 { '?' } else { '&' })?;
            write_encoded(f, name, |c| c == '=' || ends_option(c))?;
            f.write_char('=')?;
            write_encoded(f, value, ends_option)?;
        }
        if let Some(version) = self.version() {
            write!(f, "#{version}")?;
        }
        f.write_str(CLOSE)
    }
}

/// Writes the resource; returns how many segments it took.
///
/// A slash separates segments, but a piece between slashes that is blank would vanish or be an error as a
/// segment of its own. Such a piece shares its segment with a neighbour, and the slash between them is `%2F`.
fn write_resource(f: &mut fmt::Formatter<'_>, resource: &str) -> Result<usize, fmt::Error> {
    let mut segments = 1;
    let mut blank = true;
    for (number, piece) in resource.split('/').enumerate() {
        let blank_piece = piece.chars().all(char::is_whitespace);
        if number > 0 && !blank && !blank_piece {
            f.write_char('/')?;
            segments += 1;
        } else if number > 0 {
            f.write_str("%2F")?;
        }
        blank &= blank_piece;
        write_encoded(f, piece, ends_segment)?;
    }
    Ok(segments)
}

fn ends_segment(c: char) -> bool {
    matches!(c, '?' | '#' | ';' | '{')
}

fn ends_option(c: char) -> bool {
    matches!(c, '&' | '#' | '+')
}

fn write_encoded(f: &mut fmt::Formatter<'_>, text: &str, encode: impl Fn(char) -> bool) -> fmt::Result {
    for c in text.chars() {
        if encode(c) || matches!(c, '%' | '}') || hidden(c) {
            c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_canonical(text: &str, canonical: &str) {
        let reference = Reference::parse(text).unwrap();
        assert_eq!(reference.to_string(), canonical);
        assert_eq!(Reference::parse(canonical).unwrap(), reference);
    }

    #[test]
    fn what_needs_no_escape_stays_as_it_is() {
        for text in [
            "{vault://p1/a}",
            "{vault://p1/a/b}",
            "{vault://p1/a/b/}",
            "{vault://p1/a+b @:=&,|é日/~'`\"[]()}",
            "{vault://p1/a?ttl=60&pointer=/x y/{;?=#2}",
        ] {
            assert_canonical(text, text);
        }
    }

    #[test]
    fn needless_escapes_slashes_and_zeros_go() {
        assert_canonical("{vault://p1//%61//b?&a&&b=#007}", "{vault://p1/a/b?a=true&b=#7}");
        assert_canonical("{vault://p1/a//}", "{vault://p1/a}");
        assert_canonical("{vault://p1/a%2Fb}", "{vault://p1/a/b/}");
        assert_canonical("{vault://p1/a%2Fb/k}", "{vault://p1/a/b/k}");
    }

    #[test]
    fn a_slash_that_would_vanish_or_move_the_key_is_escaped() {
        assert_canonical("{vault://p1/a/k%2Fl}", "{vault://p1/a/k%2Fl}");
        assert_canonical("{vault://p1/a%2F%2Fb/}", "{vault://p1/a%2F/b/}");
        assert_canonical("{vault://p1/%2Fa}", "{vault://p1/%2Fa}");
        assert_canonical("{vault://p1/foo%2F/k}", "{vault://p1/foo%2F/k}");
        assert_canonical("{vault://p1/%2Fa%2F/%2Fb%2F/%2Fk%2F}", "{vault://p1/%2Fa%2F%2F/b%2F/%2Fk%2F}");
        assert_canonical("{vault://p1/a%2F %2Fb}", "{vault://p1/a%2F /b/}");
    }

    #[test]
    fn what_would_end_a_part_is_escaped() {
        assert_canonical(
            "{vault://p1/%3F%23%25%3B%7B/%7D?%3D%26=%2B%25%23+%7D}",
            "{vault://p1/%3F%23%25%3B%7B/%7D?%3D%26=%2B%25%23 %7D}",
        );
        assert_canonical("{vault://p1/a?b=}}", "{vault://p1/a?b=%7D}");
    }

    #[test]
    fn what_a_terminal_would_not_show_is_escaped() {
        assert_canonical(
            "{vault://p1/\u{202e}a?b=\u{200b}\u{2028}\u{9b}}",
            "{vault://p1/%E2%80%AEa?b=%E2%80%8B%E2%80%A8%C2%9B}",
        );
    }
}
