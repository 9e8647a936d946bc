//! What a registry remembers of its vaults, and how readers get at it.
//!
//! | file | holds |
//! |---|---|
//! | `mount` | a prefix and the vault behind it, by generation |
//! | `table` | all slots by (mount, resource, version, options), within bounds |
//! | `slot` | one document and its cells |
//! | `state` | what is known of it, and what readers get by that |
//! | `landing` | how that changes: a document, none, a failure, the word of a listing |
//! | `cell` | one value, behind an atomic pointer to a `block` |
//! | `block` | a value and its limits, packed together |
//! | `blocks` | where blocks lie, and those that were replaced |
//! | `subject`, `kept` | what a slot is read by, and its document, in few bytes |
//! | `ask` | what one reference takes out of a document, and for how long |
//! | `index` | from the text of a reference to its cell |
//! | `flight` | single flight: one read at a time for a slot, and those who wait for it |
//! | `cockpit` | who flies: the first reader, or a task |
//! | `read` | how a flight goes: joining, reading, landing |
//! | `doubt` | answers that would take away what was given before |
//! | `batch` | flights of several slots in one request |
//! | `due` | what is due when |
//! | `plan` | when a slot is due next, and why |
//! | `rotate` | reading anew what is due, in the background |
//! | `watch` | the task that does so, and where it goes on when its runtime ends or stands still |
//! | `line` | how much of that a vault has to do at a time |
//! | `poll` | asking for the versions of a folder in place of its values |
//! | `rounds` | such questions that are under way |
//! | `folders` | which folders are asked so, and when |
//! | `notice` | what is told of all that: events, logs, figures |
//! | `outbox` | what is still to be told: under no lock, in its order |
//! | `survey` | what is in memory, vault by vault |
//! | `tally` | how many reads found a value, counted by each thread |
//! | `follow` | reading anew what a vault notices to have changed |
//! | `clock` | time in steps of 50 ms |
//! | `apart` | what every hit looks at, in a cache line of its own |
//! | `seat` | where its pilot sits, and what becomes of it if whoever reads vanishes |
//! | `stalled` | flights whose runtime nobody drives |
//! | `sign` | whether anybody drives a runtime |
//! | `host` | the runtime on which all this runs |
//! | `resident` | the tasks that stay there, and when it is left |

mod apart;
mod ask;
mod batch;
mod block;
mod blocks;
mod cell;
mod clock;
mod cockpit;
mod doubt;
mod due;
mod flight;
mod folders;
mod follow;
mod host;
mod index;
mod kept;
mod landing;
mod line;
mod mount;
mod notice;
mod outbox;
mod plan;
mod poll;
mod read;
mod resident;
mod rotate;
mod rounds;
mod seat;
mod sign;
mod slot;
mod stalled;
mod state;
mod subject;
mod survey;
mod table;
mod tally;
mod watch;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use strongroom_hazard::Guard;

use apart::Apart;
use ask::Asks;
pub(crate) use ask::{Extra, Wish};
pub(crate) use block::Block;
use blocks::Blocks;
pub(crate) use cell::{Cell, PinnedCell};
pub(crate) use clock::{AtomicTick, Clock, STEP, Tick};
pub(crate) use flight::Flights;
use host::Host;
use index::{Bounds, Index};
pub(crate) use mount::{Mount, Mounted};
use notice::Change;
use outbox::Outbox;
pub(crate) use read::Want;
use resident::Residents;
use rotate::Rotation;
use slot::Slot;
use stalled::Departures;
pub(crate) use state::Landings;
#[cfg(feature = "metrics")]
pub(crate) use survey::Survey;
pub use table::CacheLimits;
pub(crate) use table::Pinned;
use table::Table;
use tally::Tally;
use tokio::sync::broadcast;

use crate::sync::lock;
use crate::{Error, ErrorKind, Heard, ReadRequest, RotationEvents, events};

/// So many bytes the texts of references may have at least.
const LEAST_TEXTS: usize = 1 << 20;

