//! What came of each trial.

use std::fmt;

/// What came of one trial.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The backend did as it must.
    Passed,
    /// It did not, and what it did instead.
    Failed(String),
    /// The product cannot do this.
    LeftOut,
}

/// What came of all trials, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<(&'static str, Outcome)>);

impl Report {
    pub(crate) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.0.push((name, outcome));
    }

    /// Each trial by name.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Outcome)> {
        self.0.iter().map(|(name, outcome)| (*name, outcome))
    }

    /// How many trials passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.0.iter().filter(|(_, outcome)| *outcome == Outcome::Passed).count()
    }

    /// Whether no trial failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.0.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
    }

    /// Panics with the whole report where a trial failed, as a test wants it.
    ///
    /// # Panics
    ///
    /// Where a trial failed.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.is_ok(), "the backend does not conform:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.0 {
            match outcome {
                Outcome::Passed => writeln!(f, "  ok        {name}")?,
                Outcome::LeftOut => writeln!(f, "  left out  {name}")?,
                Outcome::Failed(what) => writeln!(f, "  FAILED    {name}: {what}")?,
            }
        }
        Ok(())
    }
}
