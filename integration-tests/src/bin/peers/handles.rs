//! Values that were looked up before: how quickly a handle gives its present value.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use strongroom_core::Live;
use tokio::sync::watch;

use crate::entries::{Entries, order, touch};
use crate::hits::{contender, grid, reads, sized, sizes};
use crate::report::{Bar, Section};
use crate::rounds::{Plan, interleave, named};

const FLOOR: &str = "`Vec` index, no synchronisation";
const READER: &str = "strongroom `Reader::current`";
const LIVE: &str = "strongroom `Live::current`";
const LOAD: &str = "`ArcSwap::load`";

pub(crate) fn run(plan: &Plan) -> Section {
    let (mut grids, mut bars) = (Vec::new(), Vec::new());
    for count in sizes(plan) {
        let entries = Entries::new(*count);
        let Entries { values, live, .. } = &entries;
        let order = &order(*count, reads(plan));
        let swaps: Vec<_> =
            values.iter().map(|value| Arc::new(ArcSwap::from_pointee(value.clone()))).collect();
        let channels: Vec<_> = values.iter().map(|value| watch::channel(value.clone())).collect();
        let (swaps, channels) = (&swaps, &channels);
        let figures = interleave(
            plan,
            vec![
                contender(FLOOR, order, || |at: usize| touch(&values[at])),
                contender(READER, order, || {
                    let mut readers: Vec<_> = live.iter().map(Live::reader).collect();
                    move |at: usize| touch(readers[at].current().unwrap().as_bytes())
                }),
                contender("arc_swap `Cache`", order, || {
                    let mut caches: Vec<_> = swaps.iter().map(|swap| Cache::new(swap.clone())).collect();
                    move |at: usize| touch(caches[at].load())
                }),
                contender(LIVE, order, || |at: usize| touch(live[at].current().unwrap().as_bytes())),
                contender(LOAD, order, || |at: usize| touch(&swaps[at].load())),
                contender("tokio `watch`", order, || {
                    let receivers: Vec<_> = channels.iter().map(|(_, receiver)| receiver.clone()).collect();
                    move |at: usize| touch(&receivers[at].borrow())
                }),
            ],
        );
        let limits = match count {
            1 => Some((1.5, 1.3)),
            1_000 => Some((2.0, 1.5)),
            _ => None,
        };
        let of = sized(*count);
        if let Some((must, goal)) = limits {
            let ratio =
                |name, threads, to| named(&figures, name).ratio(threads, named(&figures, to), threads);
            for (threads, word) in ["1 thread", "2 threads"].into_iter().enumerate() {
                let what = format!("`Reader::current` to a `Vec` index, {of}, {word}");
                bars.push(Bar::at_most(what, ratio(READER, threads, FLOOR), "x", must, Some(goal)));
                let what = format!("`Live::current` to `ArcSwap::load`, {of}, {word}");
                bars.push(Bar::at_most(what, ratio(LIVE, threads, LOAD), "x", 1.2, None));
            }
        }
        grids.push(grid(&format!("handles, {of}"), &figures));
    }
    let about = "Values of 63 bytes that were looked up before, read in random order; every contender touches the \
                 value's bytes, each read is a call through a pointer, and the check of expiry is part of ours. \"2 threads\" is what each of two threads \
                 sees; with one entry both read the same one. Ratios are to the first line of a table.";
    Section { title: "Hits by handle", about: format!("{about} {}", plan.medians()), grids, bars }
}
