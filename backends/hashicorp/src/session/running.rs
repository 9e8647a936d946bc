//! Where a session's task runs, and whether anybody drives that: a current-thread runtime stands still between two
//! `block_on`, and with it all that was left there. Readers elsewhere take the task back and start another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_core::Recall;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Core;
use crate::sync::{Arc, Mutex, lock};

/// How long a reader waits before it looks whether anybody drives the task: longer than most logins take.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// How soon a runtime that is driven says so, however busy it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// The task of a session, and its runtime.
#[derive(Clone)]
pub(super) struct Running {
    runtime: Handle,
    recall: Recall,
    /// Since when its runtime owes a sign of life. Readers share it: each may have less time than that takes.
    doubt: Arc<Mutex<Option<(Instant, Sign)>>>,
}

/// Is set by a runtime that is driven.
pub(super) struct Sign(Arc<AtomicBool>);

impl Core {
    /// The task, where it runs in another runtime than the caller's.
    pub(super) fn running_elsewhere(&self) -> Option<Running> {
        let running = lock(&self.running).clone()?;
        let here = Handle::try_current().ok().map(|here| here.id());
        (here != Some(running.runtime.id())).then_some(running)
    }
}

impl Running {
    pub(super) fn new(runtime: Handle, recall: Recall) -> Self {
        Self { runtime, recall, doubt: Arc::default() }
    }

    /// Asks its runtime for a sign of life.
    pub(super) fn ask_for_a_sign(&self) -> Sign {
        let sign = Arc::new(AtomicBool::new(false));
        let given = sign.clone();
        self.runtime.spawn(async move { given.store(true, Ordering::Relaxed) });
        Sign(sign)
    }

    /// Whether its runtime has owed a sign of life for too long. Called now and then by whoever waits.
    pub(super) fn is_lost(&self) -> bool {
        let mut doubt = lock(&self.doubt);
        match &*doubt {
            None => *doubt = Some((Instant::now(), self.ask_for_a_sign())),
            Some((_, sign)) if sign.is_given() => *doubt = None,
            Some((since, _)) => return since.elapsed() >= PATIENCE,
        }
        false
    }

    /// Takes the task back, without which the session has no owner any more.
    pub(super) fn take_back(&self) {
        tracing::warn!("the runtime in which the session runs stands still: it goes on in another");
        self.recall.recall();
    }
}

impl Sign {
    pub(super) fn is_given(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
