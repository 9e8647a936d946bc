//! KV v1 and v2 of HashiCorp Vault and OpenBao as a Strongroom backend.
//!
//! A [`HashicorpVault`] reads secrets of one KV mount over HTTP, from a TCP address or a unix socket, with the
//! token of one login that all its readers share. Its [builder](HashicorpVault::builder) does no I/O; connections
//! are made at the first read, in the tokio runtime of that read, which needs its I/O and time drivers enabled.
//!
//! ```no_run
//! use std::time::Duration;
//! use strongroom_core::Registry;
//! use strongroom_hashicorp::{HashicorpVault, KvVersion};
//!
//! # async fn example(auth: impl strongroom_core::AuthMethod) -> Result<(), strongroom_core::Error> {
//! let registry = Registry::builder()
//!     .vault("hashicorp-vault", HashicorpVault::builder()
//!         .address("http://127.0.0.1:8200").mount("secret").kv(KvVersion::V2)
//!         .auth(auth).ttl(Duration::from_secs(60)).build()?)
//!     .build()?;
//! let name = registry.get("{vault://hashicorp-vault/customer/acme/name}").await?;
//! # Ok(())
//! # }
//! ```
//!
//! What a vault does with a server, and what not:
//!
//! * One try is bounded with its body, all tries together are, and so is the size of an answer.
//! * A proxy of the environment is never used, and of redirects only a standby's 307 is followed, once, to another of
//!   the addresses that were configured: the token goes there, and nowhere else.
//! * A server that does not answer is asked seldom, one that asks to be left alone is, and retries have a budget.
//! * A private CA is the only trust root. The process-wide rustls provider is neither needed nor installed.
//! * The KV version is the configured one; where an answer says that the mount is another, the error says so.

mod answer;
mod breaker;
mod builder;
mod check;
mod factory;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod kv;
mod login;
mod mount;
mod no_auth;
mod path;
mod quote;
mod refusal;
mod retry;
mod session;
mod sync;
mod transport;
mod vault;
mod versions;

pub use builder::HashicorpVaultBuilder;
pub use factory::HashicorpFactory;
pub use kv::KvVersion;
pub use no_auth::{NoAuth, NoAuthFactory};
pub use session::Sessions;
pub use vault::HashicorpVault;
