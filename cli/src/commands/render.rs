//! `render`: any text with its references replaced.

use std::path::PathBuf;

use strongroom::text::Template;

use crate::args::Render;
use crate::exit::{Failure, unresolved};
use crate::{input, place, session};

pub(crate) fn run(args: &Render, named: &[PathBuf]) -> Result<(), Failure> {
    let output = args.output.as_deref();
    let (name, text) = input::read(&args.template)?;
    let template = Template::parse(&name, &text);
    place::check(output)?;
    let registry = session::config(named)?.build()?;
    let rendered = session::with(&registry, template.render(&registry))?
        .map_err(|failures| unresolved(&failures, &name, named))?;
    place::write(rendered.as_bytes(), output, args.mode)
}
