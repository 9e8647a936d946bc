//! The places of each thread, and those that are for everybody.
//!
//! A thread takes a record of places when it reads for the first time, and gives it back when it ends. Who reads more at a
//! time, or reads while its thread ends, claims a place of a record that belongs to nobody. Records are never freed, so
//! there are as many as were needed at the same time.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::place::Place;

/// How many things a thread reads at the same time in places of its own.
const PLACES: usize = 8;

/// Some places, apart in memory from others: they are written with each read.
#[derive(Debug)]
#[repr(align(128))]
struct Record {
    places: [Place; PLACES],
    owner: AtomicU8,
    next: OnceLock<&'static Self>,
}

/// Whose a record is.
const NOBODY: u8 = 0;
const A_THREAD: u8 = 1;
const EVERYBODY: u8 = 2;

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
            // A guard that outlives this goes on using its place, and no other thread may take it for its own.
            let is_empty = record.places.iter().all(Place::is_empty);
            record.owner.store(if is_empty { NOBODY } else { EVERYBODY }, Ordering::Release);
        }
    }
}

/// An empty place.
#[inline]
pub(crate) fn place() -> &'static Place {
    // Most threads read one thing at a time.
    match MINE.get() {
        Some(Record { places: [first, ..], .. }) if first.is_empty() => first,
        record => further_place(record),
    }
}

#[inline(never)]
fn further_place(record: Option<&'static Record>) -> &'static Place {
    let record = record.or_else(lease);
    let empty = record.and_then(|record| record.places.iter().find(|place| place.is_empty()));
    empty.unwrap_or_else(claim)
}

/// This thread's record from now on; none where the thread ends.
#[cold]
fn lease() -> Option<&'static Record> {
    LEASE
        .try_with(|lease| {
            let record = take(A_THREAD);
            lease.0.set(Some(record));
            MINE.set(Some(record));
            record
        })
        .ok()
}

/// A place of those that are for everybody.
#[cold]
fn claim() -> &'static Place {
    loop {
        let shared = all().filter(|record| record.owner.load(Ordering::Acquire) == EVERYBODY);
        if let Some(place) = shared.flat_map(|record| &record.places).find(|place| place.claim()) {
            return place;
        }
        take(EVERYBODY);
    }
}

/// A record that was nobody's.
fn take(owner: u8) -> &'static Record {
    let takes = |record: &&Record| {
        let owned = record.owner.compare_exchange(NOBODY, owner, Ordering::Acquire, Ordering::Relaxed);
        owned.is_ok()
    };
    all().find(takes).unwrap_or_else(|| {
        let mut new: &'static Record = Box::leak(Box::new(Record {
            places: std::array::from_fn(|_| Place::new()),
            owner: AtomicU8::new(owner),
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

/// All places. Whoever wants to know who reads what was replaced runs [`heavy`](crate::barrier::heavy) first.
pub(crate) fn places() -> impl Iterator<Item = &'static Place> {
    all().flat_map(|record| &record.places)
}
