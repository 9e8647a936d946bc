//! decK's placeholders: `${{ env "DECK_TOKEN" }}` in the text of a scalar.
//!
//! decK replaces them before it reads YAML, so that a value may break the file. Here a value takes the place of
//! its placeholder in text that was read already: it is never syntax, and what it looks like does not matter.
//! Which scalars are expanded is for the caller to say.

use std::ffi::OsString;
use std::fmt;

use strongroom_core::escaped;
use zeroize::Zeroizing;

use super::source::Scalar;

/// How a placeholder begins.
pub(super) const OPEN: &str = "${{";
const CLOSE: &str = "}}";

/// How the names of variables have to begin.
const PREFIX: &str = "DECK_";

/// White space as Go's templates have it.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The text of a scalar with every placeholder replaced. `Debug` does not show it.
pub(crate) struct Expanded {
    pub(crate) text: Zeroizing<String>,
    /// The variables used, each once.
    pub(crate) used: Vec<String>,
}

impl fmt::Debug for Expanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expanded(<redacted>, {:?})", self.used)
    }
}

/// What a function of a placeholder makes of the text of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Bool,
    Float,
}

impl Kind {
    fn by_function(name: &str) -> Option<Self> {
        match name {
            "toInt" => Some(Self::Int),
            "toBool" => Some(Self::Bool),
            "toFloat" => Some(Self::Float),
            _ => None,
        }
    }

    /// The text that decK would put into the file for `text`; none where `text` is nothing of the kind.
    fn written(self, text: &str) -> Option<String> {
        match self {
            Self::Int => text.parse::<i64>().ok().map(|number| number.to_string()),
            Self::Float => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| number.to_string())
            }
            Self::Bool => match text {
                "1" | "t" | "T" | "true" | "True" | "TRUE" => Some("true".into()),
                "0" | "f" | "F" | "false" | "False" | "FALSE" => Some("false".into()),
                _ => None,
            },
        }
    }
}

/// Why a placeholder cannot be replaced. Names the variable, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlaceholderError {
    /// The expression is none of those that are understood.
    Unsupported,
    /// The variable's name does not begin with `DECK_`.
    Prefix(String),
    Unset(String),
    NotUtf8(String),
    /// The variable does not hold what the function makes of it.
    Type(String, Kind),
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str(
                "a placeholder that is not supported: write `${{ env \"DECK_NAME\" }}`, where `| toInt`, `| toBool`, \
                 `| toFloat` and `| indent N` may stand behind the name",
            ),
            Self::Prefix(name) => write!(
                f,
                "the placeholder names the variable `{}`: only variables that begin with `{PREFIX}` may be used",
                escaped(name)
            ),
            Self::Unset(name) => write!(f, "the variable `{}` is not set", escaped(name)),
            Self::NotUtf8(name) => write!(f, "the variable `{}` does not hold UTF-8", escaped(name)),
            Self::Type(name, kind) => write!(
                f,
                "the variable `{}` does not hold {}",
                escaped(name),
                match kind {
                    Kind::Int => "a whole number, as `toInt` needs",
                    Kind::Bool => "`true` or `false`, as `toBool` needs",
                    Kind::Float => "a finite number, as `toFloat` needs",
                }
            ),
        }
    }
}

impl std::error::Error for PlaceholderError {}

