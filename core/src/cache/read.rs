//! How a slot gets its document: joining or starting a flight, reading, landing.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::cockpit::{Cockpit, FirstReader, Launch, Work};
use super::doubt::ask;
use super::flight::{Flights, Pilot, Woken};
use super::line::{InFront, Turn};
use super::mount::Mounted;
use super::seat::{Seat, Then};
use super::stalled::Runway;
use super::state::{Landed, State, is_a_miss};
use super::{Cache, Cell, Landings, Pinned, Tick};
use crate::{Document, Error, ErrorKind, Fetched, metrics};

/// How often a reader starts again whose flight vanished with its runtime.
const STARTS: u32 = 3;

/// What a reader is content with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// What is known while it is fresh, or else what a read brings.
    Known,
    /// What a read brings that began after the call.
    Anew,
    /// What landed after these landings, or where that is a failure, what is served all the same.
    After(Landings),
    /// What a read brought that landed after these landings.
    Brought(Landings),
}

impl Cache {
    /// The value of a cell, which all who want it at the same time get from one read.
    pub(crate) async fn obtain(&self, slot: &Pinned, cell: &Cell, want: Want) -> Result<Fetched, Error> {
        self.start()?;
        let (mut starts, mut missed) = (0, false);
        let mut since = match want {
            Want::After(since) | Want::Brought(since) => Some(since),
            Want::Known | Want::Anew => None,
        };
        let is_served = matches!(want, Want::Known | Want::After(_));
        loop {
            let now = self.clock.advance();
            let joined = slot.mount.look(|mounted| {
                Flights::join(slot, |state, flying| match since {
                    Some(since) if state.landings().are_after(since) => {
                        state.landed(cell, slot, mounted, now, is_served)
                    }
                    Some(_) => None,
                    None => {
                        // What is under way may bring what was there before the call.
                        let late = flying && want == Want::Anew;
                        since = Some(if late { state.landings().next() } else { state.landings() });
                        let known = (want == Want::Known).then(|| state.known(cell, slot, mounted, now));
                        known.flatten().map(Landed::Here)
                    }
                })
            })?;
            let place = |error| match slot.mount.mounted() {
                Ok(mounted) => slot.mount.place(error, &mounted.vault),
                Err(_) => error,
            };
            match joined {
                Ok(Landed::Here(result)) => {
                    if result.is_ok() {
                        let is_fresh = cell.load().is_fresh(now);
                        if !missed || !is_fresh {
                            self.count_hit(is_fresh);
                        }
                    }
                    return result.map_err(place);
                }
                // The next start is on the caller's own runtime.
                Ok(Landed::Lost(_)) if starts < STARTS => {
                    starts += 1;
                    since = None;
                }
                Ok(Landed::Lost(error)) => return Err(place(error)),
                Err((seen, pilot)) => {
                    if !std::mem::replace(&mut missed, true) {
                        metrics::miss(slot.mount.prefix());
                    }
                    match pilot {
                        Some(pilot) => self.fly_alone(slot, pilot)?.await,
                        None => self.departures.join(slot),
                    }
                    slot.flights.news(seen).await;
                }
            }
        }
    }

