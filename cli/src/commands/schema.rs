//! `schema`: the JSON Schema of a configuration file.

use crate::exit::Failure;
use crate::output;

pub(crate) fn run() -> Result<(), Failure> {
    let schema = strongroom::config::schema(&strongroom::factories());
    output::print(|out| writeln!(out, "{schema}"))
}
