//! Doubting an answer that would take away what the vault gave before.

use std::sync::Weak;
use std::time::Duration;

use super::kept::Edition;
use super::mount::Mounted;
use super::rotate::end;
use super::seat::Seat;
use super::{Cache, Pinned};
use crate::{Document, Error, ErrorKind};

/// How long such an answer is doubted.
pub(super) const DOUBT: Duration = Duration::from_secs(1);

/// Asks the vault, twice where the answer would take away what it gave before.
pub(super) async fn ask(
    cache: &Weak<Cache>,
    slot: &Pinned,
    mounted: &Mounted,
    seat: &Seat,
) -> Result<Document, Error> {
    let request = slot.subject.request();
    let read = async || {
        let answer = mounted.vault.backend.read(&request).await;
        if let Some(cache) = cache.upgrade() {
            cache.note_answer(&slot.mount, mounted.generation, "read", &answer);
        }
        answer
    };
    let answer = read().await;
    let Some(held) = slot.flights.with(|state| state.held(mounted.generation)) else { return answer };
    if !is_doubtful(held, &answer) {
        return answer;
    }
    tracing::debug!(prefix = slot.mount.prefix(), resource = slot.subject.resource(), "asking once more");
    // Others do not stand in line for a doubt: where all is denied, many have one.
    seat.give_back().into_iter().for_each(|turn| end(cache, turn));
    tokio::time::sleep(DOUBT).await;
    match read().await {
        Ok(document) if held.goes_back_to(Edition::of(&document)) => {
            let message = "the vault answers with an older version than before, as a lagging standby does";
            Err(Error::new(ErrorKind::Unavailable, message).transient())
        }
        answer => answer,
    }
}

/// Whether an answer would take away what its vault gave before, so that it is doubted.
pub(super) fn contradicts(slot: &Pinned, mounted: &Mounted, answer: &Result<Document, Error>) -> bool {
    let held = slot.flights.with(|state| state.held(mounted.generation));
    held.is_some_and(|held| is_doubtful(held, answer))
}

/// Whether an answer contradicts the one before in a way that a lagging standby's, or a mount that is being moved,
/// does. A deletion on purpose says so itself and needs no second opinion.
fn is_doubtful(held: Edition, answer: &Result<Document, Error>) -> bool {
    match answer {
        Ok(document) => held.goes_back_to(Edition::of(document)),
        Err(error) => {
            !error.is_retryable() && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
        }
    }
}
