//! A thousand readers want one secret at the same moment, and nobody knows it yet: how many requests that costs, and
//! when the last of them has an answer.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use strongroom_integration_tests::Server;
use tokio::runtime::Runtime;

use crate::bao_proxy::BaoProxy;
use crate::cold::reading;
use crate::hvac::Hvac;
use crate::load::{runtime, timed};
use crate::reader::{Reader, Reqwest, Strongroom, Target, VALUE, Vaultrs};
use crate::report::{Bar, Grid, Section, number, range};
use crate::rounds::{Contender, Figures, Plan, interleave};
use crate::stub_server::{DELAY, Stub};

const READERS: usize = 1_000;
const OURS: &str = "strongroom `get`";

/// How the secret fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Present,
    Missing,
    Failing,
    /// It is there, and the first reader goes away while it is being read.
    Cancelled,
}

const CASES: [Case; 4] = [Case::Present, Case::Missing, Case::Failing, Case::Cancelled];

impl Case {
    fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Failing => "failing",
            Self::Cancelled => "cancelled",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Present => "there (OpenBao)",
            Self::Missing => "404 (OpenBao)",
            Self::Failing => "error 500 (stub)",
            Self::Cancelled => "the first reader is cancelled (stub)",
        }
    }

    fn is_there(self) -> bool {
        matches!(self, Self::Present | Self::Cancelled)
    }
}

pub(crate) fn run(plan: &Plan) -> Section {
    // Those whose readers fail one after the other take ten seconds for a round.
    let plan = &Plan { rounds: plan.rounds.min(5), ..*plan };
    let server = Server::builder().audit().start();
    let stub = Stub::start();
    let runtime = runtime();
    let _inside = runtime.enter();
    let (real, hollow) = (reading(&server), stub.target());
    let (hvac, real_proxy, hollow_proxy) =
        (Hvac::start(), BaoProxy::in_front_of(&real), BaoProxy::in_front_of(&hollow));
    let mut results = Vec::new();
    for case in CASES {
        let (target, proxy) = match case {
            Case::Present | Case::Missing => (&real, &real_proxy),
            Case::Failing | Case::Cancelled => (&hollow, &hollow_proxy),
        };
        let readers: [(&str, Arc<dyn Reader>); 5] = [
            (OURS, Strongroom::new(target)),
            ("vaultrs", Vaultrs::new(target)),
            ("moka `future`, `try_get_with`", Moka::over(target)),
            ("quick_cache `get_or_insert_async`", Quick::over(target)),
            ("reqwest by way of `bao proxy`", Reqwest::new(&proxy.target(target))),
        ];
        let path = |contender: usize, round: usize| {
            format!("herd/{}/contender-{contender}/round-{round}", case.name())
        };
        if case == Case::Present {
            for (contender, round) in
                (0..=readers.len()).flat_map(|at| (0..=plan.rounds).map(move |r| (at, r)))
            {
                server.api().write_kv2("secret", &path(contender, round), &json!({ "name": VALUE }));
            }
        }
        let mut contenders: Vec<_> = readers
            .into_iter()
            .enumerate()
            .map(|(at, (name, reader))| {
                let (round, runtime) = (Cell::new(0), &runtime);
                Contender::new(name, move || {
                    let path = path(at, round.replace(round.get() + 1));
                    [milliseconds(runtime, &reader, &path, case)]
                })
            })
            .collect();
        // A thread cannot be cancelled.
        if case != Case::Cancelled {
            let (round, at, hvac) = (Cell::new(0), contenders.len(), &hvac);
            contenders.push(Contender::new("hvac (threads)", move || {
                let path = path(at, round.replace(round.get() + 1));
                let done = hvac.read(target, &[path], READERS, READERS);
                assert_eq!(done.failed.is_empty(), case.is_there(), "{:?}", done.failed.first());
                [done.seconds * 1e3]
            }));
        }
        results.push((case, interleave(plan, contenders)));
    }
    let mut counts = runtime.block_on(stub.counts());
    counts.extend(audited(&server));
    section(plan, &results, &counts)
}

