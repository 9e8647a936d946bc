//! What every Strongroom backend and login must do, as a suite that anyone can run against their own.
//!
//! A backend's author implements [`Fixture`]: how to make, change, delete and forbid a secret in the product behind the
//! backend, and how to cut the two apart. [`run`] then reads through a registry, as users do, and reports each trial by
//! name; what a product cannot do the fixture says in its [`Capabilities`], and those trials are left out by name too.
//! A login's author implements [`LoginFixture`] for [`run_login`], which needs no server: a [`ScriptedServer`] judges
//! what the login sends.
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
//!         Capabilities::all().without_denial().without_outage()
//!     }
//!     fn secrets(&self) -> Vec<String> {
//!         Vec::new()
//!     }
//!     async fn write(&self, resource: &str, json: &str) {
//!         self.0.set(resource, json).unwrap();
//!     }
//!     async fn delete(&self, resource: &str) {
//!         self.0.delete(resource);
//!     }
//!     async fn deny(&self, _: &str) {}
//!     async fn cut(&self) {}
//!     async fn mend(&self) {}
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! run(Memory::default()).await.assert();
//! # });
//! ```

mod backend;
mod fixture;
mod login;
mod report;

pub use backend::run;
pub use fixture::{Capabilities, Fixture, Versions};
pub use login::{Call, LoginCapabilities, LoginFixture, Reply, ScriptedServer, run_login};
pub use report::{Outcome, Report};
