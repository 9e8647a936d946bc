//! Hits while another thread replaces every value without pause: how long the slowest reads take.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use dashmap::DashMap;
use foldhash::fast::RandomState;
use strongroom_core::Live;

use crate::distance::distance;
use crate::entries::{Entries, key, order, touch, value};
use crate::hits::keep_to_processor;
use crate::load::nanoseconds;
use crate::report::{Bar, Grid, Section, number};
use crate::rounds::{Contender, Plan, interleave, named, percentile};

const COUNT: usize = 1_000;
const QUIET: &str = "dashmap with foldhash and a clone, nothing written";
const READER: &str = "strongroom `Reader::current`";
const TEXT: &str = "strongroom `try_get`";

/// Median, p99.9 and longest of single reads in nanoseconds, how many values were replaced in a second, and how far
/// apart the processors were.
const P999: usize = 1;
const RATE: usize = 3;
const APART: usize = 4;

/// Processors that share a cache see in 30 to 40 ns what the other has written, others in 120 to 180. Where there is but
/// one, that is not a number.
const NEAR: f64 = 70.0;

pub(crate) fn run(plan: &Plan) -> Section {
    let entries = Entries::new(COUNT);
    let Entries { keys, values, registry, live, runtime } = &entries;
    let order = &order(COUNT, plan.count(2_000_000));
    let shared = || keys.iter().cloned().zip(values.iter().cloned().map(Arc::new));
    let swaps: Vec<_> = values.iter().map(|value| Arc::new(ArcSwap::from_pointee(value.clone()))).collect();
    let dashmap: DashMap<_, _, RandomState> = shared().collect();
    let papaya: papaya::HashMap<_, _, RandomState> = shared().collect();
    let moka = moka::sync::Cache::builder()
        .max_capacity(2 * COUNT as u64)
        .time_to_live(Duration::from_secs(3600))
        .build();
    shared().for_each(|(key, value)| moka.insert(key, value));
    let (swaps, dashmap, papaya, moka) = (&swaps, &dashmap, &papaya, &moka);

    // The real way: a read of the vault, whose answer is another one each time, lands in the registry.
    let refresh = |at: usize, _| drop(runtime.block_on(registry.refresh(&keys[at])).unwrap());
    let from_dashmap = || {
        |at: usize| {
            let value = dashmap.get(&keys[at]).map(|value| value.clone()).unwrap();
            touch(&value)
        }
    };
    // The machine may move one of the processors at any time, so that a few rounds may all be of one kind.
    let plan = &Plan { rounds: 3 * plan.rounds, ..*plan };
    let figures = interleave(
        plan,
        vec![
            contender(QUIET, order, from_dashmap, None::<fn(usize, u64)>),
            contender(
                READER,
                order,
                || {
                    let mut readers: Vec<_> = live.iter().map(Live::reader).collect();
                    move |at: usize| touch(readers[at].current().unwrap().as_bytes())
                },
                Some(refresh),
            ),
            contender(
                "arc_swap `Cache`",
                order,
                || {
                    let mut caches: Vec<_> = swaps.iter().map(|swap| Cache::new(swap.clone())).collect();
                    move |at: usize| touch(caches[at].load())
                },
                Some(|at: usize, number| swaps[at].store(Arc::new(value(number)))),
            ),
            contender(
                TEXT,
                order,
                || |at: usize| touch(registry.try_get(keys[at].as_str()).unwrap().as_bytes()),
                Some(refresh),
            ),
            contender(
                "dashmap with foldhash and a clone",
                order,
                from_dashmap,
                Some(|at, number| drop(dashmap.insert(key(at), Arc::new(value(number))))),
            ),
            contender(
                "papaya with foldhash and a clone",
                order,
                || {
                    |at: usize| {
                        let value = papaya.pin().get(&keys[at]).cloned().unwrap();
                        touch(&value)
                    }
                },
                Some(|at, number| {
                    papaya.pin().insert(key(at), Arc::new(value(number)));
                }),
            ),
            contender(
                "moka `sync` with a ttl and a clone",
                order,
                || |at: usize| touch(&moka.get(&keys[at]).unwrap()),
                Some(|at, number| moka.insert(key(at), Arc::new(value(number)))),
            ),
        ],
    );
    let head = [
        "1,000 entries",
        "p50, ns",
        "p99.9, ns",
        "p99.9 to quiet dashmap",
        "longest, ns",
        "replaced in a second",
        "a line's way, ns",
    ];
    let mut grid = Grid::new(head);
    let quiet = named(&figures, QUIET);
    for line in &figures {
        let median = |column| number(line.median(column));
        let ratio = number(line.ratio(P999, quiet, P999));
        grid.row([
            line.name.clone(),
            median(0),
            median(P999),
            ratio,
            median(2),
            format!("{:.0}", line.median(RATE)),
            median(APART),
        ]);
    }
    let text = named(&figures, TEXT);
    let what = "p99.9 of `try_get` beside the writer to quiet dashmap's";
    let mut bars = vec![Bar::at_most(what, text.ratio(P999, quiet, P999), "x", 1.5, None)];
    for (are_near, place) in [(true, "near each other"), (false, "apart")] {
        let is_such = |round: &usize| (text.at(*round, APART) < NEAR) == are_near;
        let rounds: Vec<_> = (0..plan.rounds).filter(is_such).collect();
        if !rounds.is_empty() {
            let what = format!("the same of the {} rounds with the processors {place}", rounds.len());
            bars.push(Bar::shown(what, text.ratio_in(rounds, P999, quiet, P999), "x"));
        }
    }
    let p999 = |name| named(&figures, name).median(P999);
    bars.push(Bar::goal_at_most("p99.9 of `try_get` beside the writer", p999(TEXT), "ns", 600.0));
    bars.push(Bar::goal_at_most("p99.9 of `Reader::current` beside the writer", p999(READER), "ns", 500.0));
    let about = "One thread reads at random, each read timed alone (the clock's own 20 to 25 ns are in it), while \
                 another replaces all 1,000 values, one after the other, without pause. With Strongroom a replacement \
                 is a whole `refresh`: a read of a vault that has another value each time, a document, its cells; \
                 with the others it is an `insert` or a `store` of a new `Arc`. So the rates differ, and are shown.";
    let apart = "What another processor has written takes its way to the reader, with everybody but the quiet one, and \
                 the machine may put its processors near each other or apart, and change that at any time: the last \
                 column is the longer of those right before and right after. Whoever reads a value for the first time \
                 after its replacement waits for two such lines, one after the other: that of the pointer and that of \
                 the value.";
    Section {
        title: "Hits beside a writer",
        about: format!("{about} {apart} {}", plan.medians()),
        grids: vec![grid],
        bars,
    }
}

