//! How places, barriers and pointers play together, on primitives whose every interleaving is tried.

#![allow(dead_code, missing_docs, reason = "whole modules are included, for the part that is tried")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../src/place.rs"]
mod place;

/// What the modules find in the crate under this name, from loom.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicPtr, Ordering};

    /// Once is enough to try what looking again does.
    pub(crate) const PATIENCE: usize = 1;
}

/// What the two halves promise together: a fence on each side. That the system's fence keeps that promise is its own.
mod barrier {
    use loom::sync::atomic::{Ordering, fence};

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicPtr, Ordering};
use loom::thread;
use place::{Noted, Place};

/// A value that loom watches: it fails if one reads it while another frees it.
struct Value(UnsafeCell<u32>);

const FREED: u32 = u32::MAX;

impl Value {
    fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn read(&self) -> u32 {
        self.0.with(|value| {
            // SAFETY: that nobody writes to it is what is tried here, and loom says if it is not so.
            unsafe { *value }
        })
    }

    fn free(&self) {
        self.0.with_mut(|value| {
            // SAFETY: as above.
            unsafe { *value = FREED }
        });
    }

    fn at(&self) -> *mut Self {
        std::ptr::from_ref(self).cast_mut()
    }
}

/// Two values, of which the first is there, and a reader's place. The values live as long as this, so that one which is
/// freed too early is seen to be, and is no crash.
struct Scene {
    values: [Value; 2],
    pointer: AtomicPtr<Value>,
    place: Place,
}

// SAFETY: who touches a value is what is tried here.
unsafe impl Sync for Scene {}
// SAFETY: as above.
unsafe impl Send for Scene {}

impl Scene {
    fn new() -> Arc<Self> {
        let scene = Arc::new(Self {
            values: [Value::new(0), Value::new(1)],
            pointer: AtomicPtr::new(std::ptr::null_mut()),
            place: Place::new(),
        });
        scene.pointer.store(scene.values[0].at(), Ordering::SeqCst);
        scene
    }

    fn value(&self, at: *mut Value) -> &Value {
        self.values.iter().find(|value| std::ptr::eq(*value, at)).unwrap()
    }

    /// Frees what was replaced, unless somebody reads it.
    fn free_unread(&self, old: &Value) -> bool {
        barrier::heavy();
        let is_read = self.place.noted().is_some_and(|noted| noted.is(std::ptr::from_ref(old).cast()));
        if !is_read {
            old.free();
        }
        !is_read
    }
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(run);
}

#[test]
fn nothing_is_freed_while_it_is_read() {
    model(|| {
        let scene = Scene::new();
        let reader = thread::spawn({
            let scene = scene.clone();
            move || {
                let mut last = 0;
                // The second time by the same place, without emptying it in between: what was read before is over.
                for _ in 0..2 {
                    let at = scene.place.protect(&scene.pointer);
                    let seen = scene.value(at).read();
                    assert!(seen >= last && seen < FREED);
                    last = seen;
                }
                scene.place.clear();
            }
        });
        let old = scene.pointer.swap(scene.values[1].at(), Ordering::AcqRel);
        scene.free_unread(scene.value(old));
        reader.join().unwrap();
        assert_eq!(scene.place.noted(), None);
    });
}

#[test]
fn what_is_replaced_again_and_again_is_freed_only_unread() {
    model(|| {
        let scene = Scene::new();
        let reader = thread::spawn({
            let scene = scene.clone();
            move || {
                let at = scene.place.protect(&scene.pointer);
                assert!(scene.value(at).read() < FREED);
                scene.place.clear();
            }
        });
        // There and back: the reader may take the first for what it has noted a while ago.
        let [first, second] = &scene.values;
        scene.pointer.swap(second.at(), Ordering::AcqRel);
        if scene.free_unread(first) {
            // Its memory is used again, for another value.
            first.0.with_mut(|value| {
                // SAFETY: as above.
                unsafe { *value = 2 }
            });
        }
        scene.pointer.swap(first.at(), Ordering::AcqRel);
        scene.free_unread(second);
        reader.join().unwrap();
    });
}

/// A pointer to a pointer to a value, all of which are replaced.
struct Nested {
    outer: AtomicPtr<Scene>,
    scenes: [Arc<Scene>; 2],
    place: Place,
}

#[test]
fn nothing_on_the_way_is_freed_while_a_reader_is_on_it() {
    model(|| {
        let scenes = [Scene::new(), Scene::new()];
        let at = |scene: &Arc<Scene>| std::ptr::from_ref::<Scene>(scene).cast_mut();
        let nested = Arc::new(Nested {
            outer: AtomicPtr::new(at(&scenes[0])),
            scenes: scenes.clone(),
            place: Place::new(),
        });
        let reader = thread::spawn({
            let nested = nested.clone();
            move || {
                nested.place.protect_all();
                let outer = nested.outer.load(Ordering::Acquire);
                let scene = nested.scenes.iter().find(|scene| std::ptr::eq(&***scene, outer)).unwrap();
                // Stands for what lies on the way: the values of a scene that was replaced are freed with it.
                assert!(scene.values[0].read() < FREED);
                let inner = scene.pointer.load(Ordering::Acquire);
                nested.place.narrow(inner);
                assert!(scene.value(inner).read() < FREED);
                nested.place.clear();
            }
        });
        // The inner pointer goes on to its second value, and then the outer one to another scene. The first value is on
        // the way, so it goes with the scene.
        let [scene, other] = &nested.scenes;
        let [first, second] = &scene.values;
        scene.pointer.swap(second.at(), Ordering::AcqRel);
        nested.outer.swap(at(other), Ordering::AcqRel);
        barrier::heavy();
        match nested.place.noted() {
            None => {
                first.free();
                second.free();
            }
            // Somebody is on the way.
            Some(Noted::All) => {}
            Some(noted) => {
                // No longer: at most, one of the values is read.
                for value in [first, second] {
                    if !noted.is(std::ptr::from_ref(value).cast()) {
                        value.free();
                    }
                }
            }
        }
        reader.join().unwrap();
    });
}