/// All that a registry remembers.
pub(crate) struct Cache {
    clock: Apart<Clock>,
    table: Table,
    asks: Asks,
    index: Index,
    blocks: Blocks,
    host: Host,
    departures: Departures,
    residents: Residents,
    rotation: Rotation,
    events: broadcast::Sender<Heard>,
    outbox: Outbox<Change>,
    tally: Tally,
    /// Whether the clock is being moved.
    started: AtomicBool,
    starting: Mutex<()>,
    me: Weak<Self>,
}

impl Cache {
    pub(crate) fn new(limits: CacheLimits) -> Arc<Self> {
        Self::with_clock(limits, Clock::new())
    }

    pub(crate) fn with_clock(limits: CacheLimits, clock: Clock) -> Arc<Self> {
        // Here, since it takes a moment once there are threads.
        strongroom_hazard::prepare();
        Arc::new_cyclic(|me| Self {
            clock: Apart(clock),
            table: Table::new(limits),
            asks: Asks::default(),
            // A secret may be written in several ways, and have several keys.
            index: Index::new(Bounds {
                texts: limits.entries.max(1).saturating_mul(2),
                bytes: limits.bytes.max(LEAST_TEXTS),
            }),
            blocks: Blocks::new(),
            host: Host::default(),
            departures: Departures::default(),
            residents: Residents::default(),
            rotation: Rotation::default(),
            events: events::source(),
            outbox: Outbox::default(),
            tally: Tally::default(),
            started: AtomicBool::new(false),
            starting: Mutex::new(()),
            me: me.clone(),
        })
    }

    /// The slot of a document and the cell of what a reference takes from it.
    pub(crate) fn find(
        &self,
        mount: &Arc<Mount>,
        mounted: &Mounted,
        request: ReadRequest,
        wish: Wish<'_>,
    ) -> (Pinned, PinnedCell) {
        let (ask, now) = (self.asks.intern(wish), self.clock.now());
        let (slot, evicted) = self.table.pin(mount, request, &ask, now, &self.blocks);
        self.end(evicted);
        let (cell, ended) = slot.cell(&ask, mounted, now, &self.blocks);
        if ended > 0 {
            self.index.note_dead(ended);
        }
        self.table.weigh(&slot);
        self.end(self.table.relieve(now));
        self.hasten(&slot, mounted);
        (slot, cell)
    }

    /// What a text means, if that is known and may be served.
    #[inline]
    pub(crate) fn peek(&self, text: &str) -> Option<Guard<Block>> {
        let known = self.index.load(text)?;
        let now = self.clock.now();
        if known.is_live(now) {
            return Some(known);
        }
        // Its slot may have been evicted and made anew, which the big map learns of at the next merge.
        if known.is_gone() { self.index.load_new(text).filter(|block| block.is_live(now)) } else { None }
    }

    /// The present tick, a step late at most.
    #[inline]
    pub(crate) fn now(&self) -> Tick {
        self.clock.now()
    }

    /// Remembers what a text means.
    pub(crate) fn remember(&self, text: &str, cell: &PinnedCell) {
        self.index.insert(text, cell.unpinned());
    }

    /// After a vault was replaced, or its values are to be forgotten: drops what no handle holds, and reads the rest
    /// anew, whose handles show the old value until the new one is there.
    pub(crate) fn renew(&self, mount: &Arc<Mount>) {
        let of_the_mount = |slot: &Slot| Arc::ptr_eq(&slot.mount, mount);
        self.end(self.table.take(|slot| of_the_mount(slot) && !slot.is_pinned()));
        let forget = |slot: Pinned| {
            let since = Flights::join(&slot, |state, flying| {
                state.forget(&slot);
                // What is under way may bring what was there before.
                Some(if flying { state.landings().next() } else { state.landings() })
            });
            // Who waits for a change looks again.
            drop(slot.flights.announce(|_| ()));
            Some((slot, since.ok()?))
        };
        let held: Vec<_> = self.table.pin_all(of_the_mount).into_iter().filter_map(forget).collect();
        // Where there is no runtime yet, there is no handle that anybody waits for either.
        self.read_after(&held);
    }

