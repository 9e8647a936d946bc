//! References in documents and templates.

mod corpus;
mod openings;
mod property;
mod refused;
mod template;

use strongroom::config::Format;
use strongroom::text::{Failures, Scope, TextDocument};
use strongroom::{MemoryVault, Registry};

/// Values that mean harm to whoever puts them into a document by hand.
const HOSTILE: &str =
    "\"it's\" \\ #: {a}\n- b\t%,]\r\u{0}\u{85}\u{2028}\u{feff} ${{ env \"X\" }} {vault://my-vault/s/plain} ";

fn registry() -> Registry {
    let vault = MemoryVault::new();
    let fields = serde_json::json!({
        "plain": "s3cret", "hostile": HOSTILE, "empty": "", "number": "0123", "unicode": "日本 é 😀\u{10ffff}",
        "block": "one\ntwo\n",
    });
    vault.set("s", &fields.to_string()).unwrap();
    Registry::builder().vault("my-vault", vault).build().unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn resolve(text: &str, format: Format, scope: Scope) -> Result<String, Failures> {
    let document =
        TextDocument::parse("file", text, format, scope).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    run(document.resolve(&registry())).map(|resolved| resolved.as_str().unwrap().to_owned())
}