    /// Starts to read a slot unless everything that is wanted of it is known, and says after which landings all of
    /// it is there.
    pub(crate) fn start_reading<'a>(
        &self,
        slot: &Pinned,
        cells: impl Iterator<Item = &'a Cell>,
    ) -> Result<Landings, Error> {
        let (since, pilot) = self.board(slot, cells)?;
        pilot.map_or(Ok(since), |pilot| self.fly(slot, pilot).map(|()| since))
    }

    /// Starts to read a slot whatever is known of it, and says after which landings that is there.
    pub(crate) fn start_reading_anew(&self, slot: &Pinned) -> Result<Landings, Error> {
        self.start()?;
        let mut since = Landings::default();
        let joined = Flights::join(slot, |state, flying| {
            since = if flying { state.landings().next() } else { state.landings() };
            None::<()>
        });
        match joined {
            Err((_, Some(pilot))) => self.fly(slot, pilot).map(|()| since),
            _ => {
                self.departures.join(slot);
                Ok(since)
            }
        }
    }

    /// Joins or opens the flight of a slot unless everything that is wanted of it is known.
    pub(super) fn board<'a>(
        &self,
        slot: &Pinned,
        mut cells: impl Iterator<Item = &'a Cell>,
    ) -> Result<(Landings, Option<Pilot<State, Pinned>>), Error> {
        self.start()?;
        let mounted = slot.mount.mounted()?;
        let now = self.clock.advance();
        let mut since = Landings::default();
        let joined = Flights::join(slot, |state, _| {
            since = state.landings();
            let known = cells.all(|cell| state.known(cell, slot, &mounted, now).is_some());
            known.then(|| since.before())
        });
        Ok(match joined {
            Ok(known) => (known, None),
            Err((_, pilot)) => {
                if pilot.is_none() {
                    self.departures.join(slot);
                }
                (since, pilot)
            }
        })
    }

    /// Starts to read a slot that is due, unless somebody is at it.
    pub(super) fn start_reading_in_the_background(&self, slot: &Pinned, turn: Turn) -> Result<(), Error> {
        match Flights::join(slot, |_, _| None::<()>) {
            Err((_, Some(pilot))) => {
                // Not pinned: that would look as if somebody held it.
                let (cache, landed) = (self.me.clone(), Arc::clone(slot));
                let then = Then::Run(Box::new(move || {
                    landed.flights.with(|state| metrics::refreshed(landed.mount.prefix(), state.error()));
                    if let Some(cache) = cache.upgrade() {
                        cache.pump(&landed.mount);
                    }
                }));
                self.fly_then(slot, pilot, Some(turn), then)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn fly(&self, slot: &Pinned, pilot: Pilot<State, Pinned>) -> Result<(), Error> {
        self.fly_then(slot, pilot, None, Then::MakeWay(InFront::new(slot)))
    }

    fn fly_then(
        &self,
        slot: &Pinned,
        pilot: Pilot<State, Pinned>,
        turn: Option<Turn>,
        then: Then,
    ) -> Result<(), Error> {
        let runtime = self.host.nearest()?;
        let seat = self.seat(pilot, &runtime, Some(then));
        turn.into_iter().for_each(|turn| seat.lend(turn));
        let watched = Arc::downgrade(&seat);
        self.departures.add(slot, watched.clone(), Weak::new(), runtime.clone());
        Runway { runtime, seat: watched }.launch(Self::work(slot, seat));
        Ok(())
    }

    /// Starts a flight that the caller flies until somebody else depends on it.
    fn fly_alone(&self, slot: &Pinned, pilot: Pilot<State, Pinned>) -> Result<FirstReader<Runway>, Error> {
        let then = Then::MakeWay(InFront::new(slot));
        let (runtime, is_here) = self.host.nearest_and_whether_here()?;
        let seat = self.seat(pilot, &runtime, Some(then));
        let watched = Arc::downgrade(&seat);
        let runway = Runway { runtime: runtime.clone(), seat: watched.clone() };
        let cockpit = Cockpit::new(Self::work(slot, seat), runway);
        self.departures.add(slot, watched, Arc::downgrade(&cockpit), runtime);
        if !is_here {
            cockpit.hand_over();
        }
        Ok(FirstReader::new(cockpit))
    }

    fn work(slot: &Pinned, seat: Arc<Seat>) -> Work {
        let slot = slot.clone();
        let span = tracing::debug_span!(
            "read",
            prefix = slot.mount.prefix(),
            resource = slot.subject.resource(),
            version = slot.subject.version()
        );
        let work = async move {
            read(slot, &seat).await;
            seat.end();
        };
        Box::pin(work.instrument(span))
    }

    /// Puts a pilot on its seat.
    pub(super) fn seat(
        &self,
        pilot: Pilot<State, Pinned>,
        runtime: &Handle,
        then: Option<Then>,
    ) -> Arc<Seat> {
        Seat::new(pilot, then, self.me.clone(), runtime.id())
    }

    /// Ends a flight with what the vault has said.
    pub(super) fn land(
        &self,
        slot: &Pinned,
        pilot: Pilot<State, Pinned>,
        mounted: &Mounted,
        started: Tick,
        answer: Result<Document, Error>,
    ) -> Woken {
        let (clock, blocks) = (&self.clock, &self.blocks);
        pilot.land(|state| {
            let before = slot.glance(state);
            match answer {
                Ok(document) => state.take(document, started, slot, mounted, clock, blocks),
                // Until the new vault has given a good document, what the old one gave is served within its limits.
                Err(error) if is_a_miss(&error) && !state.is_of_another_vault(mounted.generation) => {
                    state.miss(error, clock.now(), slot, mounted.generation, blocks);
                }
                Err(error) => state.fail(error, clock.now(), mounted.generation),
            }
            self.note_change(slot, before, slot.glance(state));
        })
    }

    /// Brings the table up to date after a landing, and tells of it. Called under no lock.
    pub(super) fn settle(&self, slot: &Pinned, mounted: &Mounted) {
        self.table.weigh(slot);
        self.reschedule(slot, mounted);
        // Where there is no runtime, whoever waits for a change says so.
        let _ = self.keep_following(&slot.mount, mounted);
        if slot.flights.with(|state| state.document().is_none()) {
            self.end(self.table.note_miss(slot));
        }
        self.tell();
    }
}

async fn read(slot: Pinned, seat: &Seat) {
    let cache = &seat.cache;
    while let Some(mounted) = slot.mount.current() {
        let Some(started) = cache.upgrade().map(|cache| cache.clock.advance()) else { return };
        tracing::debug!(prefix = slot.mount.prefix(), resource = slot.subject.resource(), "reading");
        let answer = ask(cache, &slot, &mounted, seat).await;
        let Some(cache) = cache.upgrade() else { return };
        // What another vault has said is not of interest any more: the one in its place is asked.
        let landed = slot.mount.while_current(mounted.generation, |mounted| {
            seat.take().map(|pilot| cache.land(&slot, pilot, mounted, started, answer))
        });
        if let Some(woken) = landed {
            // None where the flight was given up meanwhile.
            if woken.is_some() {
                drop(woken);
                cache.settle(&slot, &mounted);
            }
            return;
        }
    }
    if let Some(pilot) = seat.take() {
        let message = "the vault was removed while it was read";
        drop(pilot.land(|state| state.fail(Error::new(ErrorKind::Closed, message), Tick::PAST, 0)));
    }
}
