//! Why a text is not a reference.

use std::fmt;

use super::OPEN;
use super::parse::Fault;
use crate::escape::escaped_to;

/// How much of the text an error quotes, in characters.
const QUOTED: usize = 40;

/// What is wrong with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// The text does not start with `{vault://` or does not end with `}`.
    NotAReference,
    /// Within longer text, nothing closes the reference on its line.
    Unclosed,
    /// A control character, raw or percent-encoded.
    Control,
    /// The prefix is not a lower-case letter, then letters, digits or `-`, ending in a letter or digit.
    Prefix,
    /// There is no path, or only slashes.
    Path,
    /// A raw `;`, `{` or `}` in the path, or a `\` in any form.
    PathCharacter,
    /// A `%` without two hexadecimal digits behind it.
    Escape,
    /// Bytes that are not UTF-8, percent-encoded or, within longer text, as they are.
    Utf8,
    /// A `.` or `..` between slashes, encoded or not.
    DotSegment,
    /// A segment of the path that is only white space or slashes after decoding.
    BlankSegment,
    /// A value without an option name.
    OptionName,
    /// An option given twice.
    RepeatedOption,
    /// The version is not decimal digits, or not from 1 to 2^64-1.
    Version,
}

impl ParseErrorKind {
    /// A stable name in snake case, for logs, metrics and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAReference => "not_a_reference",
            Self::Unclosed => "unclosed",
            Self::Control => "control",
            Self::Prefix => "prefix",
            Self::Path => "path",
            Self::PathCharacter => "path_character",
            Self::Escape => "escape",
            Self::Utf8 => "utf8",
            Self::DotSegment => "dot_segment",
            Self::BlankSegment => "blank_segment",
            Self::OptionName => "option_name",
            Self::RepeatedOption => "repeated_option",
            Self::Version => "version",
        }
    }
}

/// Why a text is not a reference, and where.
///
/// `Display` is one line that says what to write instead. It quotes no more than the offending piece, escaped,
/// because what stands where a reference is expected may be a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    kind: ParseErrorKind,
    offset: usize,
    quoted: Box<str>,
}

impl ParseError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> ParseErrorKind {
        self.kind
    }

    /// The offending byte, counted in the text as it was given; its length where something is missing at the end.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// `fault` in `inner`, which stands behind `before` bytes that are fine.
    #[cold]
    pub(super) fn new(fault: Fault, inner: &str, before: usize) -> Self {
        // A raw control character explains best why a text looks right and is not.
        let fault = match inner.bytes().position(|byte| byte.is_ascii_control()) {
            Some(at) => Fault { kind: ParseErrorKind::Control, at },
            None => fault,
        };
        let quoted = escaped_to(offending(fault, inner), QUOTED).to_string().into_boxed_str();
        Self { kind: fault.kind, offset: before + fault.at, quoted }
    }

    #[cold]
    pub(super) fn not_a_reference(text: &str) -> Self {
        let same = text.bytes().zip(OPEN.bytes()).take_while(|(ours, expected)| ours == expected).count();
        let offset = if same == OPEN.len() { text.len() } else { same };
        Self { kind: ParseErrorKind::NotAReference, offset, quoted: Box::default() }
    }

    /// A reference that begins at `offset` of a longer text and does not end.
    #[cold]
    pub(super) fn unclosed(offset: usize) -> Self {
        Self { kind: ParseErrorKind::Unclosed, offset, quoted: Box::default() }
    }

    /// A byte of a longer text that is not UTF-8 and stands where a reference is.
    #[cold]
    pub(super) fn not_utf8(offset: usize) -> Self {
        Self { kind: ParseErrorKind::Utf8, offset, quoted: Box::default() }
    }
}

