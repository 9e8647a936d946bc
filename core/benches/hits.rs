//! What a hit costs beside its peers: `cargo bench -p strongroom-core --bench hits`.
//!
//! Keys of 53 bytes, values of 63, random order, every contender touches the value's bytes. Rounds are interleaved;
//! times are medians of rounds, ratios medians of the rounds' ratios to the first line of a table.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints figures")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use dashmap::DashMap;
use foldhash::fast::RandomState;
use strongroom_core::{CacheLimits, Live, MemoryVault, Registry};

const ROUNDS: usize = 9;
const READS: usize = 400_000;

/// A contender: makes the reader of one thread, which reads the entry at a place.
type Contender<'a> = (&'static str, Box<dyn Fn() -> Box<dyn FnMut(usize) -> u8 + 'a> + Sync + 'a>);

struct Setup {
    keys: Vec<String>,
    values: Vec<Vec<u8>>,
    registry: Registry,
    live: Vec<Live>,
}

fn setup(entries: usize) -> Setup {
    let keys: Vec<_> =
        (0..entries).map(|at| format!("{{vault://my-vault/customer/acme/number-{at:06}/secret}}")).collect();
    let values: Vec<_> = (0..entries).map(|at| format!("{at:063}").into_bytes()).collect();
    let vault = MemoryVault::new();
    for (at, value) in values.iter().enumerate() {
        let json = format!(r#"{{"secret":"{}"}}"#, std::str::from_utf8(value).unwrap());
        vault.set(format!("customer/acme/number-{at:06}"), &json).unwrap();
    }
    let mut limits = CacheLimits::default();
    limits.entries = limits.entries.max(2 * entries);
    limits.bytes = 1 << 30;
    let registry = Registry::builder().vault("my-vault", vault).cache_limits(limits).build().unwrap();
    // It lives as long as the program: the registry's work runs on it.
    let runtime = Box::leak(Box::new(
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
    ));
    let live = runtime.block_on(async {
        let mut live = Vec::new();
        for key in &keys {
            registry.get(key).await.unwrap();
            live.push(registry.watch(key).await.unwrap());
        }
        live
    });
    // New texts become part of the big map a moment later.
    std::thread::sleep(Duration::from_secs(1));
    Setup { keys, values, registry, live }
}

fn touch(value: &[u8]) -> u8 {
    value[0] ^ value[value.len() - 1]
}

/// Nanoseconds a read, as each of so many threads sees it.
fn measure(contender: &Contender<'_>, order: &[u32], threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    let times = std::thread::scope(|scope| {
        let measured: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut read = contender.1();
                    let mut sum = 0;
                    order.iter().take(20_000).for_each(|at| sum ^= read(*at as usize));
                    barrier.wait();
                    let start = Instant::now();
                    order.iter().for_each(|at| sum ^= read(*at as usize));
                    black_box(sum);
                    start.elapsed().as_secs_f64() * 1e9 / order.len() as f64
                })
            })
            .collect();
        measured.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    times.iter().sum::<f64>() / times.len() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(title: &str, contenders: &[Contender<'_>], order: &[u32]) {
    println!("\n| {title} | ns, 1 thread | ratio | ns, 2 threads | ratio |\n|---|---:|---:|---:|---:|");
    let mut times = vec![[const { Vec::new() }; 2]; contenders.len()];
    for _ in 0..ROUNDS {
        for threads in [1, 2] {
            for (at, contender) in contenders.iter().enumerate() {
                times[at][threads - 1].push(measure(contender, order, threads));
            }
        }
    }
    for (at, (name, _)) in contenders.iter().enumerate() {
        let ratio = |threads: usize| {
            median(
                times[at][threads].iter().zip(&times[0][threads]).map(|(mine, first)| mine / first).collect(),
            )
        };
        println!(
            "| {name} | {:.1} | {:.2} | {:.1} | {:.2} |",
            median(times[at][0].clone()),
            ratio(0),
            median(times[at][1].clone()),
            ratio(1)
        );
    }
}

fn main() {
    for entries in [1, 1_000, 100_000] {
        let setup = setup(entries);
        let Setup { keys, values, registry, live } = &setup;
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let order: Vec<u32> = (0..READS)
            .map(|_| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random % entries as u64) as u32
            })
            .collect();
        let swaps: Vec<_> =
            values.iter().map(|value| Arc::new(ArcSwap::from_pointee(value.clone()))).collect();
        let handles: Vec<Contender<'_>> = vec![
            ("`Vec` index, no synchronisation", Box::new(|| Box::new(|at| touch(&values[at])))),
            (
                "strongroom `Reader::current`",
                Box::new(|| {
                    let mut readers: Vec<_> = live.iter().map(Live::reader).collect();
                    Box::new(move |at| touch(readers[at].current().unwrap().as_bytes()))
                }),
            ),
            (
                "arc_swap `Cache`",
                Box::new(|| {
                    let mut caches: Vec<_> = swaps.iter().map(|swap| Cache::new(swap.clone())).collect();
                    Box::new(move |at| touch(caches[at].load()))
                }),
            ),
            ("`ArcSwap::load`", Box::new(|| Box::new(|at| touch(&swaps[at].load())))),
            (
                "strongroom `Live::current`",
                Box::new(|| Box::new(|at| touch(live[at].current().unwrap().as_bytes()))),
            ),
        ];
        table(&format!("handles, {entries} entries"), &handles, &order);

        let plain: HashMap<String, Vec<u8>, RandomState> =
            keys.iter().cloned().zip(values.iter().cloned()).collect();
        let shared: DashMap<String, Arc<Vec<u8>>, RandomState> = DashMap::with_hasher(RandomState::default());
        for (key, value) in keys.iter().zip(values) {
            shared.insert(key.clone(), Arc::new(value.clone()));
        }
        let keyed: Vec<Contender<'_>> = vec![
            (
                "`HashMap` with foldhash, no synchronisation",
                Box::new(|| Box::new(|at| touch(&plain[&keys[at]]))),
            ),
            (
                "strongroom `try_get`",
                Box::new(|| Box::new(|at| touch(registry.try_get(keys[at].as_str()).unwrap().as_bytes()))),
            ),
            (
                "dashmap with foldhash, and a clone of the `Arc`",
                Box::new(|| {
                    Box::new(|at| {
                        let value = shared.get(&keys[at]).map(|value| value.clone()).unwrap();
                        touch(&value)
                    })
                }),
            ),
        ];
        table(&format!("by text, {entries} entries"), &keyed, &order);
    }
}
