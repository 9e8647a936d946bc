//! What is in memory, vault by vault: for health endpoints and gauges.

use std::sync::Arc;
use std::time::Duration;

use super::{Cache, Mount};

/// What is in memory of one vault.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) mount: Arc<Mount>,
    /// How many secrets have a value.
    pub(crate) entries: usize,
    /// How many of them are older than their ttl.
    pub(crate) stale: usize,
    /// How old the oldest is.
    pub(crate) oldest: Option<Duration>,
}

impl Cache {
    /// Looks at everything that is in memory.
    pub(crate) fn survey(&self) -> Vec<Survey> {
        let now = self.clock.now();
        let mut surveys: Vec<Survey> = Vec::new();
        self.table.for_each(|slot| {
            let seen = slot.flights.with(|state| {
                let mut values = slot.cells(state).map(|cell| cell.load());
                let stale = values.any(|block| block.is_a_value() && !block.is_fresh(now));
                state.fetched().map(|fetched| (now.since(fetched), stale))
            });
            let Some((age, is_stale)) = seen else { return };
            let known = surveys.iter_mut().find(|survey| Arc::ptr_eq(&survey.mount, &slot.mount));
            match known {
                Some(survey) => {
                    survey.entries += 1;
                    survey.stale += usize::from(is_stale);
                    survey.oldest = survey.oldest.max(Some(age));
                }
                None => surveys.push(Survey {
                    mount: slot.mount.clone(),
                    entries: 1,
                    stale: usize::from(is_stale),
                    oldest: Some(age),
                }),
            }
        });
        surveys
    }
}
