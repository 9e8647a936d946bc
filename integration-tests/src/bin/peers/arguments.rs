//! The command line.

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::TABLES;
use crate::rounds::Plan;

/// Measures Strongroom beside others and writes the tables into docs/benchmarks.md.
#[derive(Parser)]
#[command(name = "peers")]
pub(crate) struct Arguments {
    /// Only this table; may be given several times.
    #[arg(long, value_name = "TABLE", value_parser = PossibleValuesParser::new(TABLES.iter().map(|table| table.name)))]
    only: Vec<String>,

    /// How many rounds the figures are medians of; fewer than 5 are not written [default: 5].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,

    /// Two short rounds, to see that everything works. Such figures are worth nothing and are not written.
    #[arg(long)]
    quick: bool,

    /// Only prints.
    #[arg(long)]
    no_write: bool,

    #[command(subcommand)]
    pub(crate) child: Option<Child>,
}

/// What this program starts of itself, in a process of its own.
#[derive(Subcommand)]
pub(crate) enum Child {
    /// A server that gives the same answer to everybody.
    #[command(hide = true)]
    Stub,
    /// Counts what a contender takes of the heap.
    #[command(hide = true)]
    Heap {
        /// Which one.
        contender: String,
    },
}

impl Arguments {
    /// As they were given; ends the process where they are wrong or ask for help.
    pub(crate) fn read() -> Self {
        Self::parse()
    }

    pub(crate) fn plan(&self) -> Plan {
        let usual = if self.quick { 2 } else { 5 };
        Plan { rounds: self.rounds.map_or(usual, usize::from), quick: self.quick }
    }

    pub(crate) fn wants(&self, table: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == table)
    }

    pub(crate) fn writes(&self) -> bool {
        !self.quick && !self.no_write && self.rounds.is_none_or(|rounds| rounds >= 5)
    }
}
