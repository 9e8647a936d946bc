//! The tables in the README.

use std::fmt::Write;
use std::path::Path;

use super::Named;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// Compares a table of the README with what the trials came to, or writes it.
pub(super) fn check(which: &str, reports: &[Named]) {
    let readme = std::fs::read_to_string(Path::new(README)).unwrap();
    let (start, end) = (format!("<!-- conformance: {which} -->\n"), format!("<!-- end: {which} -->\n"));
    let from = readme.find(&start).expect("the table begins somewhere") + start.len();
    let to = from + readme[from..].find(&end).expect("the table ends somewhere");
    let table = table(which.trim_end_matches('s'), reports);
    if std::env::var_os("STRONGROOM_WRITE_TABLES").is_some() {
        std::fs::write(README, format!("{}{table}{}", &readme[..from], &readme[to..])).unwrap();
    } else {
        let how = "STRONGROOM_WRITE_TABLES=1 cargo conformance writes it";
        assert_eq!(&readme[from..to], table, "the table in the README is out of date; {how}");
    }
}

fn table(first: &str, reports: &[Named]) -> String {
    let subjects = reports[0].1.subjects();
    let mut table = format!("| {first} |");
    for subject in &subjects {
        write!(table, " {subject} |").unwrap();
    }
    table.push_str(" trials passed |\n|---|");
    table.push_str(&"---:|".repeat(subjects.len() + 1));
    table.push('\n');
    for (name, report) in reports {
        write!(table, "| {name} |").unwrap();
        let mut tried = 0;
        for subject in &subjects {
            let (passed, all) = report.count(subject);
            tried += all;
            match all {
                0 => table.push_str(" - |"),
                _ => write!(table, " {passed}/{all} |").unwrap(),
            }
        }
        writeln!(table, " {} of {tried} |", report.passed()).unwrap();
    }
    table
}
