//! What is done to the headers of every request, and what is said when it begins and ceases to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use crate::http::{HeaderFormat, ToHeaderValue, basic};
use crate::{Error, Live, LiveDocument, escaped};

type Change = Arc<dyn Fn(&mut HeaderMap) -> Result<(), Error> + Send + Sync>;

/// Changes to the headers of a request, in the order in which they were added.
#[derive(Default)]
pub(super) struct Headers {
    changes: Vec<Change>,
    /// Whether the last request was refused, so that an outage is one line of the log and not one a request.
    refusing: AtomicBool,
}

impl Headers {
    pub(super) fn and(
        &self,
        change: impl Fn(&mut HeaderMap) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        let mut changes = self.changes.clone();
        changes.push(Arc::new(change));
        Self { changes, refusing: AtomicBool::new(false) }
    }

    #[inline]
    pub(super) fn apply(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        let applied = self.changes.iter().try_for_each(|change| change(headers));
        if self.refusing.load(Ordering::Relaxed) != applied.is_err() {
            self.tell(applied.as_ref().err());
        }
        applied
    }

    #[cold]
    fn tell(&self, error: Option<&Error>) {
        if self.refusing.swap(error.is_some(), Ordering::Relaxed) == error.is_some() {
            return;
        }
        match error {
            Some(error) => {
                tracing::warn!("requests are refused, since a secret header has no value: {error:?}");
            }
            None => tracing::info!("requests are passed on again: all secret headers have their values"),
        }
    }
}

/// Puts the present value of a secret into a header.
pub(super) fn of_one(
    name: HeaderName,
    format: HeaderFormat,
    live: Live,
) -> impl Fn(&mut HeaderMap) -> Result<(), Error> + Send + Sync + 'static {
    move |headers| {
        let value = live.current()?.to_header_value_as(&format);
        headers.insert(name.clone(), value.map_err(|error| named(error, &live, &name))?);
        Ok(())
    }
}

/// Puts the present user name and password of a secret into the header `authorization`.
pub(super) fn of_two(
    document: LiveDocument,
    user: String,
    password: String,
) -> impl Fn(&mut HeaderMap) -> Result<(), Error> + Send + Sync + 'static {
    move |headers| {
        let now = document.current()?.to_document();
        let value = now.get(&user).and_then(|user| basic(&user, &now.get(&password)?));
        let value = value.map_err(|error| named(error, document.as_live(), &AUTHORIZATION))?;
        headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

fn named(error: Error, live: &Live, name: &HeaderName) -> Error {
    let reference = live.reference().to_string();
    error.context(format!("could not send {} in the header `{name}`", escaped(&reference)))
}
