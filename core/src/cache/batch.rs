//! Flights of several slots in one request, where the backend can read so.

use std::sync::{Arc, Weak};

use super::doubt::contradicts;
use super::flight::Pilot;
use super::mount::Mounted;
use super::seat::Seat;
use super::state::State;
use super::{Cache, Cell, Landings, Mount, Pinned};
use crate::{Error, recallable};

type Flying = (Pinned, Pilot<State, Pinned>);

impl Cache {
    /// Starts to read those slots whose vault reads in batches, and says after which landings each is there; none
    /// for those of other vaults.
    pub(crate) fn start_batches<'a, C>(
        &self,
        wanted: impl Iterator<Item = (&'a Pinned, C)>,
    ) -> Vec<Option<Result<Landings, Error>>>
    where
        C: Iterator<Item = &'a Cell>,
    {
        let mut batches: Vec<(Arc<Mount>, Arc<Mounted>, Vec<Flying>)> = Vec::new();
        let started = wanted
            .map(|(slot, cells)| {
                let mounted =
                    slot.mount.current().filter(|mounted| mounted.vault.backend.batch().is_some())?;
                Some(self.board(slot, cells).map(|(since, pilot)| {
                    if let Some(pilot) = pilot {
                        let flying = (slot.clone(), pilot);
                        match batches.iter_mut().find(|(mount, ..)| Arc::ptr_eq(mount, &slot.mount)) {
                            Some((.., batch)) => batch.push(flying),
                            None => batches.push((slot.mount.clone(), mounted, vec![flying])),
                        }
                    }
                    since
                }))
            })
            .collect();
        for (_, mounted, mut batch) in batches {
            let limit = mounted.vault.backend.batch().map_or(1, |batch| batch.limit().max(1));
            while !batch.is_empty() {
                let rest = batch.split_off(batch.len().min(limit));
                let several = std::mem::replace(&mut batch, rest);
                // Where there is no runtime the pilots are dropped, and those who wait are told.
                let _ = self.fly_together(mounted.clone(), several);
            }
        }
        started
    }

    fn fly_together(&self, mounted: Arc<Mounted>, several: Vec<Flying>) -> Result<(), Error> {
        let runtime = self.host.nearest()?;
        let several = several.into_iter().map(|(slot, pilot)| {
            let seat = self.seat(pilot, &runtime, None);
            self.departures.add(&slot, Arc::downgrade(&seat), Weak::new(), runtime.clone());
            (slot, seat)
        });
        let several: Vec<_> = several.collect();
        let seats: Vec<_> = several.iter().map(|(_, seat)| Arc::downgrade(seat)).collect();
        let (task, recall) = recallable(read_together(self.me.clone(), mounted, several));
        for seat in seats.iter().filter_map(Weak::upgrade) {
            seat.keep(recall.clone(), runtime.clone());
        }
        runtime.spawn(task);
        Ok(())
    }
}

async fn read_together(cache: Weak<Cache>, mounted: Arc<Mounted>, several: Vec<(Pinned, Arc<Seat>)>) {
    let Some(batch) = mounted.vault.backend.batch() else { return };
    let Some(started) = cache.upgrade().map(|cache| cache.clock.advance()) else { return };
    let requests: Vec<_> = several.iter().map(|(slot, _)| slot.subject.request()).collect();
    let answers = batch.read_many(&requests).await;
    let Some(cache) = cache.upgrade() else { return };
    if let Some((slot, _)) = several.first() {
        // What each of several reads brought is not what becomes of one request: any success will do.
        let fails = answers.iter().all(Result::is_err);
        let first = answers.first().and_then(|answer| answer.as_ref().err()).filter(|_| fails);
        let answer = first.map_or(Ok(()), |error| Err(error.clone()));
        cache.note_answer(&slot.mount, mounted.generation, "batch", &answer);
    }
    let mut answers = answers.into_iter();
    for (slot, seat) in several {
        let answer = answers.next().unwrap_or_else(|| Err(Error::too_few_answers()));
        // What would take away what there is is asked for by itself, where it is doubted.
        let landed = if contradicts(&slot, &mounted, &answer) {
            None
        } else {
            slot.mount.while_current(mounted.generation, |mounted| {
                seat.take().map(|pilot| cache.land(&slot, pilot, mounted, started, answer))
            })
        };
        if let Some(Some(woken)) = landed {
            drop(woken);
            cache.settle(&slot, &mounted);
        }
        // Or another vault has taken the place of this one meanwhile: it is asked slot by slot.
        if let Some(pilot) = seat.take() {
            let _ = cache.fly(&slot, pilot);
        }
    }
}
