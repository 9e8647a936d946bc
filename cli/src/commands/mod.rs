//! One file a command.

mod check;
mod completions;
mod get;
mod parse;
mod schema;

use crate::args::{Cli, Command};
use crate::exit::Failure;

pub(crate) fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Get(args) => get::run(args, &cli.config()),
        Command::Parse(args) => parse::run(args),
        Command::Check(args) => check::run(args, &cli.config()),
        Command::Schema(_) => schema::run(),
        Command::Completions(args) => completions::run(args),
    }
}
