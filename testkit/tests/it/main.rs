//! The suite passes what conforms and catches what does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod backend;
mod login;

use strongroom_testkit::{Outcome, Report};

fn failed(report: &Report) -> Vec<&'static str> {
    assert_eq!(report.is_ok(), !report.to_string().contains("FAILED"));
    report
        .outcomes()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
        .map(|(name, _)| name)
        .collect()
}
