//! Keeps secrets in memory and says over HTTP how that goes: `/metrics` for Prometheus, `/health` for a load balancer.
//!
//!     cargo run -p example-metrics -- kong.yaml 127.0.0.1:9187 '{vault://hashicorp-vault/customer/acme/name}' ...
//!
//! What it serves is what any program can: install a recorder of the `metrics` facade before the first read, and hand
//! out `Registry::status` as JSON.

#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use strongroom::Registry;
use strongroom::config::Config;
use tokio::net::TcpListener;

const USAGE: &str = "usage: metrics-endpoint CONFIG ADDRESS REFERENCE...";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let config = arguments.next().ok_or(USAGE)?;
    let address = arguments.next().ok_or(USAGE)?;

    // Before anything is counted.
    let recorder = PrometheusBuilder::new().install_recorder()?;

    let registry = Config::load(config)?.build()?;
    // A program would use these; here they are what keeps the secrets in memory and fresh.
    let mut handles = Vec::new();
    for reference in arguments {
        handles.push(registry.watch(reference).await?);
    }

    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let serving = serve(&listener, &registry, &recorder);
    tokio::select! {
        () = serving => {}
        ended = tokio::signal::ctrl_c() => ended?,
    }
    registry.shutdown().await;
    Ok(())
}

async fn serve(listener: &TcpListener, registry: &Registry, recorder: &PrometheusHandle) {
    loop {
        let Ok((connection, _)) = listener.accept().await else {
            // Out of descriptors, most likely: not in a tight loop.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (registry, recorder) = (registry.clone(), recorder.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                std::future::ready(Ok::<_, Infallible>(answer(&request, &registry, &recorder)))
            });
            // A client that goes away is not our concern.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(connection), service).await;
        });
    }
}

fn answer(
    request: &Request<Incoming>,
    registry: &Registry,
    recorder: &PrometheusHandle,
) -> Response<Full<Bytes>> {
    let (status, kind, body) = match request.uri().path() {
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4", recorder.render()),
        "/health" => {
            let health = registry.status();
            let status = if health.is_failing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            (status, "application/json", serde_json::to_string(&health).unwrap_or_default())
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "there are /metrics and /health\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
