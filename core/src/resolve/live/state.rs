//! What the handles of one configuration share: the configuration that is in service, and how it is built.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use serde::de::DeserializeOwned;

use super::Validate;
use super::sources::{Sources, Taken, Used};
use crate::cache::{AtomicTick, Cache, Flights, Tick, Want};
use crate::registry::{Gathered, named};
use crate::resolve::failure::Fault;
use crate::resolve::path::FieldPath;
use crate::resolve::{Origins, ResolveError, Resolved, Resolver, Template, mask};
use crate::sync::lock;
use crate::{Error, ErrorKind, Reference};

pub(super) struct Shared<T> {
    pub(super) cache: Arc<Cache>,
    pub(super) sources: Sources,
    template: Arc<Template>,
    origins: Option<Arc<dyn Origins>>,
    validate: Box<Validate<T>>,
    /// What is in service; none once it may not be served any more.
    present: ArcSwapOption<Built<T>>,
    /// What building was tried with last. Locked while it is tried.
    tried: Mutex<Tried>,
    failure: Mutex<Option<ResolveError>>,
    /// Counts the swaps, and tells those who wait for one.
    pub(super) news: Flights<u64>,
    /// Tells the task that nobody is interested any more.
    pub(super) end: Arc<Flights<()>>,
    /// Whether the task is there.
    pub(super) following: AtomicBool,
}

/// What there was when building was tried.
#[derive(Default, PartialEq)]
struct Tried {
    serials: Vec<u32>,
    /// The first place whose value might not be served. It may be served again and still be the same value.
    ended: Option<usize>,
}

struct Built<T> {
    config: Arc<T>,
    used: Used,
    /// The last tick at which all of its values were found to be servable.
    checked: AtomicTick,
}

impl<T> Shared<T> {
    pub(super) fn swaps(&self) -> u64 {
        self.news.with(|swaps| *swaps)
    }

    pub(super) fn failure(&self) -> Option<ResolveError> {
        lock(&self.failure).clone()
    }

    pub(super) fn references(&self) -> &[Reference] {
        &self.template.references
    }

    pub(super) fn is_stale(&self) -> bool {
        let present = self.present.load();
        present.as_ref().is_none_or(|built| self.sources.is_stale(&built.used, self.cache.now()))
    }

