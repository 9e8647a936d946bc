//! References to secrets, the registry that resolves them, and the traits that backends and logins implement.
//!
//! A configuration holds *references* such as `{vault://my-vault/customer/acme/name}`; a [`Registry`] maps their
//! prefix to a vault and reads the value behind them. This crate knows no HTTP, no files and no configuration
//! format: a backend brings [`VaultBackend`], a login brings [`AuthMethod`], and the `strongroom` crate puts them
//! together.
//!
//! ```
//! use strongroom_core::{MemoryVault, Reference, Registry};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let vault = MemoryVault::new();
//! vault.set("customer/acme", r#"{"name": "ACME Inc.", "port": 8200}"#)?;
//! let registry = Registry::builder().vault("my-vault", vault).build()?;
//!
//! let reference: Reference = "{vault://my-vault/customer/acme/port}".parse()?;
//! assert_eq!((reference.resource(), reference.key()), ("customer/acme", Some("port")));
//! assert_eq!(registry.get(&reference).await?.as_str()?, "8200");
//! # Ok::<_, strongroom_core::Error>(())
//! # }).unwrap();
//! ```

mod auth;
mod backend;
mod cache;
mod document;
mod error;
mod escape;
mod events;
pub mod factory;
mod json;
mod live;
mod memory;
mod metrics;
mod recall;
mod reference;
mod registry;
mod resolve;
pub mod schedule;
mod secret;
mod secret_ref;
mod status;
mod sync;
mod value;
mod vault;

pub use auth::{
    Answer, AuthMethod, ClientIdentity, Grant, Identity, LoginCall, LoginServer, Origin, OutsideCall, Replay,
};
pub use backend::{
    BatchRead, ChangeFeed, Changes, Description, Health, Probe, ReadRequest, VaultBackend, VersionPoll,
    VersionState,
};
pub use cache::CacheLimits;
pub use document::Document;
pub use error::{Error, ErrorKind, Result};
pub use escape::escaped;
pub use events::{Heard, RotationEvent, RotationEvents, RotationKind};
pub use json::{JsonReader, JsonText};
pub use live::{Live, LiveDocument, Reader};
pub use memory::MemoryVault;
pub use recall::{Recall, recallable};
pub use reference::{Embedded, ParseError, ParseErrorKind, Piece, Reference, is_reference};
pub use registry::{Fetched, RESERVED_PREFIXES, Registry, RegistryBuilder, ToReference, check_prefix};
pub use resolve::{Failure, FieldPath, LiveConfig, Origins, ResolveError, Resolved, Resolver, Step};
pub use secret::Secret;
pub use secret_ref::{DocumentRef, SecretRef};
pub use status::{Status, VaultStatus};
pub use vault::{Policy, Vault, parse_seconds};
