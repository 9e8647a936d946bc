//! Readers, rotations and random faults for as long as you like, with a checker that never looks away:
//! `cargo run --release -p strongroom-integration-tests --bin soak -- --minutes 10`.
//!
//! What must hold, whatever fails: no version goes backwards, no document is torn, nothing is served beyond its limits (by
//! its own account, and by when the next version was written), no secret is logged, no second sees more requests than its
//! ceiling, memory stays flat, and once all is well again every reader has what was written last.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom::auth::AppRoleAuth;
use strongroom::hashicorp::{HashicorpVault, KvVersion};
use strongroom::{ErrorKind, LiveDocument, Registry};
use strongroom_integration_tests::{Proxy, Reply, Server, random};
use tracing_subscriber::fmt::MakeWriter;

/// In every value and credential.
const CANARY: &str = "canary-9e02";

const SECRETS: usize = 20;
const TTL: Duration = Duration::from_secs(1);
const STALE: Duration = Duration::from_secs(8);

/// Each secret is due once in 0.8 s at most, and a failing one is retried at least a second later; the rest is for a
/// second look, for the retries that a budget of ten allows, and for the session.
const CEILING: usize = 2 * SECRETS + 30;

/// How late a reader may find a value that is no longer served: the clock's step, and a machine that is busy.
const LATE: Duration = Duration::from_millis(500);

/// One secret as it was written.
#[derive(Default)]
struct Written {
    /// The version that was written last, or is being written.
    last: AtomicU64,
    /// When the server was known to have each version, from the second on.
    since: Mutex<Vec<Instant>>,
}

impl Written {
    /// Since when another version is known to have taken the place of this one.
    fn replaced(&self, version: u64) -> Option<Instant> {
        self.since.lock().unwrap().get(usize::try_from(version).ok()?.checked_sub(1)?).copied()
    }
}

/// What was done and what was wrong.
#[derive(Default)]
struct Tally {
    reads: AtomicUsize,
    stale: AtomicUsize,
    refused: AtomicUsize,
    writes: AtomicUsize,
    requests: AtomicUsize,
    busiest: AtomicUsize,
    log_lines: AtomicU64,
    faults: Mutex<BTreeMap<&'static str, usize>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap();
        if wrong.len() < 20 {
            eprintln!("wrong: {what}");
            wrong.push(what);
        }
    }
}

fn main() -> ExitCode {
    let Some(time) = time() else {
        eprintln!("usage: soak [--minutes N | --seconds N]");
        return ExitCode::from(2);
    };
    let tally = Arc::new(Tally::default());
    let logs = Logs(tally.clone());
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(logs)
        .init();
    let server = Server::dev();
    let (role_id, secret_id) = prepare(&server);
    let proxy = Proxy::in_front_of(&server);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let auth = AppRoleAuth::new(&role_id, secret_id.as_str());
    let vault = HashicorpVault::builder()
        .address(proxy.address())
        .kv(KvVersion::V2)
        .auth(auth)
        .ttl(TTL)
        .resurrect_ttl(STALE)
        .request_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let registry = Registry::builder().vault("soak", vault).build().unwrap();

    let watch = |n| runtime.block_on(registry.watch_document(format!("{{vault://soak/soak/{n}/}}")));
    let lives: Vec<LiveDocument> = (0..SECRETS).map(|n| watch(n).unwrap()).collect();
    let end = Arc::new(AtomicBool::new(false));
    let written: Vec<Written> =
        (0..SECRETS).map(|_| Written { last: 1.into(), ..Written::default() }).collect();
    let start = Instant::now();
    let grown = std::thread::scope(|scope| {
        scope.spawn(|| rotate(&server, &written, &tally, &end));
        scope.spawn(|| count(&proxy, &tally, &end));
        for _ in 0..2 {
            scope.spawn(|| read(&lives, &written, &tally, &end));
        }
        let grown = injure(&server, &proxy, &tally, start, time);
        end.store(true, Ordering::SeqCst);
        grown
    });
    converge(&runtime, &registry, &written, &tally);
    runtime.block_on(registry.shutdown());
    report(&tally, start.elapsed(), grown)
}

fn time() -> Option<Duration> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (unit, number) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (60.0, "1"),
        ["--minutes", number] => (60.0, number),
        ["--seconds", number] => (1.0, number),
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit).ok()
}