/// Replaces the placeholders in the text of a scalar; none if it holds none.
///
/// `lookup` gives the value of an environment variable. What it gives is not searched for placeholders again.
pub(crate) fn expand(
    scalar: &Scalar,
    lookup: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<Expanded>, PlaceholderError> {
    let mut rest = scalar.text.as_str();
    if !rest.contains(OPEN) {
        return Ok(None);
    }
    let mut text = Zeroizing::new(String::new());
    let mut used = Vec::new();
    let mut trim = false;
    while let Some((literal, behind)) = rest.split_once(OPEN) {
        let (inside, behind) = behind.split_once(CLOSE).ok_or(PlaceholderError::Unsupported)?;
        let action = Action::parse(inside).ok_or(PlaceholderError::Unsupported)?;
        push(&mut text, trimmed(literal, trim, action.trims_before));
        push(&mut text, &action.value(lookup)?);
        if !used.iter().any(|name| name == action.variable) {
            used.push(action.variable.to_owned());
        }
        trim = action.trims_behind;
        rest = behind;
    }
    push(&mut text, trimmed(rest, trim, false));
    Ok(Some(Expanded { text, used }))
}

fn trimmed(literal: &str, start: bool, end: bool) -> &str {
    let literal = if start { literal.trim_start_matches(SPACE) } else { literal };
    if end { literal.trim_end_matches(SPACE) } else { literal }
}

/// Appends without leaving a copy behind where the text has to move.
fn push(text: &mut Zeroizing<String>, more: &str) {
    if text.capacity() < text.len() + more.len() {
        let mut grown = Zeroizing::new(String::with_capacity(2 * (text.len() + more.len())));
        grown.push_str(text);
        *text = grown;
    }
    text.push_str(more);
}

/// What stands between `${{` and `}}`.
struct Action<'a> {
    variable: &'a str,
    kind: Option<Kind>,
    trims_before: bool,
    trims_behind: bool,
}

impl<'a> Action<'a> {
    /// `env "NAME"`, then functions. `indent` lines up the lines of a value with those of a YAML block; a value that
    /// takes its place after parsing needs none of it.
    fn parse(inside: &'a str) -> Option<Self> {
        let begun = inside.strip_prefix('-').filter(|rest| rest.starts_with(SPACE));
        let trims_before = begun.is_some();
        let inside = begun.unwrap_or(inside);
        let ended = inside.strip_suffix('-').filter(|rest| rest.ends_with(SPACE));
        let trims_behind = ended.is_some();
        let inside = ended.unwrap_or(inside).trim_matches(SPACE);

        let name = inside.strip_prefix("env").filter(|rest| rest.starts_with(SPACE))?;
        let name = name.trim_start_matches(SPACE);
        let quote = name.chars().next().filter(|c| matches!(c, '"' | '`'))?;
        let (variable, mut rest) = name[1..].split_once(quote)?;
        if quote == '"' && variable.contains(['\\', '\n']) {
            return None;
        }
        let mut kind = None;
        loop {
            rest = rest.trim_start_matches(SPACE);
            if rest.is_empty() {
                break;
            }
            let pipe = rest.strip_prefix('|')?;
            let end = pipe.find('|').unwrap_or(pipe.len());
            let mut words = pipe[..end].split(SPACE).filter(|word| !word.is_empty());
            let function = words.next()?;
            // The functions take text, so that nothing comes behind one that makes something else of it.
            match (Kind::by_function(function), words.next(), words.next()) {
                _ if kind.is_some() => return None,
                (Some(made), None, None) => kind = Some(made),
                (None, Some(count), None) if function == "indent" && is_number(count) => {}
                _ => return None,
            }
            rest = &pipe[end..];
        }
        Some(Self { variable, kind, trims_before, trims_behind })
    }

    fn value(
        &self,
        lookup: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Zeroizing<String>, PlaceholderError> {
        let name = || self.variable.to_owned();
        if !self.variable.starts_with(PREFIX) {
            return Err(PlaceholderError::Prefix(name()));
        }
        let value = lookup(self.variable).ok_or_else(|| PlaceholderError::Unset(name()))?;
        let value = value.into_string().map_err(|_| PlaceholderError::NotUtf8(name()))?;
        let value = Zeroizing::new(value);
        match self.kind {
            None => Ok(value),
            Some(kind) => {
                let written = kind.written(&value).map(Zeroizing::new);
                written.ok_or_else(|| PlaceholderError::Type(name(), kind))
            }
        }
    }
}

fn is_number(word: &str) -> bool {
    word.len() < 10 && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
