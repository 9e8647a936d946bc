//! A reverse proxy under load while the credential that it adds is rotated: [`rotate_under_load`].
//!
//! Threads and plain sockets, so that nothing between the test and the proxy retries or hides a failure.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Recorded, Reply, Stalls};

/// How many connections share the load, each with one request at a time.
const CONNECTIONS: u32 = 16;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The answer of an upstream that tells which credential reached it: the target, a space, and the header
/// `authorization`.
#[must_use]
pub fn echo(request: &Recorded) -> Reply {
    let authorization = request.header("authorization").unwrap_or("nothing");
    Reply::new(200).body(format!("{} {authorization}", request.target))
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many requests were answered.
    pub requests: usize,
    /// How many were answered a second.
    pub rate: f64,
    /// How long after each rotation the last request was sent that carried the value before it.
    pub lags: Vec<Duration>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {:.0}/s, old values were sent for {:.2?} after a rotation",
            self.requests, self.rate, self.lags
        )
    }
}

/// Sends `rate` requests a second through a proxy whose upstream answers as [`echo`], and calls `rotate` with the next
/// number three times meanwhile, which returns once the value has been written.
///
/// # Panics
/// A request failed; an answer was another request's; a credential is none that `credential` gives for a number so far;
/// or a request that was sent `at_most` after a rotation, or later, carried the value before it, on a machine that was not
/// as late itself.
pub fn rotate_under_load(
    proxy: &str,
    rate: u32,
    at_most: Duration,
    credential: impl Fn(u32) -> String,
    rotate: impl Fn(u32),
) -> Report {
    let (load, stalls) = (Load::start(proxy, rate), Stalls::watch());
    let started = Instant::now();
    let mut written = Vec::new();
    for number in 1..=3 {
        thread::sleep(at_most / 2);
        rotate(number);
        written.push(Instant::now());
        thread::sleep(at_most);
    }
    let (sent, late) = (load.stop(), stalls.end());
    let took = started.elapsed();

    let numbers: BTreeMap<String, usize> =
        (0..=3).map(|number| (credential(number), number as usize)).collect();
    let mut lags = vec![Duration::ZERO; written.len()];
    for (at, answer) in &sent {
        let (target, found) = answer.as_ref().unwrap_or_else(|error| panic!("a request failed: {error}"));
        let number = *numbers.get(found).unwrap_or_else(|| panic!("{target} carried `{found}`"));
        for (lag, written) in lags.iter_mut().zip(&written).skip(number) {
            *lag = (*lag).max(at.saturating_duration_since(*written));
        }
    }
    let in_time = |(lag, written): (&Duration, &Instant)| *lag < at_most + late(*written, *written + *lag);
    assert!(lags.iter().zip(&written).all(in_time), "an old value was sent after {lags:.2?}");
    assert!(sent.iter().any(|(_, answer)| answer.as_ref().is_ok_and(|(_, found)| numbers[found] == 3)));
    Report { requests: sent.len(), rate: sent.len() as f64 / took.as_secs_f64(), lags }
}

/// When a request was sent, and its target with the credential that reached the upstream.
type Sent = (Instant, Result<(String, String), String>);

struct Load {
    stopping: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Vec<Sent>>>,
}

impl Load {
    fn start(proxy: &str, rate: u32) -> Self {
        let stopping = Arc::<AtomicBool>::default();
        let pause = Duration::from_secs(1) * CONNECTIONS / rate;
        let worker = |number: u32| {
            let (stopping, proxy) = (stopping.clone(), proxy.to_owned());
            thread::spawn(move || work(&proxy, number, pause, &stopping))
        };
        let workers = (0..CONNECTIONS).map(worker).collect();
        Self { stopping, workers }
    }

    fn stop(self) -> Vec<Sent> {
        self.stopping.store(true, Ordering::Relaxed);
        self.workers.into_iter().flat_map(|worker| worker.join().expect("it does not panic")).collect()
    }
}

fn work(proxy: &str, number: u32, pause: Duration, stopping: &AtomicBool) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut connection = None;
    let mut due = Instant::now() + pause * number / CONNECTIONS;
    while !stopping.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += pause;
        let at = Instant::now();
        let target = format!("/{number}/{}", sent.len());
        let answer = ask(&mut connection, proxy, &target).map_err(|error| error.to_string());
        if answer.is_err() {
            connection = None;
        }
        sent.push((at, answer));
    }
    sent
}

fn ask(connection: &mut Option<TcpStream>, proxy: &str, target: &str) -> io::Result<(String, String)> {
    let connection = match connection {
        Some(connection) => connection,
        None => {
            let new = TcpStream::connect(proxy)?;
            new.set_nodelay(true)?;
            new.set_read_timeout(Some(PATIENCE))?;
            connection.insert(new)
        }
    };
    // A client's own credential must not get through.
    let head = format!("GET {target} HTTP/1.1\r\nhost: {proxy}\r\nauthorization: forged\r\n\r\n");
    connection.write_all(head.as_bytes())?;
    let (status, body) = answer(connection)?;
    match body.split_once(' ') {
        Some((of, credential)) if status == 200 && of == target => Ok((of.to_owned(), credential.to_owned())),
        _ => Err(io::Error::other(format!("{target} was answered {status} `{body}`"))),
    }
}

/// Reads an answer whose length is declared.
fn answer(connection: &mut TcpStream) -> io::Result<(u16, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 50];
        let mut parsed = httparse::Response::new(&mut headers);
        if let httparse::Status::Complete(head) = parsed.parse(&bytes).map_err(io::Error::other)? {
            let length =
                parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length =
                length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok());
            let end = head + length.ok_or_else(|| io::Error::other("an answer without a length"))?;
            if bytes.len() >= end {
                let body = String::from_utf8_lossy(&bytes[head..end]).into_owned();
                return Ok((parsed.code.unwrap_or_default(), body));
            }
        }
        let mut buffer = [0; 4096];
        match connection.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
