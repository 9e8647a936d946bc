//! What is still to be told of landings.
//!
//! It is put down under the lock of its slot, so that what became of one secret is told in its order, and told when
//! nothing is locked: whoever hears it (an observer of logs or figures, a waker) may take its time, or call back. One
//! thread at a time tells; the others leave theirs to it and go on.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sync::lock;

/// How much waits while somebody who is told takes their time.
const WAITING: usize = 1024;

/// What is to be told, in its order.
pub(super) struct Outbox<T> {
    state: Mutex<State<T>>,
    /// Whether anything waits: this alone is looked at after most landings.
    is_full: AtomicBool,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// What did not find room any more.
    missed: u64,
    /// Whether somebody tells at present.
    telling: bool,
}

/// The next thing to be told.
pub(super) enum Next<T> {
    This(T),
    /// So many were dropped.
    Missed(u64),
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), missed: 0, telling: false };
        Self { state: Mutex::new(state), is_full: AtomicBool::new(false) }
    }
}

impl<T> Outbox<T> {
    /// Puts something down. Called under the lock of its slot.
    pub(super) fn put(&self, change: T) {
        let mut state = lock(&self.state);
        if state.waiting.len() < WAITING {
            state.waiting.push_back(change);
        } else {
            state.missed += 1;
        }
        self.is_full.store(true, Ordering::Release);
    }

    /// Tells what waits, unless somebody is at it. Called under no lock.
    pub(super) fn tell(&self, mut tell: impl FnMut(Next<T>)) {
        if !self.is_full.load(Ordering::Acquire) || std::mem::replace(&mut lock(&self.state).telling, true) {
            return;
        }
        let mut teller = Teller { outbox: self, is_done: false };
        while let Some(next) = teller.next() {
            tell(next);
        }
    }
}

/// The one who tells. What is left when an observer panics is told by the next.
struct Teller<'a, T> {
    outbox: &'a Outbox<T>,
    is_done: bool,
}

impl<T> Teller<'_, T> {
    fn next(&mut self) -> Option<Next<T>> {
        let mut state = lock(&self.outbox.state);
        if let Some(change) = state.waiting.pop_front() {
            return Some(Next::This(change));
        }
        if state.missed > 0 {
            return Some(Next::Missed(std::mem::take(&mut state.missed)));
        }
        // Under the lock, so that whoever puts something down after this finds nobody who tells.
        state.telling = false;
        self.is_done = true;
        self.outbox.is_full.store(false, Ordering::Release);
        None
    }
}

impl<T> Drop for Teller<'_, T> {
    fn drop(&mut self) {
        if !self.is_done {
            lock(&self.outbox.state).telling = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::time::Duration;

    use super::*;

    fn told(next: Next<u64>) -> u64 {
        match next {
            Next::This(told) => told,
            Next::Missed(many) => 1_000_000 + many,
        }
    }

    #[test]
    fn what_is_put_down_while_somebody_tells_is_told_by_them_in_its_order() {
        let outbox = Outbox::default();
        let mut all = Vec::new();
        outbox.put(1);
        outbox.tell(|next| {
            let next = told(next);
            all.push(next);
            // Whoever is told may call back.
            if next < 5 {
                outbox.put(next + 1);
                outbox.tell(|_| panic!("somebody tells already"));
            }
        });
        assert_eq!(all, [1, 2, 3, 4, 5]);
        outbox.tell(|_| panic!("nothing is left"));
    }

    #[test]
    fn who_takes_their_time_holds_up_nobody_and_hears_how_much_was_dropped() {
        let outbox = Outbox::default();
        let (entered, is_entered) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            outbox.put(0);
            let outbox = &outbox;
            let telling = scope.spawn(move || {
                let mut all = Vec::new();
                outbox.tell(|next| {
                    all.push(told(next));
                    if all.len() == 1 {
                        entered.send(()).unwrap();
                        assert_eq!(
                            may_leave.recv_timeout(Duration::from_secs(60)),
                            Err(RecvTimeoutError::Disconnected)
                        );
                    }
                });
                all
            });
            is_entered.recv().unwrap();
            for change in 1..=WAITING as u64 + 7 {
                outbox.put(change);
                outbox.tell(|_| panic!("somebody tells already"));
            }
            drop(leave);
            let all = telling.join().unwrap();
            assert_eq!(all.len(), 1 + WAITING + 1);
            assert!(all[..=WAITING].is_sorted() && all[WAITING + 1] == 1_000_007, "{:?}", all.last());
        });
    }

    #[test]
    fn what_is_left_after_a_panic_is_told_by_the_next() {
        let outbox = Outbox::default();
        outbox.put(1);
        outbox.put(2);
        let panics =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outbox.tell(|_| panic!("told to"))));
        assert!(panics.is_err());
        let mut all = Vec::new();
        outbox.tell(|next| all.push(told(next)));
        assert_eq!(all, [2]);
    }

    #[test]
    fn many_threads_lose_nothing_and_keep_the_order_of_each() {
        let (outbox, all) = (Outbox::default(), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (outbox, all) = (&outbox, &all);
                scope.spawn(move || {
                    // So few that there is room for all, however long somebody who tells is kept waiting.
                    for number in 0..WAITING as u64 / 4 {
                        outbox.put(thread * 1_000 + number);
                        outbox.tell(|next| lock(all).push(told(next)));
                    }
                });
            }
        });
        let all = lock(&all);
        assert_eq!(all.len(), WAITING);
        for thread in 0..4 {
            assert!(all.iter().filter(|told| *told / 1_000 == thread).is_sorted());
        }
    }
}
