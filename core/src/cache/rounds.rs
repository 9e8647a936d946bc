//! The questions for versions that are under way. Each has a turn of its vault, which goes back where its runtime
//! stands still: what was asked about is then due again, and is asked for elsewhere.

use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::Handle;

use super::line::Turn;
use super::seat::Task;
use super::sign::Sign;
use super::slot::Slot;
use super::{Cache, Mount};
use crate::sync::lock;

/// All that are under way.
#[derive(Default)]
pub(super) struct Rounds(Mutex<Vec<(Weak<Errand>, Sign)>>);

/// One question, as those see it who look after it.
pub(super) struct Errand {
    cache: Weak<Cache>,
    mount: Arc<Mount>,
    /// Until it is over or was given up.
    turn: Mutex<Option<Turn>>,
    slots: Vec<Weak<Slot>>,
    /// Takes the question back from its runtime.
    task: Mutex<Option<Task>>,
}

impl Rounds {
    pub(super) fn begin(
        &self,
        cache: Weak<Cache>,
        turn: Turn,
        slots: Vec<Weak<Slot>>,
        runtime: &Handle,
    ) -> Arc<Errand> {
        let mount = turn.mount().clone();
        let errand =
            Arc::new(Errand { cache, mount, turn: Mutex::new(Some(turn)), slots, task: Mutex::default() });
        let mut under_way = lock(&self.0);
        under_way.retain(|(errand, _)| errand.strong_count() > 0);
        under_way.push((Arc::downgrade(&errand), Sign::of(runtime.clone())));
        errand
    }
}

impl Errand {
    /// It has become a task.
    pub(super) fn keep(&self, task: Task) {
        *lock(&self.task) = Some(task);
    }

    /// The next in line takes the turn. What the answer has put into the line begins also where the question was given
    /// up just before.
    pub(super) fn end(&self) {
        drop(self.take_turn());
        if let Some(cache) = self.cache.upgrade() {
            cache.pump(&self.mount);
        }
    }

    /// Whether somebody else sees to what was asked about.
    pub(super) fn was_given_up(&self) -> bool {
        lock(&self.turn).is_none()
    }

    fn take_turn(&self) -> Option<Turn> {
        lock(&self.turn).take()
    }
}

impl Cache {
    /// Gives up the questions of runtimes that stand still. Called at every step of the keeper.
    pub(super) fn look_after_rounds(&self) {
        let (mut given_up, mut looked_at) = (Vec::new(), Vec::new());
        lock(&self.rotation.rounds.0).retain_mut(|(errand, sign)| {
            let Some(errand) = errand.upgrade() else { return false };
            let is_lost = sign.is_missing();
            // This may be the last share of it by now: none is let go of under the lock.
            if is_lost { &mut given_up } else { &mut looked_at }.push(errand);
            !is_lost
        });
        for errand in given_up {
            let Some(turn) = errand.take_turn() else { continue };
            tracing::warn!(
                prefix = errand.mount.prefix(),
                "the runtime in which versions were asked for stands still: asking again elsewhere"
            );
            self.put_back(errand.slots.clone());
            drop(turn);
            errand.end();
            // With a place in the vault's window, for one.
            let task = lock(&errand.task).take();
            task.into_iter().for_each(Task::recall);
        }
    }
}
