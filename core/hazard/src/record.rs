//! The places of each thread.
//!
//! A thread takes a record of them when it reads for the first time, and gives it back when it ends; records are never
//! freed, so there are as many as there were threads at the same time.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::place::{Noted, Place};

/// How many things a thread reads at the same time without a count. More are counted.
const PLACES: usize = 8;

/// The places of one thread, apart in memory from those of others: they are written with each read.
#[derive(Debug)]
#[repr(align(128))]
struct Record {
    places: [Place; PLACES],
    is_taken: AtomicBool,
    next: OnceLock<&'static Self>,
}

static FIRST: OnceLock<&'static Record> = OnceLock::new();

thread_local! {
    /// Without a destructor, so that looking at it is one load.
    static MINE: Cell<Option<&'static Record>> = const { Cell::new(None) };
    static LEASE: Lease = const { Lease(Cell::new(None)) };
}

/// Gives a thread's record back when the thread ends.
struct Lease(Cell<Option<&'static Record>>);

impl Drop for Lease {
    fn drop(&mut self) {
        MINE.set(None);
        if let Some(record) = self.0.take() {
            // What a guard that outlives this still reads stays noted; whoever takes the record leaves that place alone.
            record.is_taken.store(false, Ordering::Release);
        }
    }
}

/// An empty place of this thread's; none where all are in use, or the thread ends.
#[inline]
pub(crate) fn place() -> Option<&'static Place> {
    // Most threads read one thing at a time.
    match MINE.get() {
        Some(Record { places: [first, ..], .. }) if first.is_empty() => Some(first),
        record => further_place(record),
    }
}

#[inline(never)]
fn further_place(record: Option<&'static Record>) -> Option<&'static Place> {
    let record = match record {
        Some(record) => record,
        None => lease()?,
    };
    record.places.iter().find(|place| place.is_empty())
}

#[cold]
fn lease() -> Option<&'static Record> {
    LEASE
        .try_with(|lease| {
            let record = take();
            lease.0.set(Some(record));
            MINE.set(Some(record));
            record
        })
        .ok()
}

/// A place that belongs to no thread: for one at a time, who sees to that.
pub(crate) fn shared() -> &'static Place {
    static SHARED: OnceLock<&'static Record> = OnceLock::new();
    let [first, ..] = &SHARED.get_or_init(take).places;
    first
}

/// A record that no thread has.
fn take() -> &'static Record {
    let is_free = |record: &&Record| {
        !record.is_taken.load(Ordering::Relaxed) && !record.is_taken.swap(true, Ordering::Acquire)
    };
    all().find(is_free).unwrap_or_else(|| {
        let mut new: &'static Record = Box::leak(Box::new(Record {
            places: std::array::from_fn(|_| Place::new()),
            is_taken: AtomicBool::new(true),
            next: OnceLock::new(),
        }));
        let made = new;
        let mut end = &FIRST;
        while let Err(unplaced) = end.set(new) {
            new = unplaced;
            // Somebody else's came first: ours goes behind it.
            if let Some(record) = end.get() {
                end = &record.next;
            }
        }
        made
    })
}

fn all() -> impl Iterator<Item = &'static Record> {
    std::iter::successors(FIRST.get().copied(), |record| record.next.get().copied())
}

/// All that is being read now. Whoever wants to know of what was replaced runs [`heavy`](crate::barrier::heavy) first.
pub(crate) fn noted() -> impl Iterator<Item = Noted> {
    all().flat_map(|record| &record.places).filter_map(Place::noted)
}
