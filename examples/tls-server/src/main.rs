//! An HTTPS server whose certificate and key are two fields of one secret. When they are rotated in the vault, the next
//! handshake serves the new pair, with no restart; a pair that does not match is refused and the old one stays.
//!
//! Beside `cargo quickstart --keep`, which stores a certificate for `localhost`:
//!
//! ```text
//! cargo run -p example-tls-server
//! curl --insecure https://localhost:3443/
//! ```

#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use strongroom::config::Config;
use strongroom::rustls::LiveCertificate;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut or = |default: &str| arguments.next().unwrap_or_else(|| default.to_owned());
    let reference = or("{vault://hashicorp-vault/tls/localhost/?ttl=5}");
    let config = or("target/quickstart/kong.yaml");
    let listen = or("127.0.0.1:3443");

    let registry = Config::load(config)?.build()?;
    let provider = Arc::new(default_provider());
    let secret = registry.watch_document(reference).await?;
    let certificate = Arc::new(LiveCertificate::new(secret, provider.clone())?);
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate.clone());
    let acceptor = TlsAcceptor::from(Arc::new(tls));

    let listener = TcpListener::bind(listen).await?;
    println!("listening on https://{}", listener.local_addr()?);
    loop {
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = tokio::signal::ctrl_c() => break,
        };
        let (acceptor, certificate) = (acceptor.clone(), certificate.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(connection, &acceptor, &certificate).await {
                println!("a client's connection broke: {error}");
            }
        });
    }
    registry.shutdown().await;
    Ok(())
}

async fn serve(
    connection: TcpStream,
    acceptor: &TlsAcceptor,
    certificate: &LiveCertificate,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let tls = acceptor.accept(connection).await?;
    let answer = |_: Request<_>| async {
        let served = match certificate.refused() {
            None => "the vault's present certificate".to_owned(),
            Some(error) => format!("an older certificate: {error}"),
        };
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("hello from behind {served}\n"))))
    };
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(tls), service_fn(answer))
        .await?;
    Ok(())
}
