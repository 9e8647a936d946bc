//! `get`: one value.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use strongroom::{Error, Fetched, Reference, escaped};
use zeroize::Zeroizing;

use crate::args::Get;
use crate::discover::unread_kong_file;
use crate::exit::Failure;
use crate::{output, session};

pub(crate) fn run(args: &Get, named: &[PathBuf]) -> Result<(), Failure> {
    let reference = Reference::from_short(&args.reference).map_err(|error| {
        Error::from(error).context(format!("could not resolve {}", escaped(&args.reference)))
    })?;
    let registry = session::config(named)?.build()?;
    let fetched = session::with(&registry, registry.fetch(&reference))?.map_err(|error| {
        let hint = unread_kong_file(&error, named);
        let failure = Failure::from(error);
        hint.into_iter().fold(failure, Failure::with)
    })?;
    output::print(|out| {
        if args.json {
            write_json(out, &reference, &fetched)?;
        } else {
            out.write_all(fetched.value.as_bytes())?;
        }
        if args.no_newline { Ok(()) } else { out.write_all(b"\n") }
    })
}

#[derive(Serialize)]
struct Object<'a> {
    reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<&'a str>,
    version: Option<u64>,
    fetched_at: String,
}

fn write_json(out: &mut dyn Write, reference: &Reference, fetched: &Fetched) -> io::Result<()> {
    let value = fetched.value.as_str().ok();
    let encoded = value.is_none().then(|| Zeroizing::new(STANDARD.encode(fetched.value.as_bytes())));
    let object = Object {
        reference: reference.to_string(),
        value,
        value_base64: encoded.as_ref().map(|text| text.as_str()),
        version: fetched.version,
        // A clock that was never set is no reason to fail.
        fetched_at: humantime::format_rfc3339_millis(fetched.fetched_at.max(UNIX_EPOCH)).to_string(),
    };
    Ok(serde_json::to_writer(out, &object)?)
}
