//! The concurrent modules of the cache, as they are, on primitives whose every interleaving is tried.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "whole modules are included, for the part that is tried"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../src/cache/apart.rs"]
mod apart;
#[path = "../../src/cache/block.rs"]
mod block;
#[path = "../../src/cache/clock.rs"]
mod clock;
#[path = "../../src/cache/cockpit.rs"]
mod cockpit;
#[path = "../../src/cache/flight.rs"]
mod flight;
#[path = "../../src/cache/index.rs"]
mod index;
#[path = "../../src/cache/mount.rs"]
mod mount;
#[path = "../../src/recall.rs"]
mod recall;

mod small;
mod sync;

/// What modules find in the crate and beside them, in small.
use small::{Error, ErrorKind, Vault, cell, escaped, folders, line, notice};

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use block::{Block, Limits};
use clock::{Clock, Tick};
use cockpit::{Cockpit, FirstReader, Launch, Work};
use flight::Flights;
use index::{Bounds, Index};
use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use mount::Mount;

/// A slot in small: how often it was read, and how the last read ended.
#[derive(Debug, Default)]
struct Thing {
    landings: u32,
    value: Option<u32>,
}

#[derive(Clone)]
struct Owner(Arc<Flights<Thing>>);

impl AsRef<Flights<Thing>> for Owner {
    fn as_ref(&self) -> &Flights<Thing> {
        &self.0
    }
}

fn owner() -> Owner {
    Owner(Arc::new(Flights::new(Thing::default())))
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    model_with(3, run);
}

/// All interleavings with up to so many forced switches between threads.
fn model_with(switches: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(run);
}

/// Waits for the value as a reader does. Whoever has to fly counts it, and lands in a thread of its own.
fn read(owner: &Owner, reads: &Arc<AtomicUsize>) -> u32 {
    loop {
        match Flights::join(owner, |thing, _| thing.value) {
            Ok(value) => return value,
            Err((seen, pilot)) => {
                if let Some(pilot) = pilot {
                    let reads = reads.clone();
                    thread::spawn(move || {
                        let read = reads.fetch_add(1, Ordering::SeqCst) as u32;
                        drop(pilot.land(|thing| {
                            thing.landings += 1;
                            thing.value = Some(read);
                        }));
                    });
                }
                block_on(owner.0.news(seen));
            }
        }
    }
}

#[test]
fn readers_of_one_thing_share_one_flight_and_none_is_left_waiting() {
    model(|| {
        let (owner, reads) = (owner(), Arc::new(AtomicUsize::new(0)));
        let other = thread::spawn({
            let (owner, reads) = (owner.clone(), reads.clone());
            move || read(&owner, &reads)
        });
        assert_eq!(read(&owner, &reads), 0);
        assert_eq!(other.join().unwrap(), 0);
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_pilot_that_vanishes_leaves_nobody_waiting_and_the_next_reader_flies() {
    model(|| {
        let owner = owner();
        let Err((seen, Some(pilot))) = Flights::join(&owner, |thing, _| thing.value) else { unreachable!() };
        let vanishing = thread::spawn(move || drop(pilot.land(|thing| thing.landings += 1)));
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.landings), 1);
        let reads = Arc::new(AtomicUsize::new(7));
        assert_eq!(read(&owner, &reads), 7);
        vanishing.join().unwrap();
    });
}

#[test]
fn a_reader_that_goes_away_takes_nobody_with_it() {
    model(|| {
        let owner = owner();
        let Err((seen, Some(pilot))) = Flights::join(&owner, |thing, _| thing.value) else { unreachable!() };
        let leaver = thread::spawn({
            let owner = owner.clone();
            move || {
                let mut news = pin!(owner.0.news(seen));
                let _ = news.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        });
        let pilot = thread::spawn(move || drop(pilot.land(|thing| thing.value = Some(1))));
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.value), Some(1));
        leaver.join().unwrap();
        pilot.join().unwrap();
    });
}

