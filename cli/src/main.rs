//! The `strongroom` command: arguments in, results and errors out.
//!
//! What it does with vaults and references is the `strongroom` crate's work.

mod args;
mod commands;
mod discover;
mod env_file;
mod exit;
mod input;
mod kong;
mod log;
mod output;
mod place;
mod session;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::Cli;
use exit::Exit;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli),
        Err(error) => usage(&error),
    };
    exit.into()
}

fn run(cli: &Cli) -> Exit {
    let warnings = match log::start(cli.verbosity()) {
        Ok(warnings) => warnings,
        Err(error) => return output::failed(&error.into()),
    };
    let exit = match commands::run(cli, &warnings) {
        Ok(()) => Exit::Done,
        Err(failure) => output::failed(&failure),
    };
    output::warn(&warnings.take());
    exit
}

/// Help and version go to standard output, all else that clap says is a usage error.
fn usage(error: &clap::Error) -> Exit {
    let mut text = error.render().to_string();
    if error.use_stderr() {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            text.insert_str(0, "error: no command is given\n\n");
        }
        output::complain(&text);
        return Exit::Usage;
    }
    match output::print(|out| out.write_all(text.as_bytes())) {
        Ok(()) => Exit::Done,
        Err(failure) => output::failed(&failure),
    }
}
