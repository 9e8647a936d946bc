//! What is said while a command works: nothing but warnings, unless `-v` or `STRONGROOM_LOG` ask for more.
//!
//! Only what Strongroom itself says is heard, so that no other crate's idea of a log line reaches the terminal, and
//! `RUST_LOG` has no say.

use std::fmt::{self, Write as _};
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom::{Error, ErrorKind};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, fmt as logs, registry};

const VARIABLE: &str = "STRONGROOM_LOG";

/// What all our crates' names begin with.
const OURS: &str = "strongroom";

/// Where a vault's outages are noticed. They are for programs that go on; a command ends with the error that says the same.
const OUTAGES: &str = "strongroom_core::cache::notice";

/// The warnings of this process, to be shown when the command has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// The warnings so far, each once.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, warning: String) {
        let mut warnings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// Starts listening. With `-v` or a level above `warn`, all is shown as it happens; else warnings are kept.
pub(crate) fn start(verbosity: u8) -> Result<Warnings, Error> {
    let level = level(verbosity)?;
    let ours = Targets::new().with_target(OURS, level);
    let warnings = Warnings::default();
    // The only way to fail is that a subscriber is set already, and nobody else sets one.
    let _ = if level > LevelFilter::WARN {
        let lines = logs::layer().with_writer(io::stderr).with_ansi(false);
        tracing::subscriber::set_global_default(registry().with(lines.with_filter(ours)))
    } else {
        let ours = ours.with_target(OUTAGES, LevelFilter::OFF);
        tracing::subscriber::set_global_default(registry().with(warnings.clone().with_filter(ours)))
    };
    Ok(warnings)
}

/// Arguments win over the environment.
fn level(verbosity: u8) -> Result<LevelFilter, Error> {
    let text = std::env::var_os(VARIABLE).unwrap_or_default();
    let text = text.to_str().unwrap_or("not UTF-8");
    let asked = if text.is_empty() { Ok(LevelFilter::WARN) } else { LevelFilter::from_str(text) };
    // Numbers are the levels' own syntax, not ours.
    let asked = asked.ok().filter(|_| !text.starts_with(|first: char| first.is_ascii_digit()));
    let asked = asked.ok_or_else(|| {
        let what = "expected off, error, warn, info, debug or trace";
        Error::new(ErrorKind::InvalidConfig, what).at(format_args!("variable {VARIABLE}"))
    })?;
    Ok(match verbosity {
        0 => asked,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    })
}

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.add(line.message + &line.fields);
    }
}

/// The message of an event, and behind it its other fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_warnings_are_kept_and_each_once() {
        let warnings = Warnings::default();
        let ours = Targets::new().with_target(OURS, LevelFilter::WARN);
        tracing::subscriber::with_default(registry().with(warnings.clone().with_filter(ours)), || {
            tracing::warn!(target: "strongroom_hashicorp::tls", vault = "a", "not verified");
            tracing::warn!(target: "strongroom_hashicorp::tls", vault = "a", "not verified");
            tracing::info!(target: "strongroom_hashicorp::tls", "connected");
            tracing::warn!(target: "reqwest", "somebody else's");
        });
        assert_eq!(warnings.take(), ["not verified vault=a"]);
        assert!(warnings.take().is_empty());
    }
}
