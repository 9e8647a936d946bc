//! What is shown is what landed last, and nothing that it replaced.

use super::*;

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
