//! A reverse proxy on axum that adds a credential to each request: `authorization: Bearer <secret>`, whatever the
//! client sent. The secret is a reference to a vault; when it is rotated there, the next request carries the new value,
//! with no restart and no request lost. When there is none that may be served, the answer is 503 and the upstream sees
//! nothing.
//!
//! Beside `cargo quickstart --keep`, whose secret it adds, and any upstream (`nc -l 9000` shows what arrives):
//!
//! ```text
//! cargo run -p example-axum-proxy -- http://127.0.0.1:9000
//! curl http://127.0.0.1:3000/hello
//! ```

#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::env;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, HOST};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use strongroom::Live;
use strongroom::config::Config;
use strongroom::http::{HeaderFormat, ToHeaderValue};
use tokio::net::TcpListener;

const USAGE: &str = "usage: axum-proxy UPSTREAM [REFERENCE [CONFIG [LISTEN]]]";

struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: Uri,
    credential: Live,
    format: HeaderFormat,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let upstream = arguments.next().ok_or(USAGE)?.parse()?;
    let mut or = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let reference = or("{vault://hashicorp-vault/customer/acme/name?ttl=5}");
    let config = or("target/quickstart/kong.yaml");
    let listen = or("127.0.0.1:3000");

    let registry = Config::load(config)?.build()?;
    let proxy = Proxy {
        client: Client::builder(TokioExecutor::new()).build_http(),
        upstream,
        // The first value is there when this returns; from then on the handle follows the secret.
        credential: registry.watch(reference).await?,
        format: HeaderFormat::bearer(),
    };
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(forward).with_state(Arc::new(proxy)))
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    registry.shutdown().await;
    Ok(())
}

async fn forward(State(proxy): State<Arc<Proxy>>, mut request: Request) -> Response {
    remove_what_is_of_the_connection(request.headers_mut());
    // No lock, no await; an error once the value may no longer be served.
    let credential =
        match proxy.credential.current().and_then(|value| value.to_header_value_as(&proxy.format)) {
            Ok(credential) => credential,
            Err(error) => {
                println!("a request is refused: {error:?}");
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        };
    request.headers_mut().insert(AUTHORIZATION, credential);
    // The client sends the upstream's own.
    request.headers_mut().remove(HOST);
    match at(&proxy.upstream, request.uri()) {
        Some(uri) => *request.uri_mut() = uri,
        None => return StatusCode::BAD_REQUEST.into_response(),
    }
    match proxy.client.request(request).await {
        Ok(mut response) => {
            remove_what_is_of_the_connection(response.headers_mut());
            response.into_response()
        }
        Err(error) => {
            println!("the upstream does not answer: {error}");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

fn at(upstream: &Uri, asked: &Uri) -> Option<Uri> {
    let path = asked.path_and_query().map_or("/", PathAndQuery::as_str);
    Uri::builder()
        .scheme(upstream.scheme_str()?)
        .authority(upstream.authority()?.as_str())
        .path_and_query(path)
        .build()
        .ok()
}

/// Headers that concern one connection only, and those that the sender says do. Done before the credential is added,
/// so that no client can have it taken out again.
fn remove_what_is_of_the_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in
        ["connection", "keep-alive", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"]
    {
        headers.remove(name);
    }
}
