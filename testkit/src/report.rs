//! What came of each trial.

use std::fmt;
use std::future::Future;

/// What came of one trial.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It did as it must.
    Passed,
    /// It did not, and what it did instead.
    Failed(String),
    /// The product cannot do this.
    LeftOut,
}

/// What came of all trials, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<Line>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    subject: &'static str,
    trial: &'static str,
    outcome: Outcome,
}

/// What a trial finds: nothing to complain of, or what.
pub(crate) type Verdict = Result<(), String>;

impl Report {
    pub(crate) fn add(&mut self, subject: &'static str, trial: &'static str, outcome: Outcome) {
        self.0.push(Line { subject, trial, outcome });
    }

    /// Each trial by name.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, &Outcome)> {
        self.0.iter().map(|line| (line.trial, &line.outcome))
    }

    /// What the trials are about, in their order.
    #[must_use]
    pub fn subjects(&self) -> Vec<&'static str> {
        let mut subjects: Vec<_> = self.0.iter().map(|line| line.subject).collect();
        subjects.dedup();
        subjects
    }

    /// How many trials of a subject passed, and how many there were that the product can do.
    #[must_use]
    pub fn count(&self, subject: &str) -> (usize, usize) {
        let about = || self.0.iter().filter(|line| line.subject == subject);
        let of = |wanted: fn(&Outcome) -> bool| about().filter(|line| wanted(&line.outcome)).count();
        (of(|outcome| *outcome == Outcome::Passed), of(|outcome| *outcome != Outcome::LeftOut))
    }

    /// How many trials passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.outcomes().filter(|(_, outcome)| **outcome == Outcome::Passed).count()
    }

    /// Whether no trial failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        !self.outcomes().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
    }

    /// Panics with the whole report where a trial failed, as a test wants it.
    ///
    /// # Panics
    ///
    /// Where a trial failed.
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.is_ok(), "it does not conform:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { subject, trial, outcome } in &self.0 {
            match outcome {
                Outcome::Passed => writeln!(f, "  ok        {subject}: {trial}")?,
                Outcome::LeftOut => writeln!(f, "  left out  {subject}: {trial}")?,
                Outcome::Failed(what) => writeln!(f, "  FAILED    {subject}: {trial}: {what}")?,
            }
        }
        Ok(())
    }
}

/// Starts a trial. A panic is a failed trial like any other.
pub(crate) fn start(
    trial: impl Future<Output = Verdict> + Send + 'static,
) -> impl Future<Output = Outcome> + Send {
    let running = tokio::spawn(trial);
    async {
        match running.await {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(what)) => Outcome::Failed(what),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}
