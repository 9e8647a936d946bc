//! What Strongroom costs beside others, in one run:
//! `cargo run --release -p strongroom-integration-tests --features peers --bin peers`.
//!
//! Each table has a file of its own that says what is measured and how. Contenders take turns in rounds; figures are
//! medians of the rounds, ratios medians of the rounds' ratios, so that a machine that slows down slows all of them.
//! Everything is on one machine: clients, servers and proxies share its cores.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `rounds` | contenders, turns, medians |
//! | `report`, `document` | a table with its bars, and its place in `docs/benchmarks.md` |
//! | `entries` | cached secrets to be read, and the order in which they are |
//! | `hits`, `handles`, `texts`, `writer` | reads from memory |
//! | `reader`, `load` | readers of a server, and what so many at a time reach |
//! | `cold`, `stub`, `herd`, `proxy` | reads from a server |
//! | `stub_server`, `bao_proxy`, `hvac`, `child` | processes beside this one |
//! | `heap` | what a cached secret takes |
//! | `command` | one process a read |

mod arguments;
mod bao_proxy;
mod child;
mod cold;
mod command;
mod distance;
mod document;
mod entries;
mod handles;
mod heap;
mod herd;
mod hits;
mod hvac;
mod load;
mod proxy;
mod reader;
mod report;
mod rounds;
mod stub;
mod stub_server;
mod texts;
mod writer;

use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Child};
use report::Section;
use rounds::Plan;

/// A table by its name: what `--only` takes.
struct Table {
    name: &'static str,
    run: fn(&Plan) -> Section,
}

const TABLES: &[Table] = &[
    Table { name: "handles", run: handles::run },
    Table { name: "texts", run: texts::run },
    Table { name: "writer", run: writer::run },
    Table { name: "cold", run: cold::run },
    Table { name: "stub", run: stub::run },
    Table { name: "herd", run: herd::run },
    Table { name: "proxy", run: proxy::run },
    Table { name: "heap", run: heap::run },
    Table { name: "command", run: command::run },
];

fn main() -> ExitCode {
    let arguments = Arguments::read();
    match arguments.child {
        Some(Child::Stub) => {
            stub_server::serve();
            return ExitCode::SUCCESS;
        }
        Some(Child::Heap { contender }) => {
            heap::measure(&contender);
            return ExitCode::SUCCESS;
        }
        None => {}
    }
    let plan = arguments.plan();
    let mut missed = false;
    for table in TABLES.iter().filter(|table| arguments.wants(table.name)) {
        let started = Instant::now();
        let section = (table.run)(&plan);
        let text = section.text();
        println!("{text}");
        eprintln!("[{}: {:.0} s]", table.name, started.elapsed().as_secs_f64());
        missed |= section.is_missed();
        if arguments.writes()
            && let Err(error) = document::replace(table.name, &text)
        {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    }
    if missed {
        eprintln!("not every bar is met");
    }
    ExitCode::SUCCESS
}
