//! The place of a table in `docs/benchmarks.md`: between two marks, the rest of the file is left alone.

use std::fs;
use std::path::Path;

/// Puts `text` in the place of what the document had for `table`.
pub(crate) fn replace(table: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let failed =
        |what: &str, error: &dyn std::fmt::Display| format!("could not {what} {}: {error}", path.display());
    let old = fs::read_to_string(&path).map_err(|error| failed("read", &error))?;
    let new = replaced(&old, table, text).map_err(|error| failed("change", &error))?;
    fs::write(&path, new).map_err(|error| failed("write", &error))
}

fn replaced(document: &str, table: &str, text: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- peers: {table} -->\n"), format!("<!-- peers: end of {table} -->\n"));
    let missing = |mark: &str| format!("it has no line `{}`", mark.trim_end());
    let (before, rest) = document.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let old = "# A\n<!-- peers: x -->\nold\n<!-- peers: end of x -->\nB\n";
        let new = replaced(old, "x", "new\n").unwrap();
        assert_eq!(new, "# A\n<!-- peers: x -->\n\nnew\n\n<!-- peers: end of x -->\nB\n");
        assert_eq!(replaced(&new, "x", "new\n").unwrap(), new);
        assert_eq!(replaced(old, "y", "new").unwrap_err(), "it has no line `<!-- peers: y -->`");
    }

    #[test]
    fn the_document_has_a_place_for_every_table() {
        let document = include_str!("../../../../docs/benchmarks.md");
        for table in crate::TABLES {
            replaced(document, table.name, "").unwrap();
        }
    }
}
