//! How a connection to an address comes about: its name, TCP and TLS, or a unix socket, and all of it in time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use strongroom_core::{ClientIdentity, Error, ErrorKind};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::address::Address;
use super::tls::{self, Trust};

/// When a silent connection is asked whether it still stands, and how often.
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// How long what was sent may wait to be acknowledged, where the system lets that be said.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const UNHEARD: Duration = Duration::from_secs(30);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections to one address.
pub(crate) struct Connector {
    way: Way,
    /// Bounds all that it takes until a request can be sent.
    limit: Duration,
}

enum Way {
    Tcp {
        tcp: HttpConnector<Names>,
        to: Uri,
        tls: Option<(TlsConnector, ServerName<'static>)>,
    },
    #[cfg(unix)]
    Socket(std::path::PathBuf),
}

impl Connector {
    /// To `address`, whose certificate is for `server_name` or else for its host.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfig`] for certificates and keys that cannot be used.
    pub(crate) fn new(
        address: &Address,
        server_name: Option<&str>,
        trust: &Trust,
        identity: Option<&ClientIdentity>,
        limit: Duration,
    ) -> Result<Self, Error> {
        let way = match address {
            Address::Tcp { encrypted, host, .. } => {
                let name = server_name.unwrap_or(host);
                let tls =
                    if *encrypted { Some(tls(name, tls::client_config(trust, identity)?)?) } else { None };
                Way::Tcp { tcp: tcp(limit), to: address.origin()?, tls }
            }
            #[cfg(unix)]
            Address::Unix(path) => Way::Socket(path.clone()),
            #[cfg(not(unix))]
            Address::Unix(_) => {
                return Err(Error::new(ErrorKind::InvalidConfig, "this system has no unix sockets"));
            }
        };
        Ok(Self { way, limit })
    }

    /// Opens one more.
    pub(crate) async fn open(&self) -> Result<Stream, Failure> {
        match tokio::time::timeout(self.limit, self.way.open()).await {
            Ok(opened) => opened.map_err(Failure::Unopened),
            Err(_) => Err(Failure::Unopened(io::Error::from(io::ErrorKind::TimedOut).into())),
        }
    }
}

fn tcp(limit: Duration) -> HttpConnector<Names> {
    let mut tcp = HttpConnector::new_with_resolver(Names);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(limit));
    tcp.set_keepalive(Some(PROBE));
    tcp.set_keepalive_interval(Some(PROBE));
    tcp.set_keepalive_retries(Some(PROBES));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(UNHEARD));
    tcp
}

fn tls(name: &str, mut config: ClientConfig) -> Result<(TlsConnector, ServerName<'static>), Error> {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned());
    let name =
        name.map_err(|_| Error::new(ErrorKind::InvalidConfig, "the host is no name that TLS knows"))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

impl Way {
    async fn open(&self) -> Result<Stream, BoxError> {
        match self {
            Self::Tcp { tcp, to, tls } => {
                let stream = tcp.clone().call(to.clone()).await?.into_inner();
                let Some((tls, name)) = tls else { return Ok(Stream(Box::new(TokioIo::new(stream)))) };
                let stream = tls.connect(name.clone(), stream).await?;
                Ok(Stream(Box::new(TokioIo::new(stream))))
            }
            #[cfg(unix)]
            Self::Socket(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok(Stream(Box::new(TokioIo::new(stream))))
            }
        }
    }
}

/// Why a request brought no answer.
pub(crate) enum Failure {
    /// No connection came about.
    Unopened(BoxError),
    /// What happened on the connection.
    Broken(hyper::Error),
}

/// The system's own look-up of names.
#[derive(Clone)]
struct Names;

/// A name for which there is no address.
#[derive(Debug)]
pub(crate) struct NoName(io::Error);

impl std::fmt::Display for NoName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NoName {}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NoName;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, NoName>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoName>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            // The port is the connector's to set.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NoName)?;
            Ok(found.collect::<Vec<_>>().into_iter())
        })
    }
}

/// What both ends write to and read from.
trait Duplex: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Duplex for T {}

/// An open connection.
pub(crate) struct Stream(Box<dyn Duplex>);

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
