//! Where readers and the task of a session meet: the readers' questions, one owner at a time who answers them, and
//! the count of the tokens there were.
//!
//! A question belongs to its reader alone: one that goes away takes nobody with it. An owner that vanishes (its
//! runtime ended, its code panicked) leaves the questions where they are, and the readers look for another.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::{Arc, Mutex, MutexGuard, lock};

/// What the answer to a reader is: a token it may send, or that the one it has is alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<T> {
    /// Here is a token. For one that was rejected it is another one, so the call may be repeated once.
    Token(T),
    /// The rejected token is alive: the server meant what it said.
    Alive,
}

/// The meeting place, with `T` for tokens and `E` for errors.
pub(crate) struct Desk<T, E>(Mutex<State<T, E>>);

struct State<T, E> {
    owned: bool,
    closed: bool,
    /// Something has come that the owner has not looked at.
    news: bool,
    owner: Option<Waker>,
    /// How many tokens there were.
    epoch: u64,
    /// The epoch of a token that is nearly used up; 0 for none.
    spent: u64,
    asked: u64,
    questions: BTreeMap<u64, Question<T, E>>,
    /// Those who wait until nobody owns the desk.
    leaving: Vec<Waker>,
}

struct Question<T, E> {
    /// The epoch of the token that was rejected; none of a reader without one.
    rejected: Option<u64>,
    answer: Option<Result<Verdict<T>, E>>,
    reader: Option<Waker>,
}

impl<T: Clone, E: Clone> Desk<T, E> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            owned: false,
            closed: false,
            news: false,
            owner: None,
            epoch: 0,
            spent: 0,
            asked: 0,
            questions: BTreeMap::new(),
            leaving: Vec::new(),
        }))
    }

    /// Asks for a token, or what the rejection of the one of this epoch means.
    pub(crate) fn ask(&self, rejected: Option<u64>) -> Asked<'_, T, E> {
        let mut state = lock(&self.0);
        state.asked += 1;
        let id = state.asked;
        state.questions.insert(id, Question { rejected, answer: None, reader: None });
        tell(state, |state| state.news = true);
        Asked { desk: self, id }
    }

    /// Says that the token of this epoch is nearly used up. Nobody waits for what comes of it.
    pub(crate) fn spent(&self, epoch: u64) {
        tell(lock(&self.0), |state| {
            state.spent = state.spent.max(epoch);
            state.news = true;
        });
    }

    /// Whether somebody owns the desk, so that questions find an answer.
    pub(crate) fn is_owned(&self) -> bool {
        lock(&self.0).owned
    }

    /// Takes the desk, where nobody owns it and it is not closed.
    pub(crate) fn own(desk: &Arc<Self>) -> Option<Owner<T, E>> {
        let mut state = lock(&desk.0);
        if state.owned || state.closed {
            return None;
        }
        (state.owned, state.news) = (true, true);
        Some(Owner(desk.clone()))
    }

    /// Closes the desk: its owner learns that it has to end, and none comes after it.
    pub(crate) fn close(&self) {
        tell(lock(&self.0), |state| {
            state.closed = true;
            state.news = true;
        });
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.0).closed
    }

    /// Completes when nobody owns the desk.
    pub(crate) async fn left(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.0);
            if !state.owned {
                return Poll::Ready(());
            }
            if !state.leaving.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.leaving.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

/// Changes the state for the owner to see, and wakes it after the lock is let go of: a waker may run anything.
fn tell<T, E>(mut state: MutexGuard<'_, State<T, E>>, change: impl FnOnce(&mut State<T, E>)) {
    change(&mut state);
    let owner = state.owner.take();
    drop(state);
    owner.into_iter().for_each(Waker::wake);
}

/// Nobody owns the desk, so nobody would answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unowned;

