//! A section of `docs/benchmarks.md`: what was measured, its tables, and what was hoped for.

use std::fmt::Write as _;

/// One section.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What is measured, and how.
    pub(crate) about: String,
    pub(crate) grids: Vec<Grid>,
    pub(crate) bars: Vec<Bar>,
}

/// A table.
pub(crate) struct Grid {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new<T: Into<String>>(head: impl IntoIterator<Item = T>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Something that has to hold, with what was measured.
pub(crate) struct Bar {
    what: String,
    must: String,
    goal: String,
    measured: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Better than it has to be.
    Goal,
    Met,
    Missed,
    /// There is a goal alone, and it is missed.
    Short,
    /// There is neither.
    Shown,
}

impl Bar {
    /// A figure that must not be higher.
    pub(crate) fn at_most(
        what: impl Into<String>,
        measured: f64,
        unit: &str,
        must: f64,
        goal: Option<f64>,
    ) -> Self {
        let fits = |limit: f64| measured <= limit;
        Self::judge(what, "at most", measured, unit, Some(must), goal, fits)
    }

    /// A figure that must not be lower.
    pub(crate) fn at_least(
        what: impl Into<String>,
        measured: f64,
        unit: &str,
        must: f64,
        goal: Option<f64>,
    ) -> Self {
        let fits = |limit: f64| measured >= limit;
        Self::judge(what, "at least", measured, unit, Some(must), goal, fits)
    }

    /// A figure that is hoped to be no higher.
    pub(crate) fn goal_at_most(what: impl Into<String>, measured: f64, unit: &str, goal: f64) -> Self {
        Self::judge(what, "at most", measured, unit, None, Some(goal), |limit| measured <= limit)
    }

    /// A figure that explains another one.
    pub(crate) fn shown(what: impl Into<String>, measured: f64, unit: &str) -> Self {
        Self::judge(what, "", measured, unit, None, None, |_| true)
    }

    /// Counts that must all be one and the same.
    pub(crate) fn always(what: impl Into<String>, measured: &[usize], must: usize) -> Self {
        let verdict =
            if measured.iter().all(|count| *count == must) { Verdict::Met } else { Verdict::Missed };
        Self {
            what: what.into(),
            must: must.to_string(),
            goal: String::new(),
            measured: range(measured),
            verdict,
        }
    }

    fn judge(
        what: impl Into<String>,
        word: &str,
        measured: f64,
        unit: &str,
        must: Option<f64>,
        goal: Option<f64>,
        fits: impl Fn(f64) -> bool,
    ) -> Self {
        let verdict = match (must, goal) {
            (_, Some(goal)) if fits(goal) => Verdict::Goal,
            (Some(must), _) if fits(must) => Verdict::Met,
            (Some(_), _) => Verdict::Missed,
            (None, Some(_)) => Verdict::Short,
            (None, None) => Verdict::Shown,
        };
        let limit = |limit: Option<f64>| {
            limit.map(|limit| format!("{word} {} {unit}", number(limit))).unwrap_or_default()
        };
        Self {
            what: what.into(),
            must: limit(must),
            goal: limit(goal),
            measured: format!("{} {unit}", number(measured)),
            verdict,
        }
    }
}

impl Section {
    /// Whether something that must hold does not.
    pub(crate) fn is_missed(&self) -> bool {
        self.bars.iter().any(|bar| bar.verdict == Verdict::Missed)
    }

    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("## {}\n\n{}\n", self.title, self.about);
        for grid in &self.grids {
            text.push('\n');
            grid.write(&mut text);
        }
        if !self.bars.is_empty() {
            let mut grid = Grid::new(["what", "must", "goal", "measured", ""]);
            for bar in &self.bars {
                let verdict = match bar.verdict {
                    Verdict::Goal => "goal reached",
                    Verdict::Met => "met",
                    Verdict::Missed => "**not met**",
                    Verdict::Short => "goal not reached",
                    Verdict::Shown => "",
                };
                let cells = [&bar.what, &bar.must, &bar.goal, &bar.measured];
                grid.row(cells.into_iter().cloned().chain([verdict.to_owned()]));
            }
            text.push('\n');
            grid.write(&mut text);
        }
        text
    }
}

impl Grid {
    fn write(&self, text: &mut String) {
        let line = |text: &mut String, cells: &[String]| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(text, &self.head);
        let _ = writeln!(text, "|---|{}", "---:|".repeat(self.head.len() - 1));
        self.rows.iter().for_each(|row| line(text, row));
    }
}

/// Three figures of a number, more where it is large.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `7`, or `1 to 7` where they differ.
pub(crate) fn range(counts: &[usize]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        _ => "none".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bar: &Bar) -> Verdict {
        bar.verdict
    }

    #[test]
    fn a_bar_is_met_or_not() {
        assert!(verdict(&Bar::at_most("a", 1.2, "x", 1.5, Some(1.3))) == Verdict::Goal);
        assert!(verdict(&Bar::at_most("a", 1.4, "x", 1.5, Some(1.3))) == Verdict::Met);
        assert!(verdict(&Bar::at_most("a", 1.6, "x", 1.5, Some(1.3))) == Verdict::Missed);
        assert!(verdict(&Bar::at_least("a", 0.98, "x", 0.97, Some(1.0))) == Verdict::Met);
        assert!(verdict(&Bar::at_least("a", 0.96, "x", 0.97, None)) == Verdict::Missed);
        assert!(verdict(&Bar::goal_at_most("a", 5.0, "ms", 3.0)) == Verdict::Short);
        assert!(verdict(&Bar::always("a", &[1, 1, 1], 1)) == Verdict::Met);
        assert!(verdict(&Bar::always("a", &[1, 2, 1], 1)) == Verdict::Missed);
        assert!(verdict(&Bar::at_most("a", f64::NAN, "x", 1.5, None)) == Verdict::Missed);
    }

    #[test]
    fn counts_are_one_or_a_range() {
        assert_eq!(range(&[3, 3]), "3");
        assert_eq!(range(&[9, 1, 3]), "1 to 9");
        assert_eq!(range(&[]), "none");
    }
}
