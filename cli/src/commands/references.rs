//! `check --references`: whether each reference of a document has a value, which is not shown.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use strongroom::text::Occurrence;
use strongroom::{Error, Secret};

use crate::args::Check;
use crate::discover::unread_kong_file;
use crate::exit::{Exit, Failure};
use crate::{input, kong, output, session};

pub(crate) fn run(args: &Check, file: &Path, named: &[PathBuf]) -> Result<(), Failure> {
    let document = input::document(file, args.format, args.embedded)?;
    let found = document.occurrences();
    let registry = session::config(named)?.build()?;
    let (outcomes, kong) = session::with(&registry, async {
        let outcomes = document.outcomes(&registry).await;
        let kong = kong::differences(&registry, found, &outcomes).await;
        (outcomes, kong)
    })?;
    let tried: Vec<_> = found
        .iter()
        .zip(&outcomes)
        .zip(kong)
        .map(|((found, outcome), kong)| Tried::new(found, outcome, kong))
        .collect();
    output::print(|out| if args.json { write_json(out, &tried) } else { write_table(out, &tried) })?;
    // Behind all that may fail: an error comes first.
    if found.is_empty() {
        output::warn(&[format!("{} holds no reference", input::name(file))]);
    }
    verdict(&tried, file, named)
}

type Outcome = Result<Secret, Error>;

/// A reference and what came of it.
#[derive(Serialize)]
struct Tried<'a> {
    path: &'a str,
    source: Option<&'a str>,
    reference: &'a str,
    ok: bool,
    error: Option<String>,
    error_kind: Option<&'a str>,
    /// What Kong would have made of it.
    kong: Option<String>,
    #[serde(skip)]
    fault: Option<&'a Error>,
}

impl<'a> Tried<'a> {
    fn new(found: &'a Occurrence, outcome: &'a Outcome, kong: Option<String>) -> Self {
        let fault = outcome.as_ref().err();
        Self {
            path: &found.path,
            source: found.source.as_deref(),
            reference: &found.written,
            ok: fault.is_none(),
            error: fault.map(|error| found.failed(error.clone()).to_string()),
            error_kind: fault.map(|error| error.kind().as_str()),
            kong,
            fault,
        }
    }
}

fn verdict(tried: &[Tried<'_>], file: &Path, named: &[PathBuf]) -> Result<(), Failure> {
    let failed = || tried.iter().filter_map(|tried| tried.fault);
    if failed().next().is_none() {
        return Ok(());
    }
    let references = if tried.len() == 1 { "reference" } else { "references" };
    let top = format!("{} of {} {references} of {} failed", failed().count(), tried.len(), input::name(file));
    let lines = tried.iter().filter_map(|tried| tried.error.clone());
    let hint = failed().find_map(|error| unread_kong_file(error, named));
    Err(lines.chain(hint).fold(Failure::new(Exit::of_all(failed()), top), Failure::with))
}

fn write_json(out: &mut dyn Write, tried: &[Tried<'_>]) -> io::Result<()> {
    serde_json::to_writer(&mut *out, tried)?;
    out.write_all(b"\n")
}

fn write_table(out: &mut dyn Write, tried: &[Tried<'_>]) -> io::Result<()> {
    let rows: Vec<_> = tried
        .iter()
        .map(|tried| {
            let state = match tried.error_kind {
                None => "ok".to_owned(),
                Some(kind) => format!("failed: {}", kind.replace('_', " ")),
            };
            [tried.path.to_owned(), state, tried.kong.clone().unwrap_or_default()]
        })
        .collect();
    output::table(out, &rows)
}
