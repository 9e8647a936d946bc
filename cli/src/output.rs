//! Results to standard output, all else to standard error.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

use crate::exit::{Exit, Failure};

/// Writes a result, all of it or it is a failure: a reader that went away and a full disk are noticed.
pub(crate) fn print<T>(write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<T, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)
        .and_then(|result| out.flush().map(|()| result))
        .map_err(|error| Failure::io("could not write to standard output", &error))
}

/// Writes rows whose cells stand below each other.
pub(crate) fn table<const COLUMNS: usize>(out: &mut dyn Write, rows: &[[String; COLUMNS]]) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Says why the command failed: `error: ` and the top line, each line below it indented.
pub(crate) fn failed(failure: &Failure) -> Exit {
    let mut text = format!("error: {}\n", escaped(&failure.top));
    for line in &failure.below {
        text.push_str("  ");
        text.push_str(&escaped(line));
        text.push('\n');
    }
    to_stderr(&text);
    failure.exit
}

/// Says what deserves attention although it is no failure.
pub(crate) fn warn(warnings: &[impl AsRef<str>]) {
    let mut text = String::new();
    for warning in warnings {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "warning: {}", escaped(warning.as_ref()));
    }
    to_stderr(&text);
}

/// Shows text of several lines, with nothing in it that a terminal would act on.
pub(crate) fn complain(text: &str) {
    to_stderr(
        &text
            .split_inclusive('\n')
            .map(|line| match line.strip_suffix('\n') {
                Some(line) => escaped(line) + "\n",
                None => escaped(line),
            })
            .collect::<String>(),
    );
}

/// One line of text without control characters: names of files and arguments may hold any.
fn escaped(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// There is nobody left to tell that standard error cannot be written to.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        assert_eq!(escaped("a\u{1b}[2J\r\nb\u{9b}é"), r"a\u{1b}[2J\r\nb\u{9b}é");
    }
}
