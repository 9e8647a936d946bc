//! One file a command.

mod check;
mod completions;
mod exec;
mod get;
mod parse;
mod references;
mod render;
mod resolve;
mod schema;

use crate::args::{Cli, Command};
use crate::exit::Failure;
use crate::log::Warnings;

/// What one command does. `warnings` are shown when it has ended.
pub(crate) fn run(cli: &Cli, warnings: &Warnings) -> Result<(), Failure> {
    match &cli.command {
        Command::Get(args) => get::run(args, &cli.config()),
        Command::Parse(args) => parse::run(args),
        Command::Resolve(args) => resolve::run(args, &cli.config()),
        Command::Render(args) => render::run(args, &cli.config()),
        Command::Exec(args) => exec::run(args, &cli.config(), warnings),
        Command::Check(args) => check::run(args, &cli.config()),
        Command::Schema(_) => schema::run(),
        Command::Completions(args) => completions::run(args),
    }
}
