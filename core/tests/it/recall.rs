//! Tasks that are taken back from their runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_core::{Recall, recallable};

struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_nobody_drives_is_dropped_at_once_by_who_recalls_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Held(dropped.clone());
    let (task, recall) = recallable(async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    let task = runtime.spawn(task);
    runtime.block_on(tokio::task::yield_now());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    recall.recall();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    recall.recall();
    // Whoever drives it again finds it over.
    runtime.block_on(task).unwrap();
}

#[test]
fn what_runs_just_now_is_dropped_when_it_waits_and_what_is_over_is_over() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Held(dropped.clone());
    let (send, mine) = std::sync::mpsc::channel::<Recall>();
    let (task, recall) = recallable(async move {
        let _held = held;
        mine.recv().unwrap().recall();
        assert_eq!(_held.0.load(Ordering::SeqCst), 0);
        tokio::task::yield_now().await;
        panic!("it was recalled");
    });
    send.send(recall).unwrap();
    runtime.block_on(async { tokio::spawn(task).await.unwrap() });
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    let (task, recall) = recallable(async {});
    runtime.block_on(task);
    recall.recall();
}

#[test]
fn a_runtime_that_ends_drops_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let held = Held(dropped.clone());
    let (task, _recall) = recallable(async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    drop(runtime.spawn(task));
    drop(runtime);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}
