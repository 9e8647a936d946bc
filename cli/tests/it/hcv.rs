//! From a file or from variables to a real server: the configuration of hcv vaults.

use serde_json::json;

use crate::harness::Cli;
#[cfg(unix)]
use crate::harness::chmod;
use crate::server::{self, ROOT, api, dev};

/// The how-to's own file, as Kong's documentation renders it.
const HOW_TO: &str = r#"_format_version: "3.0"
vaults:
  - name: hcv
    prefix: hashicorp-vault
    description: Storing secrets in HashiCorp Vault
    config:
      host: ${{ env "DECK_HCV_HOST" }}
      token: ${{ env "DECK_HCV_TOKEN" }}
      kv: v2
      mount: secret
      port: PORT
      protocol: http
"#;

fn secret(name: &str) {
    api().write_kv2("secret", name, &json!({"name": "ACME Inc. (canary)"}));
}

fn how_to() -> Cli {
    secret("customer/acme");
    Cli::new()
        .file("kong.yaml", HOW_TO.replace("PORT", &dev().port().to_string()))
        .variable("DECK_HCV_HOST", "127.0.0.1")
        .variable("DECK_HCV_TOKEN", ROOT)
}

const REFERENCE: &str = "{vault://hashicorp-vault/customer/acme/name}";

#[test]
fn the_file_of_the_how_to_works_unchanged() {
    let cli = how_to();
    cli.run(&["get", REFERENCE, "--config", "kong.yaml"]).prints("ACME Inc. (canary)\n");
    cli.run(&["-c", "kong.yaml", "get", "{vault://hashicorp-vault/customer/acme/nmae}"]).fails(
        1,
        &[
            "error: could not resolve {vault://hashicorp-vault/customer/acme/nmae}",
            &format!(
                "  vault `hashicorp-vault` (hcv, http://127.0.0.1:{}, mount `secret`, KV v2): no such key `nmae` in \
                 `customer/acme`",
                dev().port()
            ),
        ],
    );
}

