//! The real server of these tests, and vaults on it.

use std::sync::OnceLock;

use serde_json::json;
use strongroom_integration_tests::{Api, Builder, Server};

use crate::harness::Cli;

/// The root token of the dev server.
pub(crate) const ROOT: &str = "canary-root-token";

/// The dev server that all tests share, each with paths of its own. `secret` is KV v2, `kv1` KV v1, `team/kv` and
/// `data` KV v2 again.
pub(crate) fn dev() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Builder::dev().root_token(ROOT).start();
        server.api().mount_kv("kv1", 1);
        server.api().mount_kv("team/kv", 2);
        server.api().mount_kv("data", 2);
        server
    })
}

pub(crate) fn api() -> &'static Api {
    dev().api()
}

/// A token with these policies that the canary test would notice.
pub(crate) fn token(api: &Api, name: &str, policies: &[&str]) -> String {
    api.create_token(
        &json!({"id": format!("canary-token-{name}"), "policies": policies, "no_default_policy": false}),
    )
}

/// A command line beside a `kong.yaml` with vaults on the dev server: prefixes and what else their `config` holds.
pub(crate) fn cli(vaults: &[(&str, &str)]) -> Cli {
    let address = dev().address();
    let vaults: Vec<_> =
        vaults.iter().map(|(prefix, config)| (*prefix, format!("address: '{address}', {config}"))).collect();
    cli_with(ROOT, &vaults)
}

/// A command line beside a `kong.yaml` with these vaults and one token.
pub(crate) fn cli_with(token: &str, vaults: &[(&str, String)]) -> Cli {
    let mut text = "_format_version: \"3.0\"\nvaults:\n".to_owned();
    for (prefix, config) in vaults {
        text += &format!(
            "- name: hcv\n  prefix: {prefix}\n  config: {{ token: ${{{{ env \"DECK_HCV_TOKEN\" }}}}, {config} }}\n"
        );
    }
    Cli::new().file("kong.yaml", text).variable("DECK_HCV_TOKEN", token)
}