#[test]
fn there_is_never_a_second_flight_at_a_time() {
    model(|| {
        let (owner, flying) = (owner(), Arc::new(AtomicUsize::new(0)));
        let fly = |owner: Owner, flying: Arc<AtomicUsize>| {
            if let Err((_, Some(pilot))) = Flights::join(&owner, |_, _| None::<()>) {
                assert_eq!(flying.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                flying.fetch_sub(1, Ordering::SeqCst);
                drop(pilot.land(|thing| thing.landings += 1));
            }
        };
        let other = thread::spawn({
            let (owner, flying) = (owner.clone(), flying.clone());
            move || fly(owner, flying)
        });
        fly(owner.clone(), flying);
        other.join().unwrap();
        assert!((1..=2).contains(&owner.0.with(|thing| thing.landings)));
    });
}

/// Makes a thread of each task.
struct Threads;

impl Launch for Threads {
    fn launch(&self, work: Work) {
        thread::spawn(move || block_on(work));
    }

    fn within<T>(&self, step: impl FnOnce() -> T) -> T {
        step()
    }
}

/// What a vault says, some time or other.
#[derive(Default)]
struct Answer(Mutex<(bool, Option<Waker>)>);

impl Answer {
    fn come(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A flight, which is woken by way of the standard library's wakers.
type Flight = std::sync::Arc<Cockpit<Threads>>;

/// A flight of `owner` that lands when the answer is there.
fn flight(owner: &Owner, answer: &Arc<Answer>) -> Flight {
    let Err((_, Some(pilot))) = Flights::join(owner, |thing, _| thing.value) else { unreachable!() };
    let answer = answer.clone();
    let work = async move {
        std::future::poll_fn(|cx| answer.poll(cx)).await;
        drop(pilot.land(|thing| thing.value = Some(1)));
    };
    Cockpit::new(Box::pin(work), Threads)
}

#[test]
fn a_flight_that_is_handed_over_at_any_moment_goes_on() {
    // Of four threads.
    model_with(2, || {
        let (owner, answer) = (owner(), Arc::new(Answer::default()));
        let cockpit = flight(&owner, &answer);
        let seen = owner.0.seen();
        let joining = thread::spawn({
            let cockpit = cockpit.clone();
            move || cockpit.hand_over()
        });
        let answering = thread::spawn(move || answer.come());
        block_on(FirstReader::new(cockpit));
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.value), Some(1));
        joining.join().unwrap();
        answering.join().unwrap();
    });
}

#[test]
fn a_first_reader_that_goes_away_leaves_its_flight_in_good_hands() {
    model(|| {
        let (owner, answer) = (owner(), Arc::new(Answer::default()));
        let cockpit = flight(&owner, &answer);
        let seen = owner.0.seen();
        let leaving = thread::spawn(move || {
            let mut first = pin!(FirstReader::new(cockpit));
            let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        let answering = thread::spawn(move || answer.come());
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.value), Some(1));
        leaving.join().unwrap();
        answering.join().unwrap();
    });
}

#[test]
fn who_learned_of_a_new_value_is_never_shown_the_one_remembered() {
    model(|| {
        let now = Clock::new().now();
        let limits = Limits { fetched: now, stale_from: Tick::NEVER, deadline: Tick::NEVER };
        let old = Arc::new(Block::of(b"old", limits, 1, None));
        // Stands for the atomic pointer of a cell.
        let cell = Arc::new(Mutex::new(old.clone()));
        let told = Arc::new(AtomicBool::new(false));
        let finder = thread::spawn({
            let (cell, told) = (cell.clone(), told.clone());
            move || {
                let found = cell.lock().unwrap().clone();
                // Whatever a reader finds in the cell may be served, also while it is being replaced.
                assert!(found.is_live(now));
                told.store(found.bytes() == b"new", Ordering::Release);
            }
        });
        let rememberer = thread::spawn({
            let old = old.clone();
            move || assert!(!(told.load(Ordering::Acquire) && old.is_current(now)))
        });
        old.move_on(now);
        *cell.lock().unwrap() = Arc::new(Block::of(b"new", limits, 2, None));
        finder.join().unwrap();
        rememberer.join().unwrap();
    });
}

#[test]
fn who_copies_several_values_under_the_lock_has_those_of_one_landing() {
    model(|| {
        let owner = owner();
        // Stand for the atomic pointers of two cells of one document.
        let cells = Arc::new([Mutex::new(1), Mutex::new(1)]);
        let put =
            |cells: &[Mutex<u32>; 2], value| cells.iter().for_each(|cell| *cell.lock().unwrap() = value);
        let Err((_, Some(pilot))) = Flights::join(&owner, |_, _| None::<()>) else { unreachable!() };
        let landing = thread::spawn({
            let cells = cells.clone();
            move || drop(pilot.land(|_| put(&cells, 2)))
        });
        let [user, password] = owner.0.with(|_| [0, 1].map(|at| *cells[at].lock().unwrap()));
        assert_eq!(user, password);
        landing.join().unwrap();
        assert_eq!(owner.0.with(|_| [0, 1].map(|at| *cells[at].lock().unwrap())), [2, 2]);
    });
}

/// Counts that it was dropped.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_is_taken_back_at_any_moment_is_dropped_once_and_its_task_ends() {
    model(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let held = Held(dropped.clone());
        let (task, recall) = recall::recallable(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        let driver = thread::spawn(move || block_on(task));
        let other = thread::spawn({
            let recall = recall.clone();
            move || recall.recall()
        });
        recall.recall();
        other.join().unwrap();
        // It ends though nothing else would wake it.
        driver.join().unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_text_that_was_remembered_is_found_whenever_its_map_is_merged() {
    model(|| {
        let index = Arc::new(Index::new(Bounds { texts: 8, bytes: 1024 }));
        let cells = [cell::CellRef::new(b"a"), cell::CellRef::new(b"b")];
        let find = |index: &Index, text: &str, value: &[u8]| {
            assert_eq!(index.load(text).unwrap().bytes(), value);
        };
        index.insert("a", &cells[0]);
        let merging = thread::spawn({
            let index = index.clone();
            move || index.merge()
        });
        let inserting = thread::spawn({
            let index = index.clone();
            move || {
                index.insert("b", &cells[1]);
                find(&index, "b", b"b");
            }
        });
        find(&index, "a", b"a");
        merging.join().unwrap();
        inserting.join().unwrap();
        find(&index, "a", b"a");
        find(&index, "b", b"b");
    });
}

#[test]
fn what_a_vault_has_said_is_never_published_once_another_is_in_its_place() {
    model(|| {
        let mount = Arc::new(Mount::new("crm", Vault::default()));
        let replaced = Arc::new(AtomicBool::new(false));
        let published = Arc::new(AtomicUsize::new(0));
        let generation = mount.current().unwrap().generation;
        let landing = thread::spawn({
            let (mount, replaced, published) = (mount.clone(), replaced.clone(), published.clone());
            move || {
                let landed = mount.while_current(generation, |mounted| {
                    assert_eq!(mounted.generation, generation);
                    assert!(!replaced.load(Ordering::SeqCst), "the other one is there already");
                    published.store(1, Ordering::SeqCst);
                    assert!(!replaced.load(Ordering::SeqCst), "it came in the middle");
                });
                landed.is_some()
            }
        });
        assert_eq!(mount.replace(Vault::default()).unwrap().generation, generation);
        replaced.store(true, Ordering::SeqCst);
        let before = published.load(Ordering::SeqCst);
        assert_eq!(landing.join().unwrap(), before == 1);
        assert_eq!(published.load(Ordering::SeqCst), before);
        assert_eq!(mount.while_current(generation + 1, |mounted| mounted.generation), Some(generation + 1));
    });
}
