//! A flight that its first reader flies, and that somebody else takes over.

use super::*;

/// Makes a thread of each task.
struct Threads;

impl Launch for Threads {
    fn launch(&self, work: Work) {
        thread::spawn(move || block_on(work));
    }

    fn within<T>(&self, step: impl FnOnce() -> T) -> T {
        step()
    }
}

/// What a vault says, some time or other.
#[derive(Default)]
struct Answer(Mutex<(bool, Option<Waker>)>);

impl Answer {
    fn come(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A flight, which is woken by way of the standard library's wakers.
type Flight = std::sync::Arc<Cockpit<Threads>>;

/// A flight of `owner` that lands when the answer is there.
fn flight(owner: &Owner, answer: &Arc<Answer>) -> Flight {
    let Err((_, Some(pilot))) = Flights::join(owner, |thing, _| thing.value) else { unreachable!() };
    let answer = answer.clone();
    let work = async move {
        std::future::poll_fn(|cx| answer.poll(cx)).await;
        drop(pilot.land(|thing| thing.value = Some(1)));
    };
    Cockpit::new(Box::pin(work), Threads)
}

#[test]
fn a_flight_that_is_handed_over_at_any_moment_goes_on() {
    // Of four threads.
    model_with(2, || {
        let (owner, answer) = (owner(), Arc::new(Answer::default()));
        let cockpit = flight(&owner, &answer);
        let seen = owner.0.seen();
        let joining = thread::spawn({
            let cockpit = cockpit.clone();
            move || cockpit.hand_over()
        });
        let answering = thread::spawn(move || answer.come());
        block_on(FirstReader::new(cockpit));
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.value), Some(1));
        joining.join().unwrap();
        answering.join().unwrap();
    });
}

#[test]
fn a_first_reader_that_goes_away_leaves_its_flight_in_good_hands() {
    model(|| {
        let (owner, answer) = (owner(), Arc::new(Answer::default()));
        let cockpit = flight(&owner, &answer);
        let seen = owner.0.seen();
        let leaving = thread::spawn(move || {
            let mut first = pin!(FirstReader::new(cockpit));
            let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        let answering = thread::spawn(move || answer.come());
        block_on(owner.0.news(seen));
        assert_eq!(owner.0.with(|thing| thing.value), Some(1));
        leaving.join().unwrap();
        answering.join().unwrap();
    });
}
