//! Values by the full text of their reference: how quickly it is looked up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use crate::entries::{Entries, order, touch};
use crate::hits::{contender, grid, reads, sized, sizes};
use crate::report::{Bar, Section};
use crate::rounds::{Plan, interleave, named};

const FLOOR: &str = "`HashMap` with foldhash, no synchronisation";
const OURS: &str = "strongroom `try_get`";
const APART: &str = "strongroom `try_get`, each thread in a registry of its own";
const DASHMAP: &str = "dashmap with foldhash, and a clone of the `Arc`";

pub(crate) fn run(plan: &Plan) -> Section {
    let (mut grids, mut bars) = (Vec::new(), Vec::new());
    for count in sizes(plan) {
        let entries = Entries::new(*count);
        let Entries { keys, values, registry, .. } = &entries;
        let (apart, turn) = (Entries::new(*count), AtomicUsize::new(0));
        let registries = [registry, &apart.registry];
        let its_own = || registries[turn.fetch_add(1, Ordering::Relaxed) % 2];
        let order = &order(*count, reads(plan));
        let pairs = || keys.iter().cloned().zip(values.iter().cloned());
        let shared = || pairs().map(|(key, value)| (key, Arc::new(value)));
        let plain: HashMap<_, _, RandomState> = pairs().collect();
        let dashmap: DashMap<_, _, RandomState> = shared().collect();
        let index = scc::HashIndex::with_hasher(RandomState::default());
        pairs().for_each(|(key, value)| drop(index.insert_sync(key, value)));
        let papaya: papaya::HashMap<_, _, RandomState> = shared().collect();
        let moka = moka::sync::Cache::builder()
            .max_capacity(2 * *count as u64)
            .time_to_live(Duration::from_secs(3600))
            .build();
        shared().for_each(|(key, value)| moka.insert(key, value));
        let quick = quick_cache::sync::Cache::new(2 * count);
        shared().for_each(|(key, value)| quick.insert(key, value));
        let (plain, dashmap, index, papaya, moka, quick) = (&plain, &dashmap, &index, &papaya, &moka, &quick);
        let figures = interleave(
            plan,
            vec![
                contender(FLOOR, order, || |at: usize| touch(&plain[&keys[at]])),
                contender(OURS, order, || {
                    |at: usize| touch(registry.try_get(keys[at].as_str()).unwrap().as_bytes())
                }),
                contender(APART, order, || {
                    let registry = its_own();
                    move |at: usize| touch(registry.try_get(keys[at].as_str()).unwrap().as_bytes())
                }),
                contender(DASHMAP, order, || {
                    |at: usize| {
                        let value = dashmap.get(&keys[at]).map(|value| value.clone()).unwrap();
                        touch(&value)
                    }
                }),
                contender("scc `HashIndex` with foldhash, no clone", order, || {
                    |at: usize| index.peek_with(&keys[at], |_, value| touch(value)).unwrap()
                }),
                contender("papaya with foldhash, and a clone", order, || {
                    |at: usize| {
                        let value = papaya.pin().get(&keys[at]).cloned().unwrap();
                        touch(&value)
                    }
                }),
                contender("quick_cache, and a clone", order, || {
                    |at: usize| touch(&quick.get(&keys[at]).unwrap())
                }),
                contender("moka `sync` with a ttl, and a clone", order, || {
                    |at: usize| touch(&moka.get(&keys[at]).unwrap())
                }),
            ],
        );
        let ours = named(&figures, OURS);
        match count {
            1 => {
                let what = "`try_get` of one entry by 2 threads to that by one";
                bars.push(Bar::at_most(what, ours.ratio(1, ours, 0), "x", 1.3, None));
                let what = "the same to that by 2 threads that share nothing";
                bars.push(Bar::at_most(what, ours.ratio(1, named(&figures, APART), 1), "x", 1.3, None));
            }
            1_000 => {
                let (dashmap, floor) = (named(&figures, DASHMAP), named(&figures, FLOOR));
                let what = "`try_get` to dashmap with a clone, 1,000 entries";
                bars.push(Bar::at_most(what, ours.ratio(0, dashmap, 0), "x", 1.0, None));
                let what = "`try_get` to a `HashMap` without synchronisation, 1,000 entries";
                bars.push(Bar::goal_at_most(what, ours.ratio(0, floor, 0), "x", 1.8));
            }
            _ => {}
        }
        grids.push(grid(&format!("by text, {}", sized(*count)), &figures));
    }
    let about = "The same values by their reference's full text of 53 bytes. Strongroom forces no clone of an `Arc` \
                 on its readers; where a line says so, a clone is what that crate's way of reading is. What two threads cost each \
                 other on this machine though they share nothing shows in the first line, and in that of two registries.";
    Section { title: "Hits by text", about: format!("{about} {}", plan.medians()), grids, bars }
}
