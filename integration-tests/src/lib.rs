//! Support for tests against a real server: [`Server`] starts OpenBao (or Vault) by itself, [`Cluster`] starts several
//! that are one, [`Api`] administers them, [`Ca`] makes certificates for them, [`Proxy`] counts and records what reaches
//! them, and [`Stub`] answers what a real server cannot be made to answer. [`Program`] runs a program that serves, and
//! [`load`] sends requests through it.
//!
//! Everything panics with a message that names the cause, and nothing needs an async runtime. What is tested, and how
//! Strongroom is driven, lives with the tests.

pub mod api;
pub mod binary;
pub mod load;
#[cfg(feature = "tls")]
pub mod pki;
pub mod program;
pub mod proxy;
pub mod server;
pub mod stalls;

pub use api::Api;
#[cfg(feature = "tls")]
pub use pki::{Ca, Pair};
pub use program::Program;
pub use proxy::{Proxy, Recorded, Reply, Stub};
pub use server::{Builder, Cluster, Server};
pub use stalls::Stalls;

/// A random number, for names and tokens that must differ between tests, servers and runs.
#[must_use]
pub fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
