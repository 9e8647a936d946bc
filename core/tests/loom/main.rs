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

mod handing_over;
mod showing;
mod small;
mod sync;

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
// For the modules, which look for them in the crate and beside themselves.
use small::{Error, ErrorKind, Vault, cell, escaped, folders, line, notice};

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
