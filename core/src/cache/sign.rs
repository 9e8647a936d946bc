//! Whether anybody drives a runtime. One that ends drops its tasks, which says so; one that is alive and stands still,
//! as a current-thread runtime does between two `block_on`, says nothing: it is asked for a sign of life.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Handle;

/// After how many steps of the keeper without a sign a runtime is asked for one: a second.
const ASKED: u32 = 20;

/// After how many more it stands still: two seconds. One that is merely busy answers sooner.
const PATIENCE: u32 = 40;

/// Watches one runtime. Counts steps of the keeper and not time, so that a program that was stopped for a while blames
/// no runtime for that.
#[derive(Debug)]
pub(super) struct Sign {
    runtime: Handle,
    steps: u32,
    /// What the runtime sets if it is driven.
    asked: Option<Arc<AtomicBool>>,
}

impl Sign {
    pub(super) fn of(runtime: Handle) -> Self {
        Self { runtime, steps: 0, asked: None }
    }

    /// Whether the runtime stands still. Called at every step of the keeper.
    pub(super) fn is_missing(&mut self) -> bool {
        self.steps += 1;
        match &self.asked {
            None if self.steps >= ASKED => {
                let sign = Arc::new(AtomicBool::new(false));
                self.asked = Some(sign.clone());
                self.steps = 0;
                self.runtime.spawn(async move { sign.store(true, Ordering::Relaxed) });
            }
            Some(sign) if sign.load(Ordering::Relaxed) => {
                self.asked = None;
                self.steps = 0;
            }
            Some(_) => return self.steps >= PATIENCE,
            None => {}
        }
        false
    }
}
