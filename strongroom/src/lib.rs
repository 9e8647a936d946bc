//! References to secrets in the configuration of proxies and servers, read at memory speed.
//!
//! This crate puts the others together: [`Registry`] and references from the core, backends and logins by cargo
//! feature, and with the feature `config` vaults from files ([`config`]) and references in texts ([`text`]). For
//! programs that embed it, [`http`] makes headers of secrets, [`tower`] adds them to requests, and [`rustls`] serves
//! certificates that follow a secret. No feature is on by default.
//!
//! A program's own configuration becomes the program's own type, with every reference in it resolved, and follows its
//! secrets:
//!
//! ```
//! use strongroom::{LiveConfig, MemoryVault, Registry, Secret};
//!
//! #[derive(serde::Deserialize)]
//! struct Database {
//!     user: String,
//!     password: Secret, // wiped on drop, never shown
//!     pool: u16,
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let vault = MemoryVault::new(); // in production: `HashicorpVault`, or vaults from a file
//! vault.set("db", r#"{"user": "app", "password": "hunter2", "pool": 8}"#)?;
//! let registry = Registry::builder().vault("my-vault", vault).build()?;
//!
//! let document = serde_json::json!({
//!     "user": "{vault://my-vault/db/user}",
//!     "password": "{vault://my-vault/db/password}",
//!     "pool": "{vault://my-vault/db/pool}",
//! });
//! let config: LiveConfig<Database> = registry.watch_config(&document).await?;
//! let database = config.current()?;
//! assert_eq!((database.user.as_str(), database.pool), ("app", 8));
//! assert_eq!(database.password.as_str()?, "hunter2");
//! # Ok::<_, strongroom::Error>(())
//! # }).unwrap();
//! ```

#![cfg_attr(
    not(feature = "full"),
    allow(rustdoc::broken_intra_doc_links, reason = "links to modules of features that are off")
)]

#[cfg(feature = "config")]
pub mod config;
mod factories;
#[cfg(feature = "figment")]
pub mod figment;
#[cfg(feature = "http")]
pub mod http;
#[cfg(test)]
#[cfg(any(feature = "rustls", feature = "tower"))]
mod logs;
#[cfg(feature = "rustls")]
pub mod rustls;
#[cfg(feature = "config")]
pub mod text;
#[cfg(feature = "tower")]
pub mod tower;

pub use factories::factories;
pub use strongroom_core::{
    AuthMethod, CacheLimits, Document, DocumentRef, Embedded, Error, ErrorKind, Failure, Fetched, FieldPath,
    Health, Heard, Live, LiveConfig, LiveDocument, MemoryVault, Origins, ParseError, ParseErrorKind, Piece,
    Policy, Probe, Reader, Reference, Registry, RegistryBuilder, ResolveError, Resolved, Resolver, Result,
    RotationEvent, RotationEvents, RotationKind, Secret, SecretRef, Status, Step, ToReference, Vault,
    VaultBackend, VaultStatus, escaped, is_reference,
};

/// The traits and types that backends and logins are written with.
pub use strongroom_core as core;

/// KV v1 and v2 of HashiCorp Vault and OpenBao.
#[cfg(feature = "hashicorp")]
pub use strongroom_hashicorp as hashicorp;

/// Environment variables as a vault.
#[cfg(feature = "env")]
pub use strongroom_env as env;

/// The files of a directory as a vault.
#[cfg(all(feature = "file", unix))]
pub use strongroom_file as file;

/// Ways to log in to a vault.
pub mod auth {
    #[cfg(feature = "auth-approle")]
    pub use strongroom_auth_approle::AppRoleAuth;
    #[cfg(feature = "auth-cert")]
    pub use strongroom_auth_cert::CertAuth;
    #[cfg(feature = "auth-jwt")]
    pub use strongroom_auth_jwt::{JwtAuth, JwtSource, OAuth2};
    #[cfg(feature = "auth-kubernetes")]
    pub use strongroom_auth_kubernetes::KubernetesAuth;
    #[cfg(feature = "auth-token")]
    pub use strongroom_auth_token::TokenAuth;
}

#[cfg(all(doctest, feature = "hashicorp", feature = "auth-token"))]
#[doc = include_str!("../../README.md")]
struct Readme;
