//! The assembly, on real threads. What the parts do in each interleaving is tried in `tests/loom`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use crate::{Guard, Retired, Swap};

/// A value that says whether it was freed, and is not what it was afterwards.
struct Value {
    number: AtomicU64,
    alive: Arc<AtomicUsize>,
}

const FREED: u64 = u64::MAX;

impl Value {
    fn new(number: u64, alive: &Arc<AtomicUsize>) -> Arc<Self> {
        alive.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { number: AtomicU64::new(number), alive: alive.clone() })
    }

    fn number(&self) -> u64 {
        self.number.load(Ordering::Relaxed)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.number.store(FREED, Ordering::Relaxed);
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

fn alive(alive: &AtomicUsize) -> usize {
    alive.load(Ordering::Relaxed)
}

/// Notes are for the whole process, so tests are run one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees what is retired, though threads that read may stand still at any place.
fn sweep_all<T: Send + Sync>(retired: &Retired<T>, is_over: impl Fn() -> bool) {
    for _ in 0..10_000 {
        retired.sweep(drop);
        if is_over() {
            return;
        }
        thread::yield_now();
    }
    panic!("not all was freed");
}

#[test]
fn what_nobody_reads_is_freed_by_the_next_sweep() {
    let _alone = alone();
    let count = Arc::default();
    let (swap, retired) = (Swap::new(Value::new(1, &count)), Retired::new());
    retired.retire(swap.swap(Value::new(2, &count)), drop);
    sweep_all(&retired, || alive(&count) == 1);
    assert_eq!(swap.load().number(), 2);
    drop(swap);
    sweep_all(&retired, || alive(&count) == 0);
}

#[test]
fn what_somebody_reads_outlives_its_replacement_its_pointer_and_its_list() {
    let _alone = alone();
    let count = Arc::default();
    let (swap, retired) = (Swap::new(Value::new(1, &count)), Retired::new());
    let first = swap.load();
    retired.retire(swap.swap(Value::new(2, &count)), |_| panic!("it is read"));
    let second = swap.load();
    retired.sweep(|_| panic!("it is read"));
    drop((swap, retired));
    assert_eq!((first.number(), second.number(), alive(&count)), (1, 2, 2));
    drop((first, second));
    sweep_all(&Retired::<()>::new(), || alive(&count) == 0);
}

#[test]
fn what_is_replaced_and_not_retired_is_freed_all_the_same() {
    let _alone = alone();
    let count = Arc::default();
    let swap = Swap::new(Value::new(1, &count));
    let read = swap.load();
    drop(swap.swap(Value::new(2, &count)));
    assert_eq!((read.number(), alive(&count)), (1, 2));
    drop(read);
    sweep_all(&Retired::<()>::new(), || alive(&count) == 1);
}

#[test]
fn an_arc_made_of_what_is_read_keeps_it_and_is_never_the_only_one_meanwhile() {
    let _alone = alone();
    let count = Arc::default();
    let (swap, retired) = (Swap::new(Value::new(1, &count)), Retired::new());
    let read = swap.load();
    let mut kept = read.to_arc();
    retired.retire(swap.swap(Value::new(2, &count)), |_| panic!("it is read"));
    assert!(Arc::get_mut(&mut kept).is_none());
    drop(read);
    retired.sweep(|_| panic!("somebody has a count"));
    assert_eq!(kept.number(), 1);
    drop(kept);
    // No reader frees anything.
    assert_eq!(alive(&count), 2);
    sweep_all(&retired, || alive(&count) == 1);
}

#[test]
fn a_thread_reads_more_at_a_time_than_it_has_places_for() {
    let _alone = alone();
    let count = Arc::default();
    let (swap, retired) = (Swap::new(Value::new(0, &count)), Retired::new());
    let mut read = Vec::new();
    for number in 1..30 {
        read.push(swap.load());
        retired.retire(swap.swap(Value::new(number, &count)), |_| panic!("all are read"));
        retired.sweep(|_| panic!("all are read"));
    }
    let through = Swap::new(Arc::new(swap));
    read.push(through.load_through(|swap| Some(swap)).unwrap());
    let numbers: Vec<_> = read.iter().map(|read| read.number()).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    // In an order that leaves gaps.
    while read.len() > 1 {
        read.swap_remove(read.len() / 2);
        retired.sweep(|freed| assert!(Arc::strong_count(&freed) == 1));
        read.push(through.load_through(|swap| Some(swap)).unwrap());
        read.pop();
    }
    drop((read, through));
    sweep_all(&retired, || alive(&count) == 0);
}

#[test]
fn what_finds_nothing_or_panics_leaves_nothing_noted() {
    let _alone = alone();
    let count = Arc::default();
    let (outer, retired) = (Swap::new(Arc::new(Swap::new(Value::new(1, &count)))), Retired::new());
    for _ in 0..20 {
        assert!(outer.load_through(|_| None::<&Swap<Value>>).is_none());
        let panics = catch_unwind(AssertUnwindSafe(|| {
            outer.load_through(|_| -> Option<&Swap<Value>> { panic!("while it looks") }).is_some()
        }));
        assert!(panics.is_err());
    }
    retired.retire(outer.swap(Arc::new(Swap::new(Value::new(2, &count)))), drop);
    sweep_all(&retired, || alive(&count) == 1);
}

#[test]
fn a_thread_that_ends_may_still_read_and_its_places_are_used_again() {
    let _alone = alone();
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    struct Late(Arc<Swap<Value>>, Option<Guard<Value>>);
    impl Drop for Late {
        fn drop(&mut self) {
            assert!(self.1.take().unwrap().number() < FREED);
            // The thread's places may be gone by now.
            assert!(self.0.load().number() < FREED);
            assert!(self.0.load_full().number() < FREED);
        }
    }
    let count = Arc::default();
    let (swap, retired) = (Arc::new(Swap::new(Value::new(0, &count))), Retired::new());
    for number in 1..50 {
        let swap_there = swap.clone();
        let ending = thread::spawn(move || {
            // Made first, so that it ends last; and the other way round.
            if number % 2 == 0 {
                LATE.with(|_| {});
            }
            let read = swap_there.load();
            LATE.with(|late| late.replace(Some(Late(swap_there, Some(read)))));
        });
        retired.retire(swap.swap(Value::new(number, &count)), drop);
        ending.join().unwrap();
    }
    drop(swap);
    sweep_all(&retired, || alive(&count) == 0);
}

#[test]
fn a_thread_that_ends_takes_no_note_from_a_guard_that_outlives_it() {
    let _alone = alone();
    thread_local! {
        static LATE: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    struct Late(Arc<Swap<Value>>, Arc<Retired<Value>>, Guard<Value>);
    impl Drop for Late {
        fn drop(&mut self) {
            // More than a thread has places for, so that no place is left out.
            let others: Vec<_> = (0..20).map(|_| self.0.load()).collect();
            drop(others);
            let count = self.2.alive.clone();
            self.1.retire(self.0.swap(Value::new(7, &count)), drop);
            self.1.sweep(drop);
            assert_eq!((self.2.number(), self.0.load().number()), (1, 7));
        }
    }
    let count = Arc::default();
    let (swap, retired) = (Arc::new(Swap::new(Value::new(1, &count))), Arc::new(Retired::new()));
    let (swap_there, retired_there) = (swap.clone(), retired.clone());
    // Made first, so that it ends last.
    let ending = thread::spawn(move || {
        LATE.with(|late| {
            let read = swap_there.load();
            late.replace(Some(Late(swap_there, retired_there, read)));
        });
    });
    ending.join().unwrap();
    sweep_all(&retired, || alive(&count) == 1);
}

/// A reader that is on its way, from one pointer to another, until it is told to arrive.
struct OnTheWay {
    arrive: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl OnTheWay {
    fn new(swap: &Arc<Swap<Swap<Value>>>) -> Self {
        let ((arrive, told), (sets_out, is_out)) = (mpsc::channel(), mpsc::channel());
        let swap = swap.clone();
        let thread = thread::spawn(move || {
            let read = swap.load_through(|inner| {
                sets_out.send(()).unwrap();
                told.recv().unwrap();
                Some(inner)
            });
            assert!(read.unwrap().number() < FREED);
        });
        is_out.recv().unwrap();
        Self { arrive, thread }
    }

    fn arrive(self) {
        self.arrive.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

#[test]
fn readers_on_their_way_hold_up_what_they_may_find_and_no_more() {
    let _alone = alone();
    let count = Arc::default();
    let swap = Arc::new(Swap::new(Arc::new(Swap::new(Value::new(0, &count)))));
    let retired = Retired::new();
    let replace = |number| swap.load().swap(Value::new(number, &count));
    let first = OnTheWay::new(&swap);
    retired.retire(replace(1), drop);
    for _ in 0..10 {
        retired.sweep(|_| panic!("somebody may find it"));
    }
    // There is always somebody on the way, but nobody who could have found it.
    let second = OnTheWay::new(&swap);
    first.arrive();
    sweep_all(&retired, || alive(&count) == 1);
    retired.retire(replace(2), drop);
    for _ in 0..10 {
        retired.sweep(|_| panic!("somebody may find it"));
    }
    second.arrive();
    sweep_all(&retired, || alive(&count) == 1);
}

#[test]
fn a_panic_while_something_is_freed_frees_nothing_that_is_read() {
    let _alone = alone();
    struct Bomb(bool, Arc<Value>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "while it is freed");
        }
    }
    let count = Arc::default();
    let bomb = |goes_off| Arc::new(Bomb(goes_off, Value::new(1, &count)));
    let (swap, retired) = (Swap::new(bomb(true)), Retired::new());
    retired.retire(swap.swap(bomb(false)), drop);
    let read = swap.load();
    retired.retire(swap.swap(bomb(false)), drop);
    let panics = catch_unwind(AssertUnwindSafe(|| drop(retired)));
    assert_eq!((alive(&count), read.1.number()), (2, 1));
    assert!(panics.is_err());
    drop((read, swap));
    sweep_all(&Retired::<()>::new(), || alive(&count) == 0);
}

#[test]
fn readers_on_many_threads_never_see_what_was_freed() {
    let _alone = alone();
    let rounds = if cfg!(miri) { 60 } else { 60_000 };
    let count = Arc::default();
    let map = |number| {
        let cell = |at| Swap::new(Value::new(number + at, &count));
        Arc::new([cell(0), cell(1)])
    };
    let outer = Swap::new(map(0));
    let (values, maps) = (Retired::new(), Retired::new());
    let (is_over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for at in 0..3_usize {
            let (outer, is_over, reads) = (&outer, &is_over, &reads);
            scope.spawn(move || {
                let mut last = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let value = outer.load_through(|cells| cells.get(at % 2)).unwrap();
                    let seen = value.number();
                    assert!(seen >= last && seen < FREED, "{seen} after {last}");
                    last = seen;
                    let cells = outer.load();
                    let within = cells[at % 2].load();
                    assert!(within.number() < FREED);
                    let kept = (seen % 7 == 0).then(|| cells[at % 2].load_full());
                    drop((value, cells));
                    assert!(within.number() < FREED && kept.is_none_or(|kept| kept.number() < FREED));
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=rounds {
            let number = round * 2;
            if round % 5 == 0 {
                maps.retire(outer.swap(map(number)), drop);
            } else {
                let cells = outer.load();
                for (at, cell) in cells.iter().enumerate() {
                    values.retire(cell.swap(Value::new(number + at as u64, &count)), drop);
                }
            }
            if round % 64 == 0 {
                values.sweep(drop);
                maps.sweep(drop);
            }
        }
        while reads.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    drop(outer);
    sweep_all(&values, || {
        maps.sweep(drop);
        alive(&count) == 0
    });
}

#[test]
fn what_is_held_for_long_keeps_nothing_else() {
    let _alone = alone();
    let count = Arc::default();
    let (swap, retired) = (Swap::new(Value::new(0, &count)), Retired::new());
    let held: Vec<_> = (1..100)
        .map(|number| {
            let held = swap.load_full();
            retired.retire(swap.swap(Value::new(number, &count)), drop);
            held
        })
        .collect();
    for number in 100..if cfg!(miri) { 1_500 } else { 10_000 } {
        retired.retire(swap.swap(Value::new(number, &count)), drop);
        assert!(alive(&count) < 3_000);
    }
    sweep_all(&retired, || alive(&count) == 100);
    drop(held);
    sweep_all(&retired, || alive(&count) == 1);
}