fn prepare(server: &Server) -> (String, String) {
    let api = server.api();
    for n in 0..SECRETS {
        write(server, n, 1);
    }
    api.policy("reader", r#"path "secret/data/*" { capabilities = ["read"] }"#);
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.must("POST", "auth/approle/role/soak", &json!({"token_policies": "reader", "token_ttl": "20s"}));
    let secret_id = format!("{CANARY}-{:x}", random());
    api.must("POST", "auth/approle/role/soak/custom-secret-id", &json!({"secret_id": secret_id}));
    let role_id = api.get("auth/approle/role/soak/role-id").1["data"]["role_id"].clone();
    (role_id.as_str().unwrap().to_owned(), secret_id)
}

/// Both fields say which version they are of. False where the server does not take it.
fn write(server: &Server, n: usize, version: u64) -> bool {
    let value = format!("{CANARY}-{n}-{version}");
    let body = json!({"data": {"user": value, "password": value}, "options": {"cas": version - 1}});
    let (status, answer) = server.api().call("POST", &format!("secret/data/soak/{n}"), &body);
    // A write that came to the server with its seal may have been made and answered with an error.
    status == 200 || (status == 400 && answer.to_string().contains("check-and-set parameter did not match"))
}

fn rotate(server: &Server, written: &[Written], tally: &Tally, end: &AtomicBool) {
    while !end.load(Ordering::SeqCst) {
        let n = random() as usize % SECRETS;
        let next = written[n].last.load(Ordering::SeqCst) + 1;
        // Counted before the server has it, so that no reader is ahead of the count.
        written[n].last.store(next, Ordering::SeqCst);
        while !write(server, n, next) {
            // Sealed: it is written once it can be.
            std::thread::sleep(Duration::from_millis(50));
        }
        written[n].since.lock().unwrap().push(Instant::now());
        tally.writes.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(random() % 100));
    }
}

/// Counts what reaches the server's door, second by second.
fn count(proxy: &Proxy, tally: &Tally, end: &AtomicBool) {
    while !end.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_secs(1));
        let requests = proxy.take_requests().len();
        tally.requests.fetch_add(requests, Ordering::Relaxed);
        tally.busiest.fetch_max(requests, Ordering::Relaxed);
        if requests > CEILING {
            tally.wrong(format!("{requests} requests in a second"));
        }
    }
}

/// The fields of a document and the version that both of them name.
fn look(live: &LiveDocument) -> Result<(u64, Vec<u8>, Vec<u8>), strongroom::Error> {
    let document = live.current()?.to_document();
    let field = |name| document.get(name).map(|value| value.as_bytes().to_vec());
    let (user, password) = (field("user")?, field("password")?);
    let named = String::from_utf8_lossy(&user).rsplit('-').next().and_then(|text| text.parse().ok());
    Ok((named.unwrap_or(0), user, password))
}

