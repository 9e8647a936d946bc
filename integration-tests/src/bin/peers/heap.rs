//! What a cached secret takes of the heap, counted in a process for each contender.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure as counted;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use strongroom_core::{Policy, Registry, Vault};

use crate::child::Again;
use crate::entries::{Turning, key, room_for, value};
use crate::report::{Bar, Grid, Section};
use crate::rounds::Plan;

const COUNT: usize = 100_000;

/// The names by which a child process knows what to measure, and what they stand for.
const CONTENDERS: [(&str, &str); 5] = [
    ("strongroom", "strongroom, everything but the text"),
    ("text", "strongroom, the text in its index"),
    ("dashmap", "dashmap of `Arc`"),
    ("moka", "moka `sync` with a ttl"),
    ("quick_cache", "quick_cache of `Arc`"),
];

pub(crate) fn run(_: &Plan) -> Section {
    let mut grid = Grid::new(["100,000 secrets", "heap, bytes each", "blocks each", "resident, bytes each"]);
    let mut ours = 0.0;
    for (contender, name) in CONTENDERS {
        let mut process = Again::start(&["heap", contender]);
        let line = process.line();
        let figures: Vec<f64> = line.split(' ').map(|figure| figure.parse().unwrap()).collect();
        if contender == "strongroom" {
            ours = figures[0];
        }
        grid.row([
            name.to_owned(),
            format!("{:.0}", figures[0]),
            format!("{:.1}", figures[1]),
            format!("{:.0}", figures[2]),
        ]);
    }
    let bars = vec![Bar::at_most("heap of a cached secret", ours, "bytes", 450.0, Some(300.0))];
    let about = "100,000 cached secrets of 53 bytes of key and 63 of value, each contender alone in a process, counted \
                 once, since counts do not vary: the bytes that are asked of the allocator and not given back, and \
                 what the process's resident memory grows by. Strongroom's is everything it keeps of a secret of a \
                 vault with a `ttl`: slot, document, cell, block, table, bounds and the queue of what is due. The text \
                 of a reference gets into the index by `get` and `try_get`; handles need none.";
    Section { title: "Memory of a cached secret", about: about.into(), grids: vec![grid], bars }
}

/// Prints bytes, blocks and resident bytes of each secret.
pub(crate) fn measure(contender: &str) {
    let shared = |at: usize| (key(at), Arc::new(Entry::new(at)));
    match contender {
        "strongroom" | "text" => strongroom(contender == "text"),
        "dashmap" => report(|| {
            let map: DashMap<_, _, RandomState> = DashMap::with_hasher(RandomState::default());
            (0..COUNT).map(shared).for_each(|(key, entry)| drop(map.insert(key, entry)));
            map
        }),
        "moka" => report(|| {
            let cache = moka::sync::Cache::builder()
                .max_capacity(2 * COUNT as u64)
                .time_to_live(Duration::from_secs(3600))
                .build();
            (0..COUNT).map(shared).for_each(|(key, entry)| cache.insert(key, entry));
            cache.run_pending_tasks();
            cache
        }),
        "quick_cache" => report(|| {
            let cache = quick_cache::sync::Cache::new(COUNT);
            (0..COUNT).map(shared).for_each(|(key, entry)| cache.insert(key, entry));
            cache
        }),
        other => panic!("no contender `{other}`"),
    }
}

/// What others would have to keep of a secret to know when it ends.
struct Entry {
    _value: Vec<u8>,
    _ends: Instant,
}

impl Entry {
    fn new(at: usize) -> Self {
        Self { _value: value(at as u64), _ends: Instant::now() }
    }
}

/// Everything happens on this thread, so all of it is counted; but the index is made anew on another from time to time,
/// so what is counted of texts is what they take before.
fn strongroom(text: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut policy = Policy::default();
    policy.ttl = Some(Duration::from_secs(3600));
    let vault = Vault::new(Turning::default()).with_policy(policy);
    let registry =
        Registry::builder().vault("my-vault", vault).cache_limits(room_for(COUNT)).build().unwrap();
    let watch = || {
        runtime.block_on(async {
            for at in 0..COUNT {
                // A handle that is dropped leaves the secret in memory, and no text in the index.
                drop(registry.watch(key(at).as_str()).await.unwrap());
            }
        });
    };
    if text {
        watch();
        report(|| {
            runtime.block_on(async {
                for at in 0..COUNT {
                    registry.get(key(at).as_str()).await.unwrap();
                }
            });
        });
    } else {
        report(watch);
    }
}

fn report<T>(fill: impl FnOnce() -> T) {
    let before = resident();
    let mut kept = None;
    let info = counted(|| kept = Some(fill()));
    let each = |total: i64| total as f64 / COUNT as f64;
    println!("{} {} {}", each(info.bytes_current), each(info.count_current), each(resident() - before));
    drop(kept);
}

/// Bytes of this process that lie in memory.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<i64>().ok());
    kibibytes.unwrap_or(0) * 1024
}
