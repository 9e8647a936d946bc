//! References wherever text holds them: the strings of a YAML, TOML or JSON document, a template, places of your own.
//!
//! A [`TextDocument`] gets its references replaced at their places, so that comments, order and quotes stay as they
//! are; a [`Template`] is any bytes. Both know their [`Occurrence`]s before a vault is asked. Whatever fails is
//! reported together, each with its place, and then there is no text at all.
//!
//! ```
//! use strongroom::config::Format;
//! use strongroom::text::{Scope, TextDocument};
//! use strongroom::{MemoryVault, Registry};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let vault = MemoryVault::new();
//! vault.set("db", r#"{"password": "a \"b\" # c"}"#)?;
//! let registry = Registry::builder().vault("my-vault", vault).build()?;
//!
//! let text = "user: app # stays\npassword: '{vault://my-vault/db/password}' # too\n";
//! let document = TextDocument::parse("app.yaml", text, Format::Yaml, Scope::Whole)?;
//! assert_eq!(document.occurrences()[0].path, "password");
//!
//! let resolved = document.resolve(&registry).await?;
//! assert_eq!(resolved.as_str()?, "user: app # stays\npassword: \"a \\\"b\\\" # c\" # too\n");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod begun;
mod document;
mod failures;
mod occurrence;
mod quote;
mod template;
mod verify;
mod walk;

pub use document::{Scope, TextDocument};
pub use failures::{Failure, Failures};
pub use occurrence::{Occurrence, values};
pub use template::Template;