    /// After a vault was removed: drops all of its values.
    pub(crate) fn drop_all(&self, mount: &Arc<Mount>) {
        self.end(self.table.take(|slot| Arc::ptr_eq(&slot.mount, mount)));
    }

    /// All slots.
    pub(crate) fn all(&self) -> Vec<Pinned> {
        self.table.pin_all(|_| true)
    }

    /// All slots that have a document or are held: no misses that are only remembered.
    pub(crate) fn all_that_matter(&self) -> Vec<Pinned> {
        self.table.pin_all(|slot| slot.is_pinned() || slot.flights.with(|state| state.document().is_some()))
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> RotationEvents {
        RotationEvents::of(&self.events)
    }

    /// Counts a read that found a value in memory.
    #[inline]
    pub(crate) fn count_hit(&self, is_fresh: bool) {
        self.tally.hit(is_fresh);
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    fn end(&self, slots: Vec<Arc<Slot>>) {
        for slot in slots {
            let (cells, woken) = slot.flights.announce(|state| state.end(&slot, &self.blocks));
            drop(woken);
            self.index.note_dead(cells);
        }
    }

    /// Has the clock moved from now on.
    fn start(&self) -> Result<(), Error> {
        if self.started.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one = lock(&self.starting);
        if !self.started.load(Ordering::Acquire) {
            self.start_keeper()?;
            self.started.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn start_keeper(&self) -> Result<(), Error> {
        #[cfg(test)]
        if self.clock.is_of_the_runtime() {
            self.host.home()?.spawn(keep_in_the_runtime(self.me.clone()));
            return Ok(());
        }
        let cache = self.me.clone();
        let keeper = std::thread::Builder::new().name("strongroom-keeper".into());
        keeper.spawn(move || keep(&cache)).map(drop).map_err(|error| {
            let message =
                "could not start the thread that keeps the time: the system has no room for another";
            Error::new(ErrorKind::Internal, message).with_source(error).transient()
        })
    }

    /// One step of the keeper's.
    fn step(&self) {
        self.clock.advance();
        self.departures.look_after();
        for slot in self.departures.take_lost() {
            if let Some(lost) = slot.upgrade() {
                lost.flights.with(|state| self.postpone(state, slot));
            }
        }
        self.tidy_what_is_due();
        self.look_after_rotation();
        self.look_after_residents();
        // Where there is no runtime, the next reader brings one.
        let _ = self.keep_rotating();
        self.blocks.sweep();
        self.index.merge();
        #[cfg(feature = "metrics")]
        self.report();
    }

    /// Passes figures on, once a second.
    #[cfg(feature = "metrics")]
    fn report(&self) {
        if self.tally.is_time(20) {
            let (fresh, stale) = self.tally.take();
            crate::metrics::hits(fresh, stale);
            self.survey().iter().for_each(crate::metrics::survey);
        }
    }
}

/// Moves the clock and tidies up, on a thread of its own so that no stalled runtime keeps an expired secret in
/// service. Ends with the cache.
fn keep(cache: &Weak<Cache>) {
    while let Some(cache) = cache.upgrade() {
        // What is let go of here may be the last of a backend, whose end is somebody else's code. The time goes on.
        let step = catch_unwind(AssertUnwindSafe(|| cache.step()));
        if step.is_err() {
            tracing::error!("something panicked where it was let go of; this is a defect in it");
        }
        drop(cache);
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
async fn keep_in_the_runtime(cache: Weak<Cache>) {
    while let Some(cache) = cache.upgrade() {
        cache.step();
        drop(cache);
        tokio::time::sleep(STEP).await;
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // Reads under way may hold slots: not what was in them, nor the vaults behind them.
        let slots = self.table.take(|_| true);
        slots.iter().for_each(|slot| drop(slot.mount.unmount()));
        self.end(slots);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("table", &self.table).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod pieces;
#[cfg(test)]
mod tests;
