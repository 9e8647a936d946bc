//! Reading many references at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::named;
use super::{Registry, ToReference};
use crate::cache::{Cell, Pinned, PinnedCell, Want};
use crate::{Error, Fetched, Reference, Secret};

/// How many secrets of one call are read at the same time. Each vault has a bound of its own below this.
const AT_ONCE: usize = 64;

/// What is wanted of one secret.
struct Group {
    slot: Pinned,
    /// The places in the answer, and what goes there.
    members: Vec<(usize, PinnedCell)>,
}

/// A value together with its place in the cache.
pub(crate) struct Gathered {
    pub(crate) slot: Pinned,
    pub(crate) cell: PinnedCell,
    pub(crate) value: Secret,
}

impl Gathered {
    /// Says once of its vault that a value without a ttl changes by hand alone.
    pub(crate) fn say_if_it_stays(&self) {
        let mount = &self.slot.mount;
        if mount.mounted().is_ok_and(|mounted| self.cell.ask.ttl(mounted.vault.policy()).is_none()) {
            mount.say_that_it_stays();
        }
    }
}

impl Registry {
    /// The values that many references mean, each as by [`get`](Self::get) and in the same order. Each distinct
    /// secret is read once, several at the same time; a vault that can read several in one request does. Values of
    /// the same secret belong together.
    pub async fn get_many<R: ToReference>(
        &self,
        references: impl IntoIterator<Item = R>,
    ) -> Vec<Result<Secret, Error>> {
        let references: Vec<R> = references.into_iter().collect();
        let mut values: Vec<_> = references.iter().map(|_| None).collect();
        let groups = self.group(&references, |at, error| values[at] = Some(Err(error)));
        self.read(&references, &groups, |at, _, _, value| values[at] = Some(value)).await;
        // Every place has been filled: by its group, or by the error that kept it out of one.
        values.into_iter().flatten().collect()
    }

    /// The same, with the place of each value in the cache.
    pub(crate) async fn gather(&self, references: &[Reference]) -> Vec<Result<Gathered, Error>> {
        let mut values: Vec<_> = references.iter().map(|_| None).collect();
        let groups = self.group(references, |at, error| values[at] = Some(Err(error)));
        self.read(references, &groups, |at, slot, cell, value| {
            let gathered = value.map(|value| Gathered { slot: slot.clone(), cell: cell.clone(), value });
            values[at] = Some(gathered);
        })
        .await;
        values.into_iter().flatten().collect()
    }

    /// Reads groups and hands each value to `take`, with its place among the references.
    async fn read<R: ToReference>(
        &self,
        references: &[R],
        groups: &[Group],
        mut take: impl FnMut(usize, &Pinned, &PinnedCell, Result<Secret, Error>),
    ) {
        let cache = &self.0.cache;
        // Those of vaults that read in batches are all under way after this; the others start one by one.
        let mut started = cache.start_batches(groups.iter().map(|group| (&group.slot, group.cells())));
        let mut next = 0;
        for (at, group) in groups.iter().enumerate() {
            while next < groups.len().min(at + AT_ONCE) {
                started[next]
                    .get_or_insert_with(|| cache.start_reading(&groups[next].slot, groups[next].cells()));
                next += 1;
            }
            let mut all = Vec::with_capacity(group.members.len());
            for (_, cell) in &group.members {
                all.push(match started[at].clone() {
                    Some(Err(error)) => Err(error),
                    Some(Ok(since)) => cache.obtain(&group.slot, cell, Want::After(since)).await,
                    None => cache.obtain(&group.slot, cell, Want::Known).await,
                });
            }
            group.align(&mut all);
            for ((place, cell), fetched) in group.members.iter().zip(all) {
                let reference = &references[*place];
                if fetched.is_ok() {
                    reference.with_text(|text| cache.remember(text, cell));
                }
                let value = fetched.map(|fetched| fetched.value);
                let value = value.map_err(|error| match reference.to_reference() {
                    Ok(reference) => named(&reference, error),
                    Err(_) => error,
                });
                take(*place, &group.slot, cell, value);
            }
        }
    }

    /// Puts together what is one secret; what cannot be looked for is refused with its error.
    fn group<R: ToReference>(&self, references: &[R], mut refuse: impl FnMut(usize, Error)) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places = HashMap::new();
        for (at, reference) in references.iter().enumerate() {
            let found = reference
                .to_reference()
                .and_then(|parsed| self.find(&parsed).map_err(|error| named(&parsed, error)));
            match found {
                Err(error) => refuse(at, error),
                Ok(found) => {
                    let place = *places.entry(Arc::as_ptr(&found.slot)).or_insert_with(|| {
                        groups.push(Group { slot: found.slot.clone(), members: Vec::new() });
                        groups.len() - 1
                    });
                    groups[place].members.push((at, found.cell));
                }
            }
        }
        groups
    }

    /// Reads everything that is in memory anew, several secrets at the same time. Where a read fails, what there was is
    /// served on within its limits. What is only known to be missing is not asked for.
    ///
    /// # Errors
    ///
    /// All failures, each with the secret that it is about.
    pub async fn refresh_all(&self) -> Result<(), Vec<Error>> {
        let cache = &self.0.cache;
        let slots = cache.all_that_matter();
        let mut started = Vec::with_capacity(slots.len());
        let mut errors = Vec::new();
        for (at, slot) in slots.iter().enumerate() {
            for next in &slots[started.len()..slots.len().min(at + AT_ONCE)] {
                started.push(cache.start_reading_anew(next));
            }
            let refreshed = match started[at].clone() {
                Ok(since) => cache.obtain(slot, slot.first(), Want::Brought(since)).await.map(drop),
                Err(error) => Err(error),
            };
            // Where the document came, it is nobody's failure that it has not the field that was asked for first.
            let failed = refreshed.err().filter(|_| !slot.is_good());
            errors.extend(failed.map(|error| error.context(format!("could not refresh {}", slot.shown()))));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Forgets what is known of a vault: drops what no handle holds and reads the rest anew in the background, whose
    /// handles show what they have until then.
    ///
    /// # Errors
    ///
    /// [`UnknownPrefix`](crate::ErrorKind::UnknownPrefix) where there is no such vault.
    pub fn invalidate(&self, prefix: &str) -> Result<(), Error> {
        self.0.cache.renew(&self.mount(prefix)?);
        Ok(())
    }
}

impl Group {
    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.members.iter().map(|(_, cell)| &**cell)
    }

    /// Takes all values from one document: between two of them the secret may have been read anew.
    fn align(&self, all: &mut [Result<Fetched, Error>]) {
        if self.members.len() < 2 {
            return;
        }
        // A landing fills all cells under this lock.
        self.slot.flights.with(|_| {
            for ((_, cell), fetched) in self.members.iter().zip(all) {
                let block = cell.load();
                if let (Ok(fetched), true) = (fetched, block.is_a_value()) {
                    if fetched.value.as_bytes() != block.bytes() {
                        fetched.value = Secret::new(block.bytes());
                    }
                }
            }
        });
    }
}