/// How long it takes until all have their answer.
fn milliseconds(runtime: &Runtime, reader: &Arc<dyn Reader>, path: &str, case: Case) -> f64 {
    let read = |reader: Arc<dyn Reader>| {
        let path = path.to_owned();
        async move { (reader.read(&path).await, case) }
    };
    let check = |(answer, case): (Result<Vec<u8>, String>, Case)| match answer {
        Ok(value) => assert!(case.is_there() && value == VALUE.as_bytes(), "a value from nowhere"),
        Err(error) => assert!(!case.is_there(), "{error}"),
    };
    let herd = async {
        let first = tokio::spawn(read(reader.clone()));
        let mut leader = Some(first);
        if case == Case::Cancelled {
            // Under way to the server, which is slow.
            tokio::time::sleep(DELAY / 4).await;
        }
        let others: Vec<_> = (1..READERS).map(|_| tokio::spawn(read(reader.clone()))).collect();
        if case == Case::Cancelled {
            tokio::time::sleep(DELAY / 4).await;
            leader.take().inspect(|leader| leader.abort());
        }
        for reader in leader.into_iter().chain(others) {
            check(reader.await.unwrap());
        }
    };
    let (_, took): ((), Duration) = runtime.block_on(timed(herd));
    took.as_secs_f64() * 1e3
}

fn section(plan: &Plan, results: &[(Case, Vec<Figures<1>>)], counts: &HashMap<String, usize>) -> Section {
    // The first round does not count.
    let requests = |case: Case, contender: usize| -> Vec<usize> {
        let path = |round| format!("{}/contender-{contender}/round-{round}", case.name());
        (1..=plan.rounds).map(|round| counts.get(&path(round)).copied().unwrap_or(0)).collect()
    };
    let head = CASES.map(|case| format!("{}: requests", case.title()));
    let head = head.into_iter().zip(CASES.map(|_| "ms".to_owned())).flat_map(|(title, ms)| [title, ms]);
    let mut grid = Grid::new(["1,000 readers".to_owned()].into_iter().chain(head));
    for (at, contender) in results[0].1.iter().enumerate() {
        let cells = results.iter().flat_map(|(case, figures)| match figures.get(at) {
            Some(figures) => [range(&requests(*case, at)), number(figures.median(0))],
            None => ["-".into(), "-".into()],
        });
        grid.row([contender.name.clone()].into_iter().chain(cells));
    }
    let mut bars: Vec<_> = CASES
        .into_iter()
        .map(|case| Bar::always(format!("requests of Strongroom: {}", case.title()), &requests(case, 0), 1))
        .collect();
    for (case, figures) in &results[..2] {
        let what = format!("until all are answered: {}", case.title());
        bars.push(Bar::goal_at_most(what, figures[0].median(0), "ms", 3.0));
    }
    let about = format!(
        "1,000 tasks (threads for hvac) ask at once for one secret that nobody has read yet, another one each round. \
         Requests for it are counted by the server, a real OpenBao in its audit log or a stub that takes {} ms for \
         an answer, in every round; the time is from the start of the first reader to the last one's answer. The \
         caches' upstream is reqwest. Nothing is tried again by itself, neither by Strongroom (`retries` is 0) nor by \
         `bao proxy`. {}",
        DELAY.as_millis(),
        plan.medians()
    );
    Section { title: "A thousand readers of one cold secret", about, grids: vec![grid], bars }
}

/// How many requests the server's audit log has for each path of the herd.
fn audited(server: &Server) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in BufReader::new(File::open(server.audit_file()).unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let path = line["request"]["path"].as_str().and_then(|path| path.strip_prefix("secret/data/herd/"));
        if let (Some(path), "request", "read") = (
            path,
            line["type"].as_str().unwrap_or_default(),
            line["request"]["operation"].as_str().unwrap_or_default(),
        ) {
            *counts.entry(path.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// A cache that lets one of its readers fetch what all want.
struct Moka {
    cache: moka::future::Cache<String, Arc<Vec<u8>>>,
    upstream: Arc<Reqwest>,
}

impl Moka {
    fn over(target: &Target) -> Arc<Self> {
        let cache = moka::future::Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(3600))
            .build();
        Arc::new(Self { cache, upstream: Reqwest::new(target) })
    }
}

#[async_trait]
impl Reader for Moka {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let value =
            self.cache.try_get_with_by_ref(path, async { self.upstream.read(path).await.map(Arc::new) });
        value.await.map(|value| value.to_vec()).map_err(|error| error.to_string())
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self.cache.invalidate_all();
        self
    }
}

/// Another one.
struct Quick {
    cache: quick_cache::sync::Cache<String, Arc<Vec<u8>>>,
    upstream: Arc<Reqwest>,
}

impl Quick {
    fn over(target: &Target) -> Arc<Self> {
        Arc::new(Self { cache: quick_cache::sync::Cache::new(10_000), upstream: Reqwest::new(target) })
    }
}

#[async_trait]
impl Reader for Quick {
    async fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let value =
            self.cache.get_or_insert_async(path, async { self.upstream.read(path).await.map(Arc::new) });
        value.await.map(|value| value.to_vec())
    }

    fn forgetful(self: Arc<Self>) -> Arc<dyn Reader> {
        self.cache.clear();
        self
    }
}
