//! `parse`: the parts of a reference, or what is wrong with it.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::{Serialize, Serializer};
use strongroom::{Error, ParseError, Reference};

use crate::args::Parse;
use crate::exit::Failure;
use crate::output;

pub(crate) fn run(args: &Parse) -> Result<(), Failure> {
    let Some(text) = &args.what.reference else {
        let read = output::print(|out| answer_lines(io::stdin().lock(), out))?;
        return read.map_err(|error| Failure::io("could not read standard input", &error));
    };
    let parsed = Reference::from_short(text);
    output::print(|out| write(out, &Answer::from(&parsed)))?;
    parsed.map(|_| ()).map_err(|error| Error::from(error).into())
}

/// An answer for each line, whatever bytes it holds. The inner result is that of reading.
fn answer_lines(input: impl Read, out: &mut dyn Write) -> io::Result<io::Result<()>> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut line = Vec::new();
    loop {
        // Whoever waits for an answer before asking again gets it.
        if !input.buffer().contains(&b'\n') {
            out.flush()?;
        }
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        match json_string(line.strip_suffix(b"\n").unwrap_or(&line)) {
            Ok(text) => write(out, &Answer::from(&Reference::parse(&text)))?,
            Err(fault) => write(out, &Answer::Fault { ok: false, error: fault })?,
        }
    }
}

fn json_string(line: &[u8]) -> Result<String, Fault> {
    let fault = |offset: usize, message: &str| Fault {
        kind: "not_a_json_string",
        message: message.to_owned(),
        offset: offset.min(line.len()),
    };
    let start = line.iter().position(|byte| !b" \t\r".contains(byte)).unwrap_or(line.len());
    if line.get(start) != Some(&b'"') {
        return Err(fault(start, "expected a JSON string: text between double quotes"));
    }
    // What serde_json says may quote the line, where it points may not.
    serde_json::from_slice(line).map_err(|error| {
        let offset = if error.is_eof() { line.len() } else { error.column().saturating_sub(1) };
        fault(offset, "malformed JSON string")
    })
}

fn write(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, answer)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'a> {
    Reference {
        ok: bool,
        prefix: &'a str,
        resource: &'a str,
        key: Option<&'a str>,
        #[serde(serialize_with = "pairs")]
        options: &'a Reference,
        version: Option<u64>,
    },
    Fault {
        ok: bool,
        error: Fault,
    },
}

#[derive(Serialize)]
struct Fault {
    kind: &'static str,
    message: String,
    offset: usize,
}

impl<'a> From<&'a Result<Reference, ParseError>> for Answer<'a> {
    fn from(parsed: &'a Result<Reference, ParseError>) -> Self {
        match parsed {
            Ok(reference) => Self::Reference {
                ok: true,
                prefix: reference.prefix(),
                resource: reference.resource(),
                key: reference.key(),
                options: reference,
                version: reference.version().map(u64::from),
            },
            Err(error) => Self::Fault {
                ok: false,
                error: Fault {
                    kind: error.kind().as_str(),
                    message: error.to_string(),
                    offset: error.offset(),
                },
            },
        }
    }
}

/// The options in the order they were written.
fn pairs<S: Serializer>(reference: &Reference, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(reference.options())
}
