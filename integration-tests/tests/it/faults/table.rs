//! What the faults have cost, noted by each test and written into the table that people read.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::list::{FAULTS, Fault, Shown};

/// What a test has seen of a fault. Worth something once it is [`noted`](Proof::note).
pub(crate) struct Proof(&'static Fault);

impl Proof {
    /// For the fault with this number, whose list entry says what it may cost.
    pub(crate) fn of(number: &str) -> Self {
        let fault = FAULTS.iter().find(|fault| fault.number == number);
        Self(fault.unwrap_or_else(|| panic!("no fault {number} in the list")))
    }

    /// Asserts that the fault cost no more requests than it may, and notes both for the table.
    pub(crate) fn note(self, observed: &str, requests: usize) {
        let Shown::Counted { ceiling, .. } = self.0.shown else {
            panic!("fault {} has no ceiling in the list", self.0.number)
        };
        assert!(requests <= ceiling, "fault {}: {requests} requests, {ceiling} at most", self.0.number);
        fs::create_dir_all(notes()).unwrap();
        let note = json!({"observed": observed, "requests": requests}).to_string();
        fs::write(notes().join(self.0.number), note).unwrap();
    }
}

/// Where the notes of the last run are.
fn notes() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults")
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md")
}

const HEAD: &str = "\
# Faults

What can go wrong, what is expected of Strongroom then, and what was seen on a real OpenBao (or, for what no real server
says, on a stub in its place). `requests` is what a run has counted at the server's door, from the fault until the test was
content, and `ceiling` what fails the test. Where both are empty, the named tests assert what they expect by other means:
those of `session` and `core` on a clock of their own, where there is no door to count at.

This page is written by `.ci/faults`, which runs the tests that count and then writes down what they have counted. Every
test run checks that the page still is the list's.

| # | fault | expected | observed | requests | ceiling | shown by |
|---|---|---|---|---|---|---|
";

/// A row of the table without what differs from run to run.
fn row(fault: &Fault, observed: &str, requests: &str) -> String {
    let (ceiling, by) = match fault.shown {
        Shown::Counted { test, ceiling } => (ceiling.to_string(), format!("`{test}`")),
        Shown::By(tests) => {
            let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
            (String::new(), tests.join(", "))
        }
        Shown::Not(why) => (String::new(), format!("no test: {why}")),
    };
    let Fault { number, fault, expected, .. } = fault;
    format!("| {number} | {fault} | {expected} | {observed} | {requests} | {ceiling} | {by} |\n")
}

#[test]
fn the_table_is_the_lists() {
    if std::env::var_os("STRONGROOM_WRITE_FAULTS").is_some() {
        let mut text = HEAD.to_owned();
        for fault in FAULTS {
            let note = fs::read_to_string(notes().join(fault.number)).unwrap_or_default();
            let note: Value = serde_json::from_str(&note).unwrap_or_default();
            let observed = note["observed"].as_str().unwrap_or_default();
            let requests = note["requests"].as_u64().map(|count| count.to_string()).unwrap_or_default();
            let _ = write!(text, "{}", row(fault, observed, &requests));
        }
        fs::write(file(), text).unwrap();
    }
    let text = fs::read_to_string(file()).unwrap();
    let rows = text.strip_prefix(HEAD).expect("the head of the table is the one in the code");
    assert_eq!(rows.lines().count(), FAULTS.len());
    for (line, fault) in rows.lines().zip(FAULTS) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [.., observed, requests, _, _] = cells[..] else { panic!("no row of the table: {line}") };
        assert_eq!(format!("{line}\n"), row(fault, observed, requests), "the table is out of date");
        if let Shown::Counted { ceiling, .. } = fault.shown {
            let requests: usize = requests.parse().unwrap_or_else(|_| panic!("nothing was counted: {line}"));
            assert!(requests <= ceiling && !observed.is_empty(), "{line}");
        }
    }
}

#[test]
fn every_fault_has_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for folder in
        ["integration-tests/tests", "backends/hashicorp", "auth", "core", "cli/tests", "strongroom/src"]
    {
        collect(&root.join(folder), &mut sources);
    }
    for fault in FAULTS {
        let tests: &[&str] = match &fault.shown {
            Shown::Counted { test, .. } => &[test],
            Shown::By(tests) => tests,
            Shown::Not(why) => {
                assert!(why.len() > 20, "fault {}: say why there is no test", fault.number);
                continue;
            }
        };
        for test in tests {
            let name = test.rsplit("::").next().unwrap();
            assert!(sources.contains(&format!("fn {name}(")), "fault {}: there is no `{test}`", fault.number);
        }
    }
    assert_eq!(FAULTS.len(), 69, "the list has 68 numbers, one of them twice");
}

fn collect(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
