//! What is kept of connections, and for how long, with a server that does as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::transport::address::Address;
use crate::transport::tls::Trust;

const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const CLOSED: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
const UNENDED: &str = "HTTP/1.1 200 OK\r\n\r\nhi";

/// Says `answer` to every request, up to `most` of them on a connection, and counts connections.
async fn server(answer: &'static str, most: usize) -> (Arc<Pool>, Arc<AtomicUsize>) {
    let (pool, opened, _) = server_that_ends(answer, most).await;
    (pool, opened)
}

/// The same, and word of each connection that it has hung up.
async fn server_that_ends(
    answer: &'static str,
    most: usize,
) -> (Arc<Pool>, Arc<AtomicUsize>, mpsc::UnboundedReceiver<()>) {
    let (told, ends) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let limit = Duration::from_secs(5);
    let connector = Connector::new(&address, None, &Trust::Nobody, None, limit).unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let told = told.clone();
            tokio::spawn(async move {
                converse(stream, answer, most).await;
                let _ = told.send(());
            });
        }
    });
    (Arc::new(Pool::new(connector, 2)), opened, ends)
}

async fn converse(mut stream: TcpStream, answer: &str, most: usize) {
    for _ in 0..most {
        let mut request = [0; 1024];
        if !stream.read(&mut request).await.is_ok_and(|count| count > 0) {
            return;
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    // Time to be given back before it is hung up.
    tokio::time::sleep(Duration::from_millis(20)).await;
}

fn message() -> Message {
    hyper::Request::get("/v1/x").header("host", "x").body(Full::<Bytes>::default()).unwrap()
}

/// Asks a question.
async fn ask(pool: &Pool) -> Result<Answered, Failure> {
    let again = || Ok::<_, std::convert::Infallible>(message());
    match pool.ask(message(), again).await {
        Ok(answered) => answered,
        Err(never) => match never {},
    }
}

/// One exchange, whose connection is given back where `keep` says so.
async fn exchange(pool: &Arc<Pool>, keep: bool) -> Bytes {
    let Ok((mut connection, response)) = ask(pool).await else { panic!("no answer") };
    let body = connection.until(response.into_body().collect()).await.unwrap().to_bytes();
    if keep {
        pool.put(connection);
    }
    body
}

fn idle(pool: &Pool) -> usize {
    pool.idle().connections.len()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (pool, opened) = server(KEPT, usize::MAX).await;
    for _ in 0..10 {
        assert_eq!(exchange(&pool, true).await, "hi");
    }
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (1, 1));
    exchange(&pool, false).await;
    exchange(&pool, true).await;
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (2, 1));
}

#[tokio::test]
async fn no_more_are_kept_than_may_be() {
    let (pool, opened) = server(KEPT, usize::MAX).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let Ok((mut connection, response)) = ask(&pool).await else { panic!("no answer") };
        connection.until(response.into_body().collect()).await.unwrap();
        open.push(connection);
    }
    open.into_iter().for_each(|connection| pool.put(connection));
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (3, 2));
}

#[tokio::test]
async fn what_the_server_closes_is_not_kept() {
    for answer in [CLOSED, UNENDED] {
        let (pool, opened) = server(answer, 1).await;
        for _ in 0..3 {
            assert_eq!(exchange(&pool, true).await, "hi");
        }
        assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (3, 0));
    }
}

#[tokio::test]
async fn an_answer_that_is_left_unread_spoils_its_connection() {
    let (pool, opened) = server("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhi", usize::MAX).await;
    for _ in 0..2 {
        let Ok((connection, response)) = ask(&pool).await else { panic!("no answer") };
        drop(response);
        pool.put(connection);
    }
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (2, 0));
}

#[tokio::test]
async fn a_server_that_hangs_up_meanwhile_is_called_again() {
    let (pool, opened, mut ends) = server_that_ends(KEPT, 2).await;
    for round in 1..=3 {
        exchange(&pool, true).await;
        exchange(&pool, true).await;
        // The server's end is seen here once the driver has had its turn.
        ends.recv().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (round, 1));
    }
}

/// A server that reads every request and does with it what is told, by the number of the request on its connection. Counts
/// connections and requests.
async fn fickle(
    answers: fn(connection: usize, request: usize) -> Then,
) -> (Arc<Pool>, [Arc<AtomicUsize>; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let connector = Connector::new(&address, None, &Trust::Nobody, None, Duration::from_secs(5)).unwrap();
    let [opened, asked]: [Arc<AtomicUsize>; 2] = Default::default();
    let counts = [opened.clone(), asked.clone()];
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (connection, asked) = (opened.fetch_add(1, Ordering::Relaxed), asked.clone());
            tokio::spawn(async move {
                for request in 0.. {
                    if !stream.read(&mut [0; 1024]).await.is_ok_and(|count| count > 0) {
                        return;
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                    match answers(connection, request) {
                        Then::Answer => stream.write_all(KEPT.as_bytes()).await.unwrap(),
                        Then::Cut => return,
                        Then::Keep => {}
                    }
                }
            });
        }
    });
    (Arc::new(Pool::new(connector, 4)), counts)
}