/// A question, withdrawn when it is dropped. Completes with the answer, or where nobody would give one; then it may
/// be waited for again when the desk has another owner.
#[must_use = "a question that is dropped is withdrawn"]
pub(crate) struct Asked<'a, T: Clone, E: Clone> {
    desk: &'a Desk<T, E>,
    id: u64,
}

impl<T: Clone, E: Clone> Future for Asked<'_, T, E> {
    type Output = Result<Result<Verdict<T>, E>, Unowned>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.desk.0);
        let owned = state.owned;
        let Some(question) = state.questions.get_mut(&self.id) else { return Poll::Ready(Err(Unowned)) };
        if let Some(answer) = &question.answer {
            return Poll::Ready(Ok(answer.clone()));
        }
        if !owned {
            return Poll::Ready(Err(Unowned));
        }
        if !question.reader.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            question.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<T: Clone, E: Clone> Drop for Asked<'_, T, E> {
    fn drop(&mut self) {
        let withdrawn = lock(&self.desk.0).questions.remove(&self.id);
        drop(withdrawn);
    }
}

/// The one who answers. Dropped, it leaves the desk to another.
pub(crate) struct Owner<T: Clone, E: Clone>(Arc<Desk<T, E>>);

impl<T: Clone, E: Clone> Owner<T, E> {
    /// Completes when something has come since it last did.
    pub(crate) async fn news(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.0.0);
            if std::mem::take(&mut state.news) {
                return Poll::Ready(());
            }
            state.owner = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Whether the owner has to end.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// The number of the next token.
    pub(crate) fn next_epoch(&self) -> u64 {
        let mut state = lock(&self.0.0);
        state.epoch += 1;
        state.epoch
    }

    /// Whether the token of this epoch is nearly used up.
    pub(crate) fn is_spent(&self, epoch: u64) -> bool {
        lock(&self.0.0).spent == epoch
    }

    /// Whether a reader has no token, or an older one than that of this epoch.
    pub(crate) fn is_wanted(&self, epoch: u64) -> bool {
        self.any(|rejected| rejected.is_none_or(|rejected| rejected < epoch))
    }

    /// Whether a reader's token of this epoch was rejected.
    pub(crate) fn is_suspect(&self, epoch: u64) -> bool {
        self.any(|rejected| rejected == Some(epoch))
    }

    /// Gives a token to those who have none, and to those whose rejected one is older.
    pub(crate) fn serve(&self, epoch: u64, token: &T) {
        self.answer(|rejected| {
            rejected.is_none_or(|rejected| rejected < epoch).then(|| Ok(Verdict::Token(token.clone())))
        });
    }

    /// Tells those whose token was rejected that it is alive.
    pub(crate) fn acquit(&self) {
        self.answer(|rejected| rejected.is_some().then_some(Ok(Verdict::Alive)));
    }

    /// Tells everybody why there is no token.
    pub(crate) fn fail(&self, error: &E) {
        self.answer(|_| Some(Err(error.clone())));
    }

    fn any(&self, is: impl Fn(Option<u64>) -> bool) -> bool {
        let state = lock(&self.0.0);
        state.questions.values().any(|question| question.answer.is_none() && is(question.rejected))
    }

    fn answer(&self, give: impl Fn(Option<u64>) -> Option<Result<Verdict<T>, E>>) {
        let mut state = lock(&self.0.0);
        let mut readers = Vec::new();
        for question in state.questions.values_mut().filter(|question| question.answer.is_none()) {
            question.answer = give(question.rejected);
            if question.answer.is_some() {
                readers.extend(question.reader.take());
            }
        }
        drop(state);
        readers.into_iter().for_each(Waker::wake);
    }
}

impl<T: Clone, E: Clone> Drop for Owner<T, E> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        (state.owned, state.owner) = (false, None);
        let mut wake = std::mem::take(&mut state.leaving);
        wake.extend(state.questions.values_mut().filter_map(|question| question.reader.take()));
        drop(state);
        wake.into_iter().for_each(Waker::wake);
    }
}
