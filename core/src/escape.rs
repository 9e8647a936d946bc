//! Printing text that is not ours: nothing in it reaches a terminal as an instruction, and it ends soon.

use std::fmt;

/// How many characters of a foreign text are shown at most.
const LIMIT: usize = 256;

/// Shows `text` on one line of at most 256 characters.
///
/// Control characters, characters that reorder text and characters that draw nothing are shown as `\n` or
/// `\u{202e}`; what is too long ends in `…`.
///
/// ```
/// assert_eq!(strongroom_core::escaped("a\u{1b}[2J\nb").to_string(), r"a\u{1b}[2J\nb");
/// ```
#[must_use]
pub fn escaped(text: &str) -> impl fmt::Display {
    escaped_to(text, LIMIT)
}

/// The same as [`escaped`], cut at `limit` characters.
pub(crate) fn escaped_to(text: &str, limit: usize) -> impl fmt::Display {
    Escaped { text, limit }
}

struct Escaped<'a> {
    text: &'a str,
    limit: usize,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where to cut if the text turns out too long: the last place that leaves room for the ellipsis.
        let (mut shown, mut cut) = (0, 0);
        let end = self.text.char_indices().find_map(|(at, c)| {
            if shown < self.limit {
                cut = at;
            }
            shown += if hidden(c) { c.escape_default().len() } else { 1 };
            (shown > self.limit).then_some(cut)
        });
        for c in self.text[..end.unwrap_or(self.text.len())].chars() {
            if hidden(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                fmt::Write::write_char(f, c)?;
            }
        }
        if end.is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// Whether a terminal would act on `c`, reorder text because of it, or draw nothing for it.
///
/// The list is fixed here, rather than taken from the standard library's Unicode tables, because the canonical
/// form of a reference depends on it.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        let shown =
            escaped("a\0\n\t\u{1b}\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}é日z").to_string();
        assert_eq!(shown, r"a\u{0}\n\t\u{1b}\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}é日z");
    }

    #[test]
    fn long_text_is_cut_at_the_limit() {
        let fits = "é".repeat(LIMIT);
        assert_eq!(escaped(&fits).to_string(), fits);
        assert_eq!(escaped(&"é".repeat(LIMIT + 1)).to_string(), format!("{}…", "é".repeat(LIMIT - 1)));
    }

    #[test]
    fn an_escape_is_never_cut_in_two() {
        assert_eq!(escaped_to("ab\n", 4).to_string(), r"ab\n");
        assert_eq!(escaped_to("ab\nc", 4).to_string(), "ab…");
        assert_eq!(escaped_to("abc\n", 4).to_string(), "abc…");
        assert_eq!(escaped_to("\u{202e}", 4).to_string(), "…");
        for limit in 1..40 {
            let shown = escaped_to(&"\u{202e}x\n".repeat(20), limit).to_string();
            assert!(shown.chars().count() <= limit && shown.ends_with('…'), "{limit}: {shown}");
        }
    }
}
