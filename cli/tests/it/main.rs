//! The `strongroom` binary as people and scripts meet it, on a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]

mod config;
#[cfg(unix)]
mod exec;
mod failures;
mod harness;
mod hcv;
mod logins;
mod parse;
mod process;
mod render;
mod resolve;
mod server;
mod tls;
mod values;
