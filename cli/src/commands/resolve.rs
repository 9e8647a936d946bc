//! `resolve`: a document with its references replaced.

use std::path::PathBuf;

use crate::args::Resolve;
use crate::exit::{Failure, unresolved};
use crate::{input, place, session};

pub(crate) fn run(args: &Resolve, named: &[PathBuf]) -> Result<(), Failure> {
    let output = args.output.as_deref();
    let document = input::document(&args.file, args.format, args.embedded)?;
    place::check(output)?;
    let registry = session::config(named)?.build()?;
    let resolved = session::with(&registry, document.resolve(&registry))?
        .map_err(|failures| unresolved(&failures, &input::name(&args.file), named))?;
    place::write(resolved.as_bytes(), output, None)
}