fn contender<'a, M, R, W>(name: &str, order: &'a [u32], make: M, write: Option<W>) -> Contender<'a, 5>
where
    M: Fn() -> R + Sync + 'a,
    R: FnMut(usize) -> u8,
    W: Fn(usize, u64) + Sync + 'a,
{
    Contender::new(name, move || {
        let before = distance();
        let (done, written, begun) =
            (AtomicBool::new(false), AtomicU64::new(0), AtomicBool::new(write.is_none()));
        let [p50, p999, longest, rate] = std::thread::scope(|scope| {
            if let Some(write) = &write {
                scope.spawn(|| {
                    keep_to_processor(1);
                    for number in 1.. {
                        write(number as usize % COUNT, number);
                        written.store(number, Ordering::Relaxed);
                        begun.store(true, Ordering::Relaxed);
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            while !begun.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let reader = scope.spawn(|| {
                keep_to_processor(0);
                let mut read = make();
                order.iter().take(20_000).for_each(|at| {
                    black_box(read(*at as usize));
                });
                let (before, start) = (written.load(Ordering::Relaxed), Instant::now());
                let mut times: Vec<u64> = Vec::with_capacity(order.len());
                for at in order {
                    let start = Instant::now();
                    black_box(read(black_box(*at as usize)));
                    times.push(nanoseconds(start));
                }
                let rate = (written.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
                done.store(true, Ordering::Relaxed);
                let longest = times.iter().max().copied().unwrap_or(0) as f64;
                [percentile(&mut times, 0.5), percentile(&mut times, 0.999), longest, rate]
            });
            reader.join().unwrap()
        });
        [p50, p999, longest, rate, before.max(distance())]
    })
}
