//! Files with variables, one `NAME=value` a line.
//!
//! * Blank lines and lines that begin with `#` say nothing; `export ` may stand in front of a name.
//! * A value without quotes goes to the end of its line or to a `#` behind white space, without the white space
//!   around it.
//! * Between single quotes everything is itself, line breaks too. Between double quotes too, but for `\n`, `\r`, `\t`,
//!   `\"`, `\\` and `\$`.
//! * Nothing is expanded: `$HOME` is five characters.
//! * A name stands in a file once.

use std::collections::HashMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// What is wrong with a file, and in which line. Never shows a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EnvFileError {
    line: usize,
    what: String,
}

impl fmt::Display for EnvFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// That a file of variables cannot be used.
pub(crate) fn failure(name: &str, what: &str) -> Failure {
    Failure::new(Exit::Usage, format!("could not read {name}")).with(what)
}

/// The variables of a file, in its order.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Zeroizing<String>)>, EnvFileError> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let (mut variables, mut lines) = (Vec::new(), HashMap::new());
    while !reader.rest.is_empty() {
        let line = reader.line;
        if let Some((name, value)) = reader.variable()? {
            if let Some(first) = lines.insert(name.clone(), line) {
                return Err(EnvFileError {
                    line,
                    what: format!("`{name}` is there already, in line {first}"),
                });
            }
            variables.push((name, value));
        }
    }
    Ok(variables)
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// The variable of this line, if it has one.
    fn variable(&mut self) -> Result<Option<(String, Zeroizing<String>)>, EnvFileError> {
        self.skip_blanks();
        if self.at_end_of_line() || self.rest.starts_with('#') {
            self.next_line();
            return Ok(None);
        }
        let line = self.line();
        let Some((name, _)) = line.split_once('=') else {
            return self.fail("expected `NAME=value`");
        };
        let before = name.len() + 1;
        let name = name.trim_end_matches(BLANKS);
        let name = match name.strip_prefix("export").filter(|rest| rest.starts_with(BLANKS)) {
            Some(exported) => exported.trim_start_matches(BLANKS),
            None => name,
        };
        if !is_name(name) {
            return self.fail("expected `NAME=value`, the name of letters, digits and `_`, no digit first");
        }
        self.rest = &self.rest[before..];
        self.skip_blanks();
        let value = self.value()?;
        if value.contains('\0') {
            return self.fail("a value cannot hold a NUL character");
        }
        Ok(Some((name.to_owned(), value)))
    }

    /// The value that begins here, and the rest of its line.
    fn value(&mut self) -> Result<Zeroizing<String>, EnvFileError> {
        let value = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.rest = &self.rest[1..];
                let value = self.quoted(quote)?;
                let line = self.line();
                let behind = line.trim_start_matches(BLANKS);
                if !behind.is_empty() && (!behind.starts_with('#') || behind.len() == line.len()) {
                    return self.fail("there is more behind the closing quote");
                }
                value
            }
            _ => {
                let line = self.line();
                let comment = line.match_indices('#').map(|(at, _)| at);
                let end = comment.into_iter().find(|at| *at == 0 || line[..*at].ends_with(BLANKS));
                line[..end.unwrap_or(line.len())].trim_end_matches(BLANKS).to_owned().into()
            }
        };
        self.next_line();
        Ok(value)
    }

    /// What stands up to the closing quote, which is taken too.
    fn quoted(&mut self, quote: char) -> Result<Zeroizing<String>, EnvFileError> {
        let opened = self.line;
        let mut value = Zeroizing::new(String::with_capacity(self.rest.len()));
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(value);
                }
                '\\' if quote == '"' => match chars.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    _ => {
                        return self.fail(
                            "an unknown escape between double quotes (between single quotes a backslash is itself)",
                        );
                    }
                },
                c => {
                    self.line += usize::from(c == '\n');
                    value.push(c);
                }
            }
        }
        Err(EnvFileError { line: opened, what: "the quote that begins here has no end".to_owned() })
    }

    fn line(&self) -> &'a str {
        let line = self.rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn at_end_of_line(&self) -> bool {
        self.line().is_empty()
    }

    fn next_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        self.line += 1;
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    fn fail<T>(&self, what: &str) -> Result<T, EnvFileError> {
        Err(EnvFileError { line: self.line, what: what.to_owned() })
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let variables = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        variables.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    #[track_caller]
    fn assert_value(text: &str, value: &str) {
        assert_eq!(read(text), [("A".to_owned(), value.to_owned())], "{text:?}");
    }

    #[test]
    fn values() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=", ""),
            ("A=''", ""),
            ("  export A = b c  \n", "b c"),
            ("A={vault://my-vault/a/b?ttl=5#2}", "{vault://my-vault/a/b?ttl=5#2}"),
            ("A=b # comment", "b"),
            ("A=# comment", ""),
            ("A=b#c", "b#c"),
            ("A=b=c", "b=c"),
            ("A='b # $c \\n' # comment", "b # $c \\n"),
            (r#"A="b\n\t\r\"\\\$c $d""#, "b\n\t\r\"\\$c $d"),
            ("A='b\nc\n'\n", "b\nc\n"),
            ("A=\"b\nc\"", "b\nc"),
            ("A=it's", "it's"),
            ("\u{feff}A=é\r\n", "é"),
            ("\n# comment\n  # another\n\nA=b\n\n", "b"),
        ] {
            assert_value(text, value);
        }
        assert_eq!(read(""), []);
        assert_eq!(read("A=1\r\nB='2'\r\n_c3=x").len(), 3);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_no_value() {
        for (text, error) in [
            ("A=1\ncanary\n", "line 2: expected `NAME=value`"),
            (
                "1A=canary",
                "line 1: expected `NAME=value`, the name of letters, digits and `_`, no digit first",
            ),
            (
                "a b=canary",
                "line 1: expected `NAME=value`, the name of letters, digits and `_`, no digit first",
            ),
            ("=canary", "line 1: expected `NAME=value`, the name of letters, digits and `_`, no digit first"),
            ("\nA='canary\n\n", "line 2: the quote that begins here has no end"),
            ("A='b\nc' canary", "line 2: there is more behind the closing quote"),
            ("A='b'#canary", "line 1: there is more behind the closing quote"),
            (
                "A=\"canary\\q\"",
                "line 1: an unknown escape between double quotes (between single quotes a backslash is itself)",
            ),
            ("A=1\n\nA=canary", "line 3: `A` is there already, in line 1"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), error, "{text:?}");
        }
    }
}