fn read(lives: &[LiveDocument], written: &[Written], tally: &Tally, end: &AtomicBool) {
    let mut last = [0; SECRETS];
    while !end.load(Ordering::SeqCst) {
        for (n, live) in lives.iter().enumerate() {
            tally.reads.fetch_add(1, Ordering::Relaxed);
            let (age, now) = (live.as_live().age(), Instant::now());
            match look(live) {
                Ok((version, user, password)) => {
                    if user != password {
                        tally.wrong(format!("secret {n} is torn"));
                    }
                    if version < last[n] {
                        tally.wrong(format!("secret {n} went from {} to {version}", last[n]));
                    }
                    if version > written[n].last.load(Ordering::SeqCst) {
                        tally.wrong(format!("secret {n} is {version}, which nobody has written"));
                    }
                    last[n] = version;
                    if age > TTL {
                        tally.stale.fetch_add(1, Ordering::Relaxed);
                    }
                    if age > TTL + STALE + LATE {
                        tally.wrong(format!("secret {n} is served {age:?} after it was read"));
                    }
                    // What was read before the next version was there is served no longer than its limits from then.
                    let beyond =
                        written[n].replaced(version).map(|since| now.saturating_duration_since(since));
                    if beyond.is_some_and(|beyond| beyond > TTL + STALE + LATE) {
                        tally.wrong(format!("secret {n} is version {version} {beyond:?} after the next"));
                    }
                }
                Err(error) => {
                    tally.refused.fetch_add(1, Ordering::Relaxed);
                    let said = format!("{error:?}");
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Deleted)
                        || said.contains(CANARY)
                    {
                        tally.wrong(said);
                    }
                }
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

type Injury = (&'static str, fn(&Server, &Proxy));

/// What can be done to a vault.
const INJURIES: &[Injury] = &[
    ("nothing", |_, proxy| proxy.forward_all()),
    ("cut", |_, proxy| proxy.intercept(|_, _| Reply::cut())),
    ("hang", |_, proxy| proxy.intercept(|_, _| Reply::hang())),
    ("slow", |_, proxy| {
        proxy.intercept(|request, upstream| upstream.forward(request).after(Duration::from_millis(300)))
    }),
    ("trickle", |_, proxy| {
        proxy.intercept(|request, upstream| upstream.forward(request).trickle(7, Duration::from_millis(20)));
    }),
    ("reset", |_, proxy| proxy.intercept(|request, upstream| upstream.forward(request).reset_after(40))),
    ("half", |_, proxy| proxy.intercept(|request, upstream| upstream.forward(request).cut_after(90))),
    ("error", |_, proxy| proxy.intercept(|_, _| Reply::json(500, &json!({"errors": ["internal error"]})))),
    ("limit", |_, proxy| {
        proxy.intercept(|_, _| {
            Reply::json(429, &json!({"errors": ["rate limit quota exceeded"]})).header("retry-after", "1")
        });
    }),
    ("page", |_, proxy| {
        proxy.intercept(|_, _| {
            Reply::new(200).header("content-type", "text/html").body("<html>sign in</html>")
        });
    }),
    ("some", |_, proxy| {
        proxy.intercept(
            |request, upstream| {
                if random().is_multiple_of(2) { Reply::cut() } else { upstream.forward(request) }
            },
        );
    }),
    ("away", |_, proxy| proxy.intercept(|_, _| Reply::new(307).header("location", "http://127.0.0.1:9/v1/"))),
    ("sealed", |server, proxy| {
        proxy.forward_all();
        server.seal();
        std::thread::sleep(Duration::from_millis(1500));
        server.unseal();
    }),
    ("revoked", |server, proxy| {
        proxy.forward_all();
        server.api().post("sys/leases/revoke-prefix/auth/approle/login", &json!({}));
    }),
];

/// One fault after the other; gives by how much the process grew after its first tenth.
fn injure(server: &Server, proxy: &Proxy, tally: &Tally, start: Instant, time: Duration) -> i64 {
    let mut settled = None;
    while start.elapsed() < time {
        if start.elapsed() > time / 10 && settled.is_none() {
            settled = resident();
        }
        let (name, injury) = INJURIES[random() as usize % INJURIES.len()];
        *tally.faults.lock().unwrap().entry(name).or_default() += 1;
        injury(server, proxy);
        std::thread::sleep(Duration::from_millis(500 + random() % 3500));
        // Well in between, so that not everything is always stale.
        proxy.forward_all();
        std::thread::sleep(Duration::from_millis(random() % 2000));
    }
    proxy.forward_all();
    resident().unwrap_or_default() - settled.unwrap_or_default()
}

/// All is well again: everybody must come to what was written last.
fn converge(runtime: &tokio::runtime::Runtime, registry: &Registry, written: &[Written], tally: &Tally) {
    let start = Instant::now();
    for (n, written) in written.iter().enumerate() {
        let version = written.last.load(Ordering::SeqCst);
        loop {
            let live = runtime.block_on(registry.watch_document(format!("{{vault://soak/soak/{n}/}}")));
            if live.and_then(|live| look(&live)).is_ok_and(|(seen, ..)| seen == version) {
                break;
            }
            if start.elapsed() > Duration::from_secs(30) {
                tally.wrong(format!("secret {n} has not come to version {version}"));
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    println!(
        "all readers have what was written last, {:.1} s after the last fault",
        start.elapsed().as_secs_f64()
    );
}

/// The resident memory in bytes.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<i64>().ok()? << 10)
}

fn report(tally: &Tally, took: Duration, grown: i64) -> ExitCode {
    if grown > 32 << 20 {
        tally.wrong(format!("the process grew by {} MiB", grown >> 20));
    }
    let get = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    let summary: Value = json!({
        "seconds": took.as_secs(),
        "reads": get(&tally.reads),
        "of_them_stale": get(&tally.stale),
        "of_them_refused": get(&tally.refused),
        "rotations": get(&tally.writes),
        "faults": *tally.faults.lock().unwrap(),
        "requests": get(&tally.requests),
        "requests_in_the_busiest_second": get(&tally.busiest),
        "ceiling": CEILING,
        "log_lines_searched": tally.log_lines.load(Ordering::SeqCst),
        "grown_by_bytes": grown,
        "wrong": *tally.wrong.lock().unwrap(),
    });
    println!("{summary:#}");
    let good = tally.wrong.lock().unwrap().is_empty();
    println!("{}", if good { "nothing lost" } else { "SOMETHING IS WRONG" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Searches every line that is logged and keeps none.
struct Logs(Arc<Tally>);

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Search<'a>;

    fn make_writer(&'a self) -> Search<'a> {
        Search(&self.0)
    }
}

struct Search<'a>(&'a Tally);

impl Write for Search<'_> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.log_lines.fetch_add(1, Ordering::Relaxed);
        if line.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()) {
            self.0.wrong("a secret was logged".into());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