/// The piece of `inner` that the message quotes.
fn offending(fault: Fault, inner: &str) -> &str {
    let rest = &inner[fault.at..];
    let first = |count| rest.char_indices().nth(count).map_or(rest, |(end, _)| &rest[..end]);
    let up_to = |stop: fn(char) -> bool| rest.split(stop).next().unwrap_or(rest);
    match fault.kind {
        ParseErrorKind::Version => rest,
        ParseErrorKind::RepeatedOption => up_to(|c| matches!(c, '&' | '=' | '#')),
        ParseErrorKind::Escape => first(3),
        _ if rest.starts_with('%') => first(3),
        _ => first(1),
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ParseErrorKind as Kind;

        let Self { kind, offset, quoted } = self;
        let advice = match kind {
            Kind::NotAReference => {
                return f.write_str(
                    "not a reference: it has to start with `{vault://` and end with `}`, nothing around it",
                );
            }
            Kind::Unclosed => "no `}` closes it on its line; a literal `{vault://` is written `{{vault://`",
            Kind::Control => "remove the control character",
            Kind::Prefix => {
                "a prefix is two or more lower-case letters, digits or `-`, a letter first, no `-` last"
            }
            Kind::Path => "no resource; write `{vault://prefix/resource}` or `{vault://prefix/resource/key}`",
            Kind::PathCharacter => match &**quoted {
                ";" => "write `;` in a path as `%3B`; options start with `?`",
                "{" => "write `{` in a path as `%7B`",
                "}" => "write `}` in a path as `%7D`; only the last character closes a reference",
                _ => "a path cannot hold a backslash; `/` separates segments",
            },
            Kind::Escape => "two hexadecimal digits follow a `%`; a percent sign is `%25`",
            Kind::Utf8 => "a reference has to be UTF-8, percent-encoded or not",
            Kind::DotSegment => "`.` and `..` cannot stand between slashes; write the path in full",
            Kind::BlankSegment => "a path segment needs more than white space and slashes",
            Kind::OptionName => "an option has no name; write `name=value`",
            Kind::RepeatedOption => "this option is there already; keep one",
            Kind::Version => "a version is a whole number from 1 to 2^64-1; write `#` elsewhere as `%23`",
        };
        write!(f, "invalid reference at byte {offset}")?;
        if !quoted.is_empty() {
            write!(f, ", `{quoted}`")?;
        }
        write!(f, ": {advice}")
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use crate::Reference;

    /// The message, checked to stand at `piece` of `text`.
    #[track_caller]
    fn message(text: &str, piece: &str) -> String {
        let error = Reference::parse(text).unwrap_err();
        assert!(text[error.offset()..].starts_with(piece), "{} is not at {piece}", error.offset());
        error.to_string()
    }

    #[test]
    fn a_message_names_the_place_and_the_remedy() {
        assert_eq!(
            message("{vault://p1/a;b}", ";b"),
            "invalid reference at byte 13, `;`: write `;` in a path as `%3B`; options start with `?`"
        );
        assert_eq!(
            message("{vault://p1/a#latest}", "latest"),
            "invalid reference at byte 14, `latest`: a version is a whole number from 1 to 2^64-1; write `#` \
             elsewhere as `%23`"
        );
        assert_eq!(
            Reference::from_short("env").unwrap_err().to_string(),
            "invalid reference at byte 3: no resource; write `{vault://prefix/resource}` or \
             `{vault://prefix/resource/key}`"
        );
    }

    #[test]
    fn the_offset_is_that_of_the_offending_byte() {
        message("{vault://p/a}", "/a");
        message("{vault://p1-/a}", "-/a");
        message("{vault://p1//}", "}");
        message("{vault://p1?a}", "?a");
        message("{vault://p1/日/%41%5C}", "%5C");
        message("{vault://p1/日%zz}", "%zz");
        message("{vault://p1/%41é%C3é}", "%C3é");
        message("{vault://p1/a%2F%2e./b}", "%2e.");
        message("{vault://p1/a/ /b}", " /b");
        message("{vault://p1/a?b=1&=2}", "=2");
        message("{vault://p1/a?é=1&b=2&%C3%A9=3}", "%C3%A9=3");
        message("{vault://p1/a?b=%00}", "%00");
        message("{vault://p1/a#1x}", "x");
        message("{vault://p1/a#0}", "0");
        message("{vault://p1/a#}", "}");
        message("{vault:/p1/a}", "p1");
        message("{vault://p1/a} ", "");
    }

    #[test]
    fn the_offset_of_a_short_form_counts_in_the_short_form() {
        assert_eq!(Reference::from_short("p1/a%zz").unwrap_err().offset(), 4);
        assert_eq!(Reference::from_short("{vault://p1/a%zz}").unwrap_err().offset(), 13);
    }

    #[test]
    fn a_message_is_short_and_safe_to_print() {
        let long = "\u{202e}é".repeat(1000);
        let texts = [
            format!("{{vault://p1/a?{long}=1&{long}=2}}"),
            format!("{{vault://p1/a#{long}}}"),
            format!("{{vault://{long}/a}}"),
            "{vault://p1/a\u{1b}[2J}".to_owned(),
            "{vault://p1/a%\u{202e}x}".to_owned(),
        ];
        for text in texts {
            let shown = message(&text, "");
            assert!(shown.chars().count() <= 256 && !shown.contains(crate::escape::hidden), "{shown}");
        }
    }

    #[test]
    fn what_may_be_a_credential_is_not_quoted() {
        for text in ["s.canary", "{vault://u:canary@p1/a}", "{vault://canary"] {
            assert!(!format!("{:?}", Reference::parse(text)).contains("canary"));
        }
    }
}
