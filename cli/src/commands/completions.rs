//! `completions`: scripts for shells.

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::exit::Failure;
use crate::output;

pub(crate) fn run(args: &Completions) -> Result<(), Failure> {
    // The generator panics where it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "strongroom", &mut script);
    output::print(|out| out.write_all(&script))
}
