//! Documents and types through the registry, against a vault in memory.

mod canary;
mod documents;
mod typed;

use serde_json::{Value, json};

use crate::{MemoryVault, Registry, ResolveError};

/// A registry with one vault that holds what the tests refer to.
fn registry() -> Registry {
    let vault = MemoryVault::new();
    vault
        .set(
            "app",
            r#"{"user":"app","password":"canary-hunter2","port":"5432","number":8200,"yes":"true","flag":false,
                "ratio":"0.25","big":"340282366920938463463374607431768211455","negative":"-3","level":"debug",
                "empty":"","letter":"x","zeros":"0123","spaced":" 8200","nested":"{vault://my-vault/app/user}",
                "binary":"/wD/"}"#,
        )
        .unwrap();
    Registry::builder().vault("my-vault", vault).build().unwrap()
}

/// The reference to a field of what the vault holds.
fn field(key: &str) -> String {
    format!("{{vault://my-vault/app/{key}}}")
}

fn failures(error: &ResolveError) -> Vec<(String, String)> {
    error
        .failures()
        .iter()
        .map(|failure| (failure.path.to_string(), format!("{:?}", failure.error)))
        .collect()
}

async fn resolved(document: Value) -> Value {
    registry().extract(&document).await.unwrap()
}