    /// That the vaults of all secrets are there.
    pub(super) fn is_open(&self) -> Result<(), Error> {
        self.sources.first_cells().try_for_each(|(place, (slot, _))| match slot.mount.mounted() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.at_field(place, error).into()),
        })
    }

    /// Puts what is wrong with a reference to its first field.
    fn at_field(&self, place: usize, error: Error) -> ResolveError {
        let error = match self.template.references.get(place) {
            Some(reference) => named(reference, error),
            None => error,
        };
        let path = self.template.fields(|other| other == place).into_iter().next().map(|(path, _)| path);
        self.error(Fault { path: path.unwrap_or_default(), error })
    }

    fn error(&self, fault: Fault) -> ResolveError {
        ResolveError::new(vec![fault], self.origins.as_deref())
    }

    /// Why a value may not be served.
    fn ended(&self, place: usize, now: Tick) -> ResolveError {
        let error = match self.sources.cell(place) {
            Some((slot, cell)) => slot.explain(cell, now),
            None => Error::new(ErrorKind::Internal, "a value without a place"),
        };
        self.at_field(place, error)
    }

    #[cold]
    fn explain(&self) -> Error {
        let now = self.cache.now();
        match (self.sources.first_without_value(now), self.failure()) {
            (Some(place), _) => self.ended(place, now).into(),
            (None, Some(failure)) => Error::from(failure).context(
                "the last good configuration may not be served any more, and a new one cannot be built",
            ),
            // All secrets are back, and the configuration will be in a moment.
            (None, None) => {
                Error::new(ErrorKind::Unavailable, "the configuration is being built").transient()
            }
        }
    }

    /// Whether there is a configuration, within its limits or not.
    pub(super) fn is_in_service(&self) -> bool {
        self.present.load().is_some()
    }

    fn swap(&self, built: Option<Arc<Built<T>>>) {
        self.present.store(built);
        drop(self.news.announce(|swaps| *swaps = swaps.wrapping_add(1)));
    }

    /// Takes the configuration out of service if it may not be served, and says whether it did.
    fn withdraw_if_ended(&self, now: Tick) -> bool {
        let present = self.present.load();
        let has_ended =
            present.as_ref().is_some_and(|built| self.sources.first_ended(&built.used, now).is_some());
        if has_ended {
            self.swap(None);
        }
        has_ended
    }

    fn fail(&self, failure: ResolveError, now: Tick) -> ResolveError {
        *lock(&self.failure) = Some(failure.clone());
        if self.withdraw_if_ended(now) {
            tracing::warn!(error = %failure, "the configuration is out of service");
        } else if self.is_in_service() {
            tracing::warn!(error = %failure, "the configuration could not be built anew; the last good one stays");
        } else {
            tracing::warn!(error = %failure, "the configuration could not be built anew; it stays out of service");
        }
        failure
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Shared<T> {
    pub(super) fn new(
        resolver: &Resolver,
        template: Arc<Template>,
        gathered: Vec<Gathered>,
        validate: Box<Validate<T>>,
    ) -> Result<Arc<Self>, ResolveError> {
        gathered.iter().for_each(|gathered| gathered.say_if_it_stays());
        let shared = Self {
            cache: resolver.registry.0.cache.clone(),
            sources: Sources::new(gathered),
            template,
            origins: resolver.origins.clone(),
            validate,
            present: ArcSwapOption::empty(),
            tried: Mutex::default(),
            failure: Mutex::default(),
            news: Flights::new(0),
            end: Arc::new(Flights::new(())),
            following: AtomicBool::new(false),
        };
        let (now, taken) = (shared.cache.now(), shared.sources.take());
        let found = Tried { serials: taken.serials(), ended: taken.first_ended(now) };
        let ended = found.ended;
        *lock(&shared.tried) = found;
        if let Some(place) = ended {
            return Err(shared.ended(place, now));
        }
        let built = shared.build(&taken)?;
        shared.present.store(Some(Arc::new(built)));
        let shared = Arc::new(shared);
        let following = shared.keep_following();
        following.map_err(|error| shared.error(Fault { path: FieldPath::root(), error }))?;
        Ok(shared)
    }

    pub(super) fn current(self: &Arc<Self>) -> Result<Arc<T>, Error> {
        let now = self.cache.now();
        let present = self.present.load();
        match present.as_ref() {
            Some(built) if built.checked.load() == now || self.check(built, now) => Ok(built.config.clone()),
            _ => Err(self.explain()),
        }
    }

    /// Looks at the limits of every value, which is done once in each step of the clock.
    #[cold]
    fn check(self: &Arc<Self>, built: &Built<T>, now: Tick) -> bool {
        if !self.following.load(Ordering::Relaxed) {
            // Its runtime has ended; where there is no other, whoever waits for a change says so.
            let _ = self.keep_following();
        }
        let serves = self.sources.first_ended(&built.used, now).is_none();
        if serves {
            built.checked.store(now);
        }
        serves
    }

    /// Builds the configuration anew if a value is another one than when that was tried last, or may be served again.
    pub(super) fn catch_up(&self) -> Result<(), ResolveError> {
        let mut tried = lock(&self.tried);
        let taken = self.sources.take();
        let now = self.cache.now();
        let found = Tried { serials: taken.serials(), ended: taken.first_ended(now) };
        if *tried == found {
            if self.withdraw_if_ended(now) {
                // What is out of service has to be built to come back, from the same values too.
                *tried = Tried::default();
                tracing::warn!(error = ?self.explain(), "the configuration is out of service");
            }
            return Ok(());
        }
        let ended = found.ended;
        *tried = found;
        if let Some(place) = ended {
            return Err(self.fail(self.ended(place, now), now));
        }
        match self.build(&taken) {
            Ok(built) => {
                *lock(&self.failure) = None;
                self.swap(Some(Arc::new(built)));
                tracing::info!("the configuration was built anew, since a secret in it has changed");
                Ok(())
            }
            Err(failure) => Err(self.fail(failure, now)),
        }
    }

    fn build(&self, taken: &Taken) -> Result<Built<T>, ResolveError> {
        let resolved = Resolved::new(self.template.clone(), taken.values(), self.origins.clone());
        // The program's own code runs in here. If it panics, the configuration is not built; the next one may be.
        let config = catch_unwind(AssertUnwindSafe(|| {
            let config = resolved.extract()?;
            (self.validate)(&config).map_err(|error| {
                let said = mask::without_values(&error.to_string(), &self.template, &resolved.values);
                self.error(Fault::invalid(FieldPath::root(), format!("its validation failed: {said}")))
            })?;
            Ok(config)
        }));
        let config = config.unwrap_or_else(|_| {
            let message = "the program's own code panicked while the configuration was built";
            Err(self
                .error(Fault { path: FieldPath::root(), error: Error::new(ErrorKind::Internal, message) }))
        })?;
        Ok(Built { config: Arc::new(config), used: taken.used(), checked: AtomicTick::new(Tick::PAST) })
    }

    pub(super) async fn refresh(&self) -> Result<(), ResolveError> {
        // All are under way before the first is waited for.
        let started: Vec<_> = self.sources.slots().map(|slot| self.cache.start_reading_anew(slot)).collect();
        let mut faults = Vec::new();
        for ((place, (slot, cell)), started) in self.sources.first_cells().zip(started) {
            let read = match started {
                Ok(since) => self.cache.obtain(slot, cell, Want::Brought(since)).await.map(drop),
                Err(error) => Err(error),
            };
            faults.extend(read.err().map(|error| self.at_field(place, error)));
        }
        let built = self.catch_up();
        let failures = faults.iter().flat_map(ResolveError::failures).cloned();
        let failures: Vec<_> = failures.collect();
        if failures.is_empty() { built } else { Err(ResolveError::from_failures(failures)) }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        drop(self.end.announce(|()| ()));
    }
}
