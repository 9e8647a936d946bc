//! The desk of a session, as it is, on primitives whose every interleaving is tried.

#![allow(dead_code, missing_docs, reason = "the whole module is included, for the part that is tried")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../src/session/desk.rs"]
mod desk;

/// What the module finds in the crate under this name, from loom.
mod sync {
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use desk::{Owner, Unowned, Verdict};
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

/// A token is its epoch; the only error is that the desk is closed.
type Desk = desk::Desk<u64, &'static str>;
type Answer = Result<Verdict<u64>, &'static str>;

/// What happened on the tasks' side. Only looked at, so of the standard library: loom would try every order of it.
#[derive(Default)]
struct World {
    logins: AtomicUsize,
    tasks: AtomicUsize,
}

#[derive(Clone)]
struct Session {
    desk: Arc<Desk>,
    world: Arc<World>,
}

impl Session {
    fn new() -> Self {
        Self { desk: Arc::new(Desk::new()), world: Arc::new(World::default()) }
    }

    /// Asks as a reader does, and starts a task where there is none.
    fn ask(&self, rejected: Option<u64>) -> Answer {
        let mut asked = self.desk.ask(rejected);
        loop {
            match Desk::own(&self.desk) {
                Some(owner) => {
                    let world = self.world.clone();
                    thread::spawn(move || task(&owner, &world));
                }
                None if self.desk.is_closed() => return Err("closed"),
                None => {}
            }
            if let Ok(answer) = block_on(&mut asked) {
                return answer;
            }
        }
    }
}

/// A session's task in small: logs in where a token is wanted or rejected, and ends when nobody asks, as one whose
/// runtime ends.
fn task(owner: &Owner<u64, &'static str>, world: &World) {
    assert_eq!(world.tasks.fetch_add(1, Ordering::SeqCst), 0, "two tasks at once");
    let mut token = 0;
    while owner.is_wanted(if token == 0 { u64::MAX } else { token }) || owner.is_suspect(token) {
        world.logins.fetch_add(1, Ordering::SeqCst);
        token = owner.next_epoch();
        owner.serve(token, &token);
    }
    world.tasks.fetch_sub(1, Ordering::SeqCst);
}

/// A task that serves until it is told to end. The token that it finds is `token`.
fn serve_until_closed(owner: &Owner<u64, &'static str>, world: &World, mut token: u64) {
    while !owner.is_closed() {
        if owner.is_suspect(token) || token == 0 && owner.is_wanted(u64::MAX) {
            world.logins.fetch_add(1, Ordering::SeqCst);
            token = owner.next_epoch();
        }
        if token != 0 {
            owner.serve(token, &token);
        }
        block_on(owner.news());
    }
    owner.fail(&"closed");
}

fn model(switches: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    // All interleavings with up to so many forced switches between threads.
    builder.preemption_bound = Some(switches);
    builder.check(run);
}

/// Two readers ask at once, of a task that has served both when it ends: their answers, and how many logins it took.
fn two_readers(rejected: Option<u64>, token: u64) -> ([Answer; 2], usize) {
    let session = Session::new();
    let owner = Desk::own(&session.desk).unwrap();
    (0..token).for_each(|_| {
        owner.next_epoch();
    });
    let served = Arc::new(AtomicUsize::new(0));
    let readers = [(); 2].map(|()| {
        let (desk, served) = (session.desk.clone(), served.clone());
        thread::spawn(move || {
            let answer = block_on(desk.ask(rejected)).unwrap();
            if served.fetch_add(1, Ordering::SeqCst) == 1 {
                desk.close();
            }
            answer
        })
    });
    serve_until_closed(&owner, &session.world, token);
    (readers.map(|reader| reader.join().unwrap()), session.world.logins.load(Ordering::SeqCst))
}

#[test]
fn readers_without_a_token_share_one_login() {
    model(1, || {
        let token = Ok(Verdict::Token(1));
        assert_eq!(two_readers(None, 0), ([token.clone(), token], 1));
    });
}

#[test]
fn rejections_of_one_token_lead_to_one_login_for_all() {
    model(1, || {
        let token = Ok(Verdict::Token(3));
        assert_eq!(two_readers(Some(2), 2), ([token.clone(), token], 1));
    });
}

#[test]
fn a_late_rejection_of_an_older_token_leads_to_no_login() {
    model(1, || {
        let token = Ok(Verdict::Token(2));
        assert_eq!(two_readers(Some(1), 2), ([token.clone(), token], 0));
    });
}

#[test]
fn the_next_reader_starts_another_task_and_there_are_never_two() {
    model(2, || {
        let session = Session::new();
        let other = thread::spawn({
            let session = session.clone();
            move || session.ask(None)
        });
        let (first, second) = (session.ask(None), other.join().unwrap());
        assert!(matches!((first, second), (Ok(Verdict::Token(1 | 2)), Ok(Verdict::Token(1 | 2)))));
        assert!(session.world.logins.load(Ordering::SeqCst) <= 2);
    });
}

#[test]
fn epochs_go_on_from_task_to_task_so_that_no_rejection_is_left_without_an_answer() {
    model(2, || {
        let session = Session::new();
        let owner = Desk::own(&session.desk).unwrap();
        let ending = thread::spawn(move || {
            (0..3).for_each(|_| {
                owner.next_epoch();
            });
            drop(owner);
        });
        ending.join().unwrap();
        // The third token died with its task, and the next one knows of neither.
        assert_eq!(session.ask(Some(3)), Ok(Verdict::Token(4)));
    });
}

#[test]
fn a_reader_that_goes_away_takes_nobody_with_it() {
    model(2, || {
        let session = Session::new();
        let owner = Desk::own(&session.desk).unwrap();
        let leaver = thread::spawn({
            let desk = session.desk.clone();
            move || {
                let mut asked = pin!(desk.ask(None));
                let _ = asked.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }
        });
        let serving = thread::spawn({
            let world = session.world.clone();
            move || serve_until_closed(&owner, &world, 0)
        });
        assert_eq!(session.ask(None), Ok(Verdict::Token(1)));
        leaver.join().unwrap();
        session.desk.close();
        serving.join().unwrap();
    });
}

#[test]
fn an_owner_that_vanishes_leaves_nobody_waiting() {
    model(2, || {
        let session = Session::new();
        let owner = Desk::own(&session.desk).unwrap();
        let asked = session.desk.ask(None);
        let vanishing = thread::spawn(move || drop(owner));
        assert_eq!(block_on(asked), Err(Unowned));
        assert_eq!(session.ask(None), Ok(Verdict::Token(1)));
        vanishing.join().unwrap();
    });
}

#[test]
fn the_end_answers_everybody_and_waits_for_the_task() {
    model(2, || {
        let session = Session::new();
        let owner = Desk::own(&session.desk).unwrap();
        let ended = Arc::new(AtomicUsize::new(0));
        let serving = thread::spawn({
            let (world, ended) = (session.world.clone(), ended.clone());
            move || {
                serve_until_closed(&owner, &world, 0);
                ended.store(1, Ordering::SeqCst);
                drop(owner);
            }
        });
        let reader = thread::spawn({
            let session = session.clone();
            move || session.ask(None)
        });
        session.desk.close();
        block_on(session.desk.left());
        assert_eq!(ended.load(Ordering::SeqCst), 1);
        assert!(matches!(reader.join().unwrap(), Ok(Verdict::Token(1)) | Err("closed")));
        assert!(Desk::own(&session.desk).is_none());
        serving.join().unwrap();
    });
}
