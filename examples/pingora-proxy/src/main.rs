//! A reverse proxy on pingora that adds a credential to each request: `authorization: Bearer <secret>`, whatever the
//! client sent. The secret is a reference to a vault; when it is rotated there, the next request carries the new value,
//! with no restart and no request lost. When there is none that may be served, the answer is 503 and the upstream is
//! sent nothing.
//!
//! pingora gives every service a runtime of its own. Strongroom's work, reading and rotating, is hosted by a background
//! service; the proxy's runtime only looks at values. The proxy starts to listen once the first value is there.
//!
//! Beside `cargo quickstart --keep`, whose secret it adds, and any upstream (`nc -l 9000` shows what arrives); building
//! pingora needs cmake:
//!
//! ```text
//! cargo run --manifest-path examples/pingora-proxy/Cargo.toml -- 127.0.0.1:9000
//! curl http://127.0.0.1:3000/hello
//! ```

use std::env;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pingora::http::RequestHeader;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::configuration::ServerConf;
use pingora::server::{Server, ShutdownWatch};
use pingora::services::ServiceReadyNotifier;
use pingora::services::background::{BackgroundService, background_service};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use strongroom::config::Config;
use strongroom::http::{HeaderFormat, ToHeaderValue};
use strongroom::{Live, Registry};
use tokio::time::sleep;

const USAGE: &str = "usage: pingora-proxy UPSTREAM_ADDRESS:PORT [REFERENCE [CONFIG [LISTEN]]]";

/// How long pingora lets requests finish after it was told to end, in seconds.
const GRACE: u64 = 5;

/// How long requests still get their credential then. What is left of the grace is for giving the vault's token back.
const DRAIN: Duration = Duration::from_secs(2);

/// The pause before a vault that does not answer is asked again.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = env::args().skip(1);
    let upstream = arguments.next().ok_or(USAGE)?.parse()?;
    let mut or = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let reference = or("{vault://hashicorp-vault/customer/acme/name?ttl=5}");
    let config = or("target/quickstart/kong.yaml");
    let listen = or("127.0.0.1:3000");

    let conf = ServerConf { threads: 2, grace_period_seconds: Some(GRACE), ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();

    // No I/O, no thread, no runtime yet: pingora may still fork.
    let registry = Config::load(config)?.build()?;
    let credential = Arc::new(OnceLock::new());
    let host = Host { registry, reference, credential: credential.clone() };
    let proxy = Proxy { upstream, credential, format: HeaderFormat::bearer() };
    let mut proxy = http_proxy_service(&server.configuration, proxy);
    proxy.add_tcp(&listen);
    println!("listening on http://{listen}");

    let host = server.add_service(background_service("strongroom", host));
    server.add_service(proxy).add_dependency(host);
    server.run_forever();
}

/// Hosts what Strongroom does in the background.
struct Host {
    registry: Registry,
    reference: String,
    credential: Arc<OnceLock<Live>>,
}

#[async_trait]
impl BackgroundService for Host {
    async fn start_with_ready_notifier(&self, mut shutdown: ShutdownWatch, ready: ServiceReadyNotifier) {
        let hosting = self.registry.run(async move {
            // An error is the end of the server, too.
            let _ = shutdown.changed().await;
            sleep(DRAIN).await;
        });
        let watching = async {
            let live = loop {
                match self.registry.watch(&self.reference).await {
                    Ok(live) => break live,
                    Err(error) => println!("no credential yet: {error:?}"),
                }
                sleep(PAUSE).await;
            };
            // It was empty: this is its only writer.
            let _ = self.credential.set(live);
            ready.notify_ready();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = hosting => {}
            () = watching => {}
        }
    }
}

struct Proxy {
    upstream: SocketAddr,
    credential: Arc<OnceLock<Live>>,
    format: HeaderFormat,
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        request: &mut RequestHeader,
        (): &mut (),
    ) -> Result<()> {
        let unavailable = ErrorType::HTTPStatus(503);
        let Some(live) = self.credential.get() else {
            return Error::e_explain(unavailable, "there is no credential yet");
        };
        // No lock, no await; an error once the value may no longer be served.
        let credential = live.current().and_then(|value| value.to_header_value_as(&self.format));
        let credential =
            credential.map_err(|error| Error::because(unavailable, "there is no credential", error))?;
        // A client that names the credential in it would have it taken out further on.
        request.remove_header("connection");
        request.insert_header("authorization", credential)
    }
}
