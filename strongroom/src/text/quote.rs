//! A value as a quoted scalar, whatever it holds.

/// How many bytes a byte of a value takes at most.
pub(super) const LONGEST: usize = 6;

/// Appends `value` between double quotes, on one line.
///
/// YAML, TOML and JSON have these escapes in common, so one way of writing serves all three. Characters that a
/// reader might drop, refuse or take for a line break are escaped although JSON would not ask for it, and so is what
/// decK would take for a placeholder: it replaces `${{ env "DECK_X" }}` before it reads the file.
pub(super) fn quote(value: &str, out: &mut String) {
    out.push('"');
    for (at, c) in value.char_indices() {
        match c {
            '$' if value[at..].starts_with("${{") => push_escape(u32::from(c), out),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                push_escape(u32::from(c), out);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Digit by digit, as a formatted text would be a copy that nobody wipes.
fn push_escape(code: u32, out: &mut String) {
    out.push_str("\\u");
    for shift in [12, 8, 4, 0] {
        out.push(char::from_digit(code >> shift & 0xf, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_no_placeholder() {
        let mut quoted = String::new();
        quote("$ ${ ${{ env \"X\" }}", &mut quoted);
        assert_eq!(quoted, r#""$ ${ \u0024{{ env \"X\" }}""#);
    }

    #[test]
    fn every_character_comes_through_json() {
        let mut all: String = ('\0'..='\u{ffff}').collect();
        all.push_str("\u{10000}\u{10ffff}");
        let mut quoted = String::new();
        quote(&all, &mut quoted);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), all);
        assert!(!quoted.contains(|c: char| c.is_control() || c == '\u{feff}'));
    }
}
