//! One process a read, the commands beside each other: `scripts/one_shot.py` measures, since a small program is needed to
//! start them.

use std::path::Path;
use std::process::{Command, Stdio};

use strongroom_integration_tests::binary;

use crate::report::{Grid, Section};
use crate::rounds::Plan;

pub(crate) fn run(plan: &Plan) -> Section {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/one_shot.py");
    let rounds = plan.count(30);
    let output = Command::new("python3")
        .arg(script)
        .arg(rounds.to_string())
        .arg(binary::find().unwrap())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "one_shot.py: {}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches(['|', ' ']).split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let mut grid = Grid::new(cells(lines.next().unwrap()));
    lines.filter(|line| !line.starts_with("|---")).for_each(|line| grid.row(cells(line)));
    let about = format!(
        "The commands, each round once each in a process of its own, against the same server over plain HTTP; medians \
         of {rounds} rounds. Wall time includes the launcher that measures, a few milliseconds for both. Over https \
         `strongroom get` needs about 35 ms of CPU, most of them spent by the TLS library when it seeds its random \
         numbers."
    );
    Section { title: "One process a read", about, grids: vec![grid], bars: Vec::new() }
}
