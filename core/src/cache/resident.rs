//! Tasks that stay on the host as long as there is something for them to do. Where their runtime stands still they are
//! dropped there, and whoever needs them has them started elsewhere, as if it had ended.

use std::future::Future;
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::{Handle, Id};

use super::rotate::note;
use super::seat::Task;
use super::sign::Sign;
use super::{Cache, Mount};
use crate::sync::lock;
use crate::{Error, recall};

/// All of a registry.
#[derive(Default)]
pub(super) struct Residents {
    houses: Mutex<Vec<House>>,
    /// The vaults that nobody follows any more, until there is a host again.
    left_behind: Mutex<Vec<Weak<Mount>>>,
}

/// Those of one runtime.
struct House {
    runtime: Id,
    sign: Sign,
    tasks: Vec<Task>,
}

impl Residents {
    fn add(&self, task: Task) {
        let mut houses = lock(&self.houses);
        let id = task.runtime.id();
        match houses.iter_mut().find(|house| house.runtime == id) {
            Some(house) => house.tasks.push(task),
            None => {
                let sign = Sign::of(task.runtime.clone());
                houses.push(House { runtime: id, sign, tasks: vec![task] });
            }
        }
    }

    /// Notes that a vault is followed no more, though it is wanted.
    pub(super) fn leave_behind(&self, mount: &Arc<Mount>) {
        let mut left_behind = lock(&self.left_behind);
        if !left_behind.iter().any(|known| known.as_ptr() == Arc::as_ptr(mount)) {
            left_behind.push(Arc::downgrade(mount));
        }
    }

    /// Those whose runtime stands still, which are no longer here. Called at every step of the keeper.
    fn evict(&self) -> Vec<Task> {
        let mut evicted = Vec::new();
        lock(&self.houses).retain_mut(|house| {
            house.tasks.retain(|task| !task.recall.is_over());
            if !house.tasks.is_empty() && house.sign.is_missing() {
                evicted.append(&mut house.tasks);
            }
            !house.tasks.is_empty()
        });
        evicted
    }
}

impl Cache {
    /// Runs a task on the host, which is the caller's runtime if there is none yet. It is dropped with its runtime, or
    /// where that stands still.
    ///
    /// # Errors
    ///
    /// There is no host, and the caller is in no runtime.
    pub(crate) fn keep_running<T>(&self, task: impl FnOnce(Id) -> T) -> Result<(), Error>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.host.home()?;
        let (task, recall) = recall::of(Box::pin(task(runtime.id())));
        self.residents.add(Task { recall, runtime: runtime.clone() });
        runtime.spawn(task);
        Ok(())
    }

    /// Drops the tasks of runtimes that stand still, and has what was left behind followed again where there is a host.
    /// Called at every step of the keeper.
    pub(super) fn look_after_residents(&self) {
        for task in self.residents.evict() {
            self.warn_of_a_standstill(task.runtime.id());
            task.recall();
        }
        if self.host.id().is_some() {
            let left_behind = std::mem::take(&mut *lock(&self.residents.left_behind));
            left_behind.iter().filter_map(Weak::upgrade).for_each(|mount| self.follow_anew(&mount));
        }
    }

    /// Says of a runtime that stands still what that means, if it is the host.
    pub(super) fn warn_of_a_standstill(&self, id: Id) {
        if self.host.id() == Some(id) {
            tracing::warn!(
                "the runtime of the background work stands still: it goes on where somebody reads"
            );
        }
    }

    fn follow_anew(&self, mount: &Arc<Mount>) {
        if let Some(mounted) = mount.current() {
            let _ = self.keep_following(mount, &mounted);
        }
    }

    /// Leaves a host that has ended or stands still. Should anybody drive it again, it is the host again, unless another
    /// has become it meanwhile; one that was chosen gives its place to none that was not.
    pub(crate) fn leave_host(&self, id: Id) {
        let Some((runtime, choice)) = self.host.leave(id) else { return };
        let cache = self.me.clone();
        runtime.spawn(async move {
            if let Some(cache) = cache.upgrade() {
                cache.return_to_host(choice);
            }
        });
    }

    fn return_to_host(&self, choice: Option<u32>) {
        if !self.host.resume(Handle::current(), choice) {
            return;
        }
        tracing::info!("background work goes on where it was: its runtime is driven again");
        let _ = self.keep_rotating();
        let mut mounts = Vec::new();
        self.table.for_each(|slot| note(&mut mounts, &slot.mount));
        mounts.iter().for_each(|mount| self.follow_anew(mount));
    }
}
