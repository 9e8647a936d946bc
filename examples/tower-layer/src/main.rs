//! A gateway of hyper and tower: programs on this machine ask it, and it passes their requests on with a secret in the
//! header `authorization`. All that concerns the secret is one layer of a tower stack, `SecretHeadersLayer`: it adds
//! the value of the moment to each request, and where there is none that may be served, it answers 503 in the
//! upstream's place.
//!
//! Beside `cargo quickstart --keep`, whose secret it adds, and any upstream (`nc -l 9000` shows what arrives):
//!
//! ```text
//! cargo run -p example-tower-layer -- 127.0.0.1:9000
//! curl http://127.0.0.1:3000/hello
//! ```

#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::convert::Infallible;
use std::env;
use std::error::Error;

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use strongroom::config::Config;
use strongroom::tower::SecretHeadersLayer;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

const USAGE: &str = "usage: tower-layer UPSTREAM_HOST:PORT [REFERENCE [CONFIG [LISTEN]]]";

type Body = BoxBody<Bytes, hyper::Error>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let upstream: Authority = arguments.next().ok_or(USAGE)?.parse()?;
    let mut or = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let reference = or("{vault://hashicorp-vault/customer/acme/name?ttl=5}");
    let config = or("target/quickstart/kong.yaml");
    let listen = or("127.0.0.1:3000");

    let registry = Config::load(config)?.build()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let gateway = ServiceBuilder::new()
        .layer(SecretHeadersLayer::new().bearer(registry.watch(reference).await?))
        .service(service_fn(move |request| forward(client.clone(), upstream.clone(), request)));

    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = tokio::signal::ctrl_c() => break,
        };
        let service = TowerToHyperService::new(gateway.clone());
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            if let Err(error) = http.serve_connection(TokioIo::new(connection), service).await {
                println!("a client's connection broke: {error}");
            }
        });
    }
    registry.shutdown().await;
    Ok(())
}

async fn forward(
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path_and_query().cloned();
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(upstream);
    parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let Ok(uri) = Uri::from_parts(parts) else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    *request.uri_mut() = uri;
    request.headers_mut().remove(HOST);
    // A client that names the credential in it would have it taken out further on.
    request.headers_mut().remove(CONNECTION);
    Ok(match client.request(request).await {
        Ok(response) => response.map(BodyExt::boxed),
        Err(error) => {
            println!("the upstream does not answer: {error}");
            empty(StatusCode::BAD_GATEWAY)
        }
    })
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}
