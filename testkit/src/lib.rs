//! What every Strongroom backend must do, as a suite that anyone can run against their own.
//!
//! A backend's author implements [`Fixture`]: how to make, change and delete a secret in the product behind the
//! backend. The suite then reads through a registry, as users do, and reports each trial by name; what a product
//! cannot do it says in its [`Capabilities`], and those trials are left out by name too.
//!
//! ```
//! use async_trait::async_trait;
//! use std::sync::Arc;
//! use strongroom_core::{MemoryVault, Vault};
//! use strongroom_testkit::{Capabilities, Fixture, run};
//!
//! #[derive(Debug, Default)]
//! struct Memory(Arc<MemoryVault>);
//!
//! #[async_trait]
//! impl Fixture for Memory {
//!     fn vault(&self) -> Vault {
//!         Vault::shared(self.0.clone())
//!     }
//!     fn capabilities(&self) -> Capabilities {
//!         Capabilities::all()
//!     }
//!     async fn write(&self, resource: &str, json: &str) {
//!         self.0.set(resource, json).unwrap();
//!     }
//!     async fn delete(&self, resource: &str) {
//!         self.0.delete(resource);
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! run(Memory::default()).await.assert();
//! # });
//! ```

mod fixture;
mod report;
mod trials;

pub use fixture::{Capabilities, Fixture};
pub use report::{Outcome, Report};
pub use trials::run;