#[test]
fn a_manifest_of_the_ingress_controller_works_unchanged() {
    secret("manifest");
    let manifest = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n---\n\
         apiVersion: configuration.konghq.com/v1alpha1\nkind: KongVault\nmetadata:\n  name: hcv\nspec:\n  backend: hcv\n  \
         prefix: my-hcv\n  description: secrets\n  config:\n    host: 127.0.0.1\n    port: {}\n    kv: v2\n    \
         token: ${{{{ env \"DECK_HCV_TOKEN\" }}}}\n",
        dev().port()
    );
    let cli = Cli::new().file("vaults.yaml", manifest.as_str()).variable("DECK_HCV_TOKEN", ROOT);
    let args = ["-c", "vaults.yaml", "get", "my-hcv/manifest/name"];
    cli.run(&args).prints("ACME Inc. (canary)\n");
    let wrong = cli.file("vaults.yaml", manifest.replace("kv: v2", "kv: canary"));
    wrong.run(&args).fails(2, &["error: vaults.yaml:16:9: vault `my-hcv` (KongVault `hcv`): `kv`: expected one of `v1`, `v2`, `auto`"]);
}

#[test]
fn check_says_what_a_vault_is_like() {
    let cli = how_to();
    let run = cli.run(&["-c", "kong.yaml", "check"]);
    let line = format!(
        "hashicorp-vault  hcv  http://127.0.0.1:{}  reachable  login token  -  KV v2\n",
        dev().port()
    );
    run.prints(&line);
    assert!(run.stderr.starts_with("warning: the token is a root token"), "{}", run.stderr);

    api().policy("reader", "path \"secret/data/*\" { capabilities = [\"read\"] }");
    let check = |policy: &str| {
        let token = server::token(api(), &format!("check-{policy}"), &["default", policy]);
        let config = format!("address: '{}', kv: v2", dev().address());
        server::cli_with(&token, &[("my-v2", config)]).run(&["-c", "kong.yaml", "check", "--json"])
    };
    let vault = &check("reader").json()[0];
    assert_eq!(
        (&vault["ok"], &vault["login"], &vault["engine"]),
        (&json!(true), &json!("token"), &json!("KV v2"))
    );
    assert!(vault["token_ttl"].as_u64().is_some_and(|ttl| ttl > 3600), "{vault}");
    let run = check("default");
    assert_eq!((run.code, &run.json()[0]["error_kind"]), (1, &json!("permission_denied")), "{run:?}");
}

#[test]
fn check_asks_all_vaults_and_fails_for_the_worst() {
    let address = dev().address();
    let nobody = "port: 1, retries: 0, kv: v2".to_owned();
    let good = format!("address: '{address}', kv: v2");
    let cli = server::cli_with(ROOT, &[("good", good.clone()), ("nobody", nobody.clone())]);
    let run = cli.run(&["-c", "kong.yaml", "check"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout().lines().nth(1).unwrap().contains("failed: unavailable"), "{run:?}");
    assert!(run.stderr.starts_with("error: 1 of 2 vaults failed\n  vault `nobody` (hcv, "), "{run:?}");
    let cli = server::cli_with("canary-dead", &[("dead", good), ("nobody", nobody)]);
    let run = cli.run(&["-c", "kong.yaml", "check", "--json"]);
    assert_eq!((run.code, &run.json()[0]["error_kind"]), (1, &json!("unauthenticated")), "{run:?}");
}

#[test]
fn toml_and_json_declare_the_same_vault() {
    secret("formats/value");
    let address = dev().address();
    let toml = format!(
        "[[vaults]]\nname = \"hcv\"\nprefix = \"my-v2\"\n[vaults.config]\naddress = \"{address}\"\nkv = \"v2\"\n\
         token = '${{{{ env \"DECK_HCV_TOKEN\" }}}}'\n"
    );
    let json = json!({"vaults": [{"name": "openbao", "prefix": "my-v2", "config":
        {"address": address, "kv": "v2", "token": "${{ env \"DECK_HCV_TOKEN\" }}"}}]});
    let cli = Cli::new()
        .file("strongroom.toml", toml)
        .file("a.json", json.to_string())
        .variable("DECK_HCV_TOKEN", ROOT);
    cli.run(&["get", "my-v2/formats/value/name"]).prints("ACME Inc. (canary)\n");
    cli.run(&["-c", "a.json", "get", "my-v2/formats/value/name"]).prints("ACME Inc. (canary)\n");
}

#[cfg(unix)]
#[test]
fn a_token_comes_from_a_file_too() {
    secret("files/value");
    let config = format!("address: '{}', kv: v2, token_file: token", dev().address());
    let text = format!("vaults:\n- {{name: hcv, prefix: my-v2, config: {{ {config} }} }}\n");
    let cli = Cli::new().file("a.yaml", text).file("token", format!("{ROOT}\n"));
    chmod(&cli.path("token"), 0o600);
    let args = ["-c", "a.yaml", "get", "my-v2/files/value/name"];
    let run = cli.run(&args);
    run.prints("ACME Inc. (canary)\n");
    assert_eq!(run.stderr, "");
    chmod(&cli.path("token"), 0o644);
    assert!(cli.run(&args).stderr.starts_with("warning: the token file `token` can be read by every user"));
    let cli = cli.file("token", "canary\0");
    cli.run(&args).fails_with(1, "the file `token`: the token holds a control character");
    std::fs::remove_file(cli.path("token")).unwrap();
    cli.run(&args).fails_with(1, "the token file `token` cannot be read: No such file");
}

#[test]
fn what_is_wrong_with_a_vault_is_said_by_field_and_never_by_value() {
    for (config, what) in [
        ("tokn: canary", "unknown field `tokn`; did you mean `token`?..."),
        ("token: canary, kv: canary", "`kv`: expected one of `v1`, `v2`, `auto`"),
        ("token: canary, port: canary", "`port`: expected a whole number..."),
        ("token: canary, host: 'http://canary'", "`host`: ..."),
        ("token: canary, host: 'canary:8200'", "`host`: ..."),
        ("token: canary, address: 'http://user:canary@localhost'", "`address`: ..."),
        ("token: canary, address: 'http://localhost', port: 1", "..."),
        ("token: canary, mount: a/../canary", "`mount`: expected a mount path..."),
        ("token: canary, request_timeout: canary", "`request_timeout`: expected seconds..."),
        ("token: canary, auth_method: tken", "`auth_method`: unknown login `tken`; did you mean `token`?..."),
        ("token: '{vault://env/CANARY}'", "`token`: a reference cannot stand here..."),
        ("token: canary, token_file: canary", "`token_file`: cannot stand beside `token`..."),
        ("kv: v2", "`token` is required..."),
    ] {
        let text = format!("vaults:\n- name: hcv\n  prefix: my-v2\n  config: {{ {config} }}\n");
        let run = Cli::new().file("a.yaml", text).run(&["-c", "a.yaml", "get", "my-v2/a/b"]);
        assert_eq!((run.code, run.stdout()), (2, ""), "{config}: {run:?}");
        let (place, said) =
            run.stderr.trim_end().split_once(": vault `my-v2`: ").unwrap_or_else(|| panic!("{run:?}"));
        assert!(place.starts_with("error: a.yaml:"), "{config}: {run:?}");
        match what.strip_suffix("...") {
            Some(start) => assert!(said.starts_with(start), "{config}: {said}"),
            None => assert_eq!(said, what, "{config}"),
        }
    }
}

#[test]
fn the_default_vault_is_configured_by_the_tools_variables() {
    secret("default/value");
    let address = dev().address();
    let args = ["get", "hcv/default/value/name"];
    let none = "http://127.0.0.1:1";
    // Each later one wins over those before it.
    for variables in [
        &[("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", ROOT)][..],
        &[("VAULT_ADDR", none), ("BAO_ADDR", &address), ("BAO_TOKEN", ROOT), ("VAULT_TOKEN", "canary-dead")],
        &[
            ("BAO_ADDR", none),
            ("STRONGROOM_VAULT_HCV_ADDRESS", &address),
            ("BAO_TOKEN", "canary-dead"),
            ("STRONGROOM_VAULT_HCV_TOKEN", ROOT),
        ],
        &[
            ("VAULT_ADDR", none),
            ("STRONGROOM_VAULT_HCV_PORT", &dev().port().to_string()),
            ("VAULT_TOKEN", ROOT),
        ],
    ] {
        let cli = variables.iter().fold(Cli::new(), |cli, (name, value)| cli.variable(name, value));
        cli.run(&args).prints("ACME Inc. (canary)\n");
        assert_eq!(cli.run(&["check", "--json"]).json()[0]["prefix"], "hcv");
    }
}

#[test]
fn a_default_vault_that_cannot_work_says_so_when_it_is_asked() {
    let run = Cli::new().run(&["get", "hcv/a/b"]);
    run.fails_with(2, "`token` is required");
    let run = Cli::new().variable("KONG_VAULT_HCV_TOKEN", "canary").run(&["get", "hcv/a/b"]);
    run.fails_with(2, "KONG_VAULT_HCV_TOKEN is set, which only Kong reads");
    let run = Cli::new().variable("STRONGROOM_VAULT_HCV_TOKN", "canary").run(&["get", "env/PATH"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("did you mean `token`?"), "{run:?}");
}

#[test]
fn fields_of_kong_that_mean_nothing_here_are_taken_at_their_defaults() {
    secret("kong/value");
    let config = format!(
        "address: '{}', token: {ROOT}, kv: v2, namespace: null, approle_role_id: '', kube_role: null, \
         azure_login_path: /v1/auth/azure/login",
        dev().address()
    );
    let entity = "id: 7b0d3f0e, tags: [a], created_at: 1700000000, updated_at: 1700000001, description: null";
    let text = format!("vaults:\n- {{ name: hcv, prefix: my-v2, {entity}, config: {{ {config} }} }}\n");
    let cli = Cli::new().file("a.yaml", text);
    cli.run(&["-c", "a.yaml", "get", "my-v2/kong/value/name"]).prints("ACME Inc. (canary)\n");
}

#[test]
fn a_namespace_has_mounts_of_its_own() {
    let team = api().create_namespace("cli-team");
    team.mount_kv("own", 2);
    team.write_kv2("own", "value", &json!({"name": "canary of the team"}));
    let cli = server::cli(&[
        ("team", "kv: v2, mount: own, namespace: cli-team"),
        ("auto", "kv: auto, mount: own, namespace: cli-team/"),
        ("root", "kv: v2, mount: own"),
        ("lost", "kv: v2, mount: own, namespace: no-team"),
    ]);
    let get = |prefix: &str| cli.run(&["-c", "kong.yaml", "get", &format!("{prefix}/value/name")]);
    get("team").prints("canary of the team\n");
    get("auto").prints("canary of the team\n");
    get("root").fails_with(1, "there is no mount `own`");
    get("lost").fails_with(1, "namespace `no-team`");
}
