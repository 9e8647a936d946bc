//! Things that cannot be found any more and may still be read.

use std::mem;
use std::sync::Arc;

use crate::place::{Noted, Place};
use crate::{barrier, record};

/// A list of them. Each has a count in here, so that nobody else has the last one.
#[derive(Debug)]
pub(crate) struct List<T: ?Sized> {
    /// Not looked at since they came.
    fresh: Vec<Arc<T>>,
    /// Looked at: none of these is found by anybody any more, but by those who are `on_the_way`.
    seen: Vec<Arc<T>>,
    /// Who may have found one of those seen, and not yet said which. Each is struck out once it is seen to be done, so
    /// that many busy readers keep nothing for ever.
    on_the_way: Vec<&'static Place>,
}

impl<T: ?Sized> List<T> {
    pub(crate) const fn new() -> Self {
        Self { fresh: Vec::new(), seen: Vec::new(), on_the_way: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.fresh.len() + self.seen.len()
    }

    pub(crate) fn push(&mut self, value: Arc<T>) {
        self.fresh.push(value);
    }

    /// All, whether or not they are read.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Arc<T>> {
        self.fresh.drain(..).chain(self.seen.drain(..))
    }

    /// Those that no place names any more.
    pub(crate) fn take_unread(&mut self) -> Vec<Arc<T>> {
        let is_on_the_way = |place: &&'static Place| place.noted() == Some(Noted::All);
        self.on_the_way.retain(is_on_the_way);
        if !self.on_the_way.is_empty() {
            return Vec::new();
        }
        let mut unread = self.take_unnamed();
        if !self.fresh.is_empty() {
            barrier::heavy();
            self.on_the_way.extend(record::places().filter(is_on_the_way));
            let held = mem::replace(&mut self.seen, mem::take(&mut self.fresh));
            if self.on_the_way.is_empty() {
                unread.extend(self.take_unnamed());
            }
            self.seen.extend(held);
        }
        unread
    }

    /// Those seen that no place names.
    fn take_unnamed(&mut self) -> Vec<Arc<T>> {
        if self.seen.is_empty() {
            return Vec::new();
        }
        let noted: Vec<Noted> = record::places().filter_map(Place::noted).collect();
        let is_named = |value: &Arc<T>| noted.contains(&Noted::This(Arc::as_ptr(value).cast_mut().cast()));
        let (named, unnamed) = mem::take(&mut self.seen).into_iter().partition(is_named);
        self.seen = named;
        unnamed
    }

    /// Puts back what was taken, and is not to be freed for another reason: not to be looked for on the way again.
    pub(crate) fn put_back(&mut self, value: Arc<T>) {
        self.seen.push(value);
    }
}
