//! What a test puts between client and server, or in a server's place: a [`Proxy`] that counts and records every
//! request, and a [`Stub`] that gives answers which a real server cannot be made to give.
//!
//! HTTP/1.1 in the clear on a free loopback port, a thread a connection, so that it works the same under any runtime
//! and a test controls every byte.

mod reply;
mod request;

pub use reply::{End, Reply};
pub use request::Recorded;

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;

use ureq::http::Request;

use crate::Server;

type Handler = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

/// Answers every request as a function says, and records it. Gone with this value, open connections too.
pub struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    handler: RwLock<Handler>,
    requests: Mutex<Vec<Recorded>>,
    connections: Mutex<HashMap<usize, TcpStream>>,
    accepted: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
    closing: AtomicBool,
}

impl Stub {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// No port is free.
    #[must_use]
    pub fn new(handler: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            handler: RwLock::new(Arc::new(handler)),
            requests: Mutex::default(),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        });
        let copy = Arc::clone(&shared);
        let acceptor = Some(std::thread::spawn(move || copy.accept(&listener)));
        Self { address, shared, acceptor }
    }

    /// Where to connect: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port of [`Stub::address`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers as another function says from now on.
    pub fn answer(&self, handler: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) {
        *self.shared.handler.write().unwrap() = Arc::new(handler);
    }

    /// Every request so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests had this method and this target, query and all.
    #[must_use]
    pub fn count(&self, method: &str, target: &str) -> usize {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|request| request.method == method && request.target == target).count()
    }

    /// Forgets the requests so far, and gives them.
    pub fn take_requests(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many requests were being answered at once, at most.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::SeqCst)
    }

    /// Closes every open connection; new ones are served.
    pub fn cut_connections(&self) {
        for connection in self.shared.connections.lock().unwrap().values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, which then lets go of the port.
        let _ = TcpStream::connect(self.address);
        let _ = self.acceptor.take().map(JoinHandle::join);
        self.cut_connections();
    }
}

/// A [`Stub`] that hands requests on to a server.
pub struct Proxy {
    stub: Stub,
    upstream: Upstream,
}

impl Proxy {
    /// Hands every request on to the server (to its plain listener).
    #[must_use]
    pub fn in_front_of(server: &Server) -> Self {
        Self::to(&server.plain_address())
    }

    /// Hands every request on to the server at `http://...`.
    #[must_use]
    pub fn to(address: &str) -> Self {
        let upstream = Upstream::new(address);
        let copy = upstream.clone();
        Self { stub: Stub::new(move |request| copy.forward(request)), upstream }
    }

    /// From now on a function decides: it forwards the request or not, and changes the answer as it likes.
    pub fn intercept(&self, handler: impl Fn(&Recorded, &Upstream) -> Reply + Send + Sync + 'static) {
        let upstream = self.upstream.clone();
        self.stub.answer(move |request| handler(request, &upstream));
    }

    /// Hands every request on again.
    pub fn forward_all(&self) {
        self.intercept(|request, upstream| upstream.forward(request));
    }
}

impl Deref for Proxy {
    type Target = Stub;

    fn deref(&self) -> &Stub {
        &self.stub
    }
}

/// The server behind a [`Proxy`].
#[derive(Clone)]
pub struct Upstream {
    agent: ureq::Agent,
    address: String,
}

impl Upstream {
    /// The server at `http://...`, without a proxy of its own.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(0);
        Self { agent: config.build().into(), address: address.into() }
    }

    /// Sends the request on and gives the server's answer. Where there is none the client's connection will be cut.
    #[must_use]
    pub fn forward(&self, request: &Recorded) -> Reply {
        self.try_forward(request).unwrap_or_else(|_| Reply::cut())
    }

    fn try_forward(&self, recorded: &Recorded) -> Result<Reply, ureq::Error> {
        let mut request =
            Request::builder().method(&*recorded.method).uri(format!("{}{}", self.address, recorded.target));
        for (name, value) in recorded.headers.iter().filter(|header| !of_the_connection(&header.0)) {
            request = request.header(name, value);
        }
        let mut answer = if recorded.body.is_empty() && recorded.method != "POST" && recorded.method != "PUT"
        {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.body(recorded.body.clone())?)?
        };
        let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
        let mut reply = Reply::new(answer.status().as_u16()).body(body);
        for (name, value) in answer.headers().iter().filter(|header| !of_the_connection(header.0.as_str())) {
            reply = reply.header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(reply)
    }
}

fn of_the_connection(name: &str) -> bool {
    ["host", "connection", "content-length", "transfer-encoding"].contains(&name)
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for connection in listener.incoming() {
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            let Ok(connection) = connection else { continue };
            let number = self.accepted.fetch_add(1, Ordering::SeqCst);
            let Ok(copy) = connection.try_clone() else { continue };
            self.connections.lock().unwrap().insert(number, copy);
            let shared = Arc::clone(&self);
            std::thread::spawn(move || {
                // An error is the client's end of the connection, or ours.
                let _ = shared.serve(number, &connection);
                // A connection that is to be reset must not be shut down in an orderly way.
                if !shared
                    .connections
                    .lock()
                    .unwrap()
                    .remove(&number)
                    .is_some_and(|copy| is_to_be_reset(&copy))
                {
                    let _ = connection.shutdown(Shutdown::Both);
                }
            });
        }
    }

    fn serve(&self, number: usize, connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut pending = Vec::new();
        while let Some(request) = request::read(number, connection, &mut pending)? {
            self.requests.lock().unwrap().push(request.clone());
            let handler = Arc::clone(&self.handler.read().unwrap());
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.peak.fetch_max(now, Ordering::SeqCst);
            let sent = handler(&request).send(connection);
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            if !sent? || request.header("connection") == Some("close") {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn is_to_be_reset(connection: &TcpStream) -> bool {
    rustix::net::sockopt::socket_linger(connection).is_ok_and(|linger| linger.is_some())
}

#[cfg(not(unix))]
fn is_to_be_reset(_: &TcpStream) -> bool {
    false
}