enum Then {
    Answer,
    Cut,
    /// Says nothing.
    Keep,
}

/// Lets so many connections lie idle.
async fn fill(pool: &Arc<Pool>, many: usize) {
    let mut open = Vec::new();
    for _ in 0..many {
        let Ok((mut connection, response)) = pool.tell(message()).await else { panic!("no answer") };
        connection.until(response.into_body().collect()).await.unwrap();
        open.push(connection);
    }
    open.into_iter().for_each(|connection| pool.put(connection));
    assert_eq!(idle(pool), many);
}

fn counted(counts: &[Arc<AtomicUsize>; 2]) -> [usize; 2] {
    [0, 1].map(|at: usize| counts[at].swap(0, Ordering::Relaxed))
}

#[tokio::test]
async fn a_question_that_is_lost_with_an_idle_connection_is_asked_once_more_on_a_new_one() {
    let (pool, counts) = fickle(|connection, request| match (connection, request) {
        (0..4, 1..) => Then::Cut,
        _ => Then::Answer,
    })
    .await;
    fill(&pool, 4).await;
    counted(&counts);
    assert_eq!(exchange(&pool, true).await, "hi");
    // The others that lay there are not tried.
    assert_eq!((counted(&counts), idle(&pool)), ([1, 2], 1));
}

#[tokio::test]
async fn what_is_lost_on_a_new_connection_is_told_of() {
    let (pool, counts) = fickle(|connection, request| match (connection, request) {
        (0, 0) => Then::Answer,
        _ => Then::Cut,
    })
    .await;
    fill(&pool, 1).await;
    assert!(matches!(ask(&pool).await, Err(Failure::Broken(_))));
    assert_eq!(counted(&counts), [2, 3]);
}

#[tokio::test]
async fn a_connection_that_swallows_what_is_sent_takes_those_beside_it_out_of_use() {
    let (pool, counts) = fickle(|connection, request| match (connection, request) {
        (0..4, 1..) => Then::Keep,
        _ => Then::Answer,
    })
    .await;
    fill(&pool, 4).await;
    counted(&counts);
    tokio::time::timeout(Duration::from_millis(50), ask(&pool)).await.err().unwrap();
    assert_eq!(idle(&pool), 0);
    assert_eq!(exchange(&pool, true).await, "hi");
    assert_eq!(counted(&counts), [1, 2]);
}

#[tokio::test]
async fn what_must_not_be_sent_twice_goes_over_a_new_connection_and_is_sent_once() {
    let (pool, counts) = fickle(|_, request| if request == 0 { Then::Answer } else { Then::Cut }).await;
    fill(&pool, 2).await;
    counted(&counts);
    assert!(pool.tell(message()).await.is_ok());
    assert_eq!((counted(&counts), idle(&pool)), ([1, 1], 2));
    let (pool, counts) = fickle(|_, _| Then::Cut).await;
    assert!(pool.tell(message()).await.is_err());
    assert_eq!(counted(&counts), [1, 1]);
}

#[tokio::test]
async fn what_lies_idle_is_closed_in_time_and_so_is_all_with_the_pool() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let limit = Duration::from_secs(5);
    let pool = Arc::new(Pool::new(Connector::new(&address, None, &Trust::Nobody, None, limit).unwrap(), 2));
    let (closed, mut ends) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let closed = closed.clone();
            tokio::spawn(async move {
                converse(stream, KEPT, usize::MAX).await;
                closed.send(()).unwrap();
            });
        }
    });
    exchange(&pool, true).await;
    tokio::time::pause();
    tokio::time::advance(IDLE / 2).await;
    assert_eq!(idle(&pool), 1);
    tokio::time::advance(IDLE).await;
    tokio::time::resume();
    ends.recv().await.unwrap();
    assert_eq!(idle(&pool), 0);
    // The next one is closed with the pool, and nothing goes on.
    exchange(&pool, true).await;
    let Closer::Running(closer) = std::mem::take(&mut pool.idle().closer) else { panic!("there is none") };
    pool.idle().closer = Closer::Running(closer.clone());
    drop(pool);
    ends.recv().await.unwrap();
    while !closer.is_finished() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_lies_here_for_too_long_is_not_used_though_nobody_closed_it() {
    let (pool, opened) = server(KEPT, usize::MAX).await;
    exchange(&pool, true).await;
    pool.idle().connections[0].0 -= IDLE;
    exchange(&pool, true).await;
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (2, 1));
}

#[test]
fn connections_end_with_the_runtime_that_drives_them() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (servers, readers) = (runtime(), runtime());
    let (pool, opened) = servers.block_on(server(KEPT, usize::MAX));
    let ends = std::thread::spawn(move || servers.block_on(std::future::pending::<()>()));
    readers.block_on(exchange(&pool, true));
    assert_eq!((opened.load(Ordering::Relaxed), idle(&pool)), (1, 1));
    drop(readers);
    assert_eq!(idle(&pool), 0);
    assert!(!ends.is_finished());
}
