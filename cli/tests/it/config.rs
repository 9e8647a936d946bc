//! Which configuration is read, and what is said about a broken one.

use serde_json::json;

use crate::harness::Cli;
#[cfg(unix)]
use crate::harness::chmod;

/// A vault `my-env` that reads `APP_` variables.
const YAML: &str = "vaults:\n- name: env\n  prefix: my-env\n  config: { prefix: app_ }\n";
const TOML: &str = "[[vaults]]\nname = \"env\"\nprefix = \"my-env\"\n[vaults.config]\nprefix = \"app_\"\n";
const JSON: &str = r#"{"vaults": [{"name": "env", "prefix": "my-env", "config": {"prefix": "app_"}}]}"#;

fn cli() -> Cli {
    Cli::new().variable("APP_NAME", "canary").variable("OTHER_NAME", "canary other")
}

fn other(prefix: &str) -> String {
    format!("vaults:\n- name: env\n  prefix: {prefix}\n  config: {{ prefix: other_ }}\n")
}

#[test]
fn one_format_is_as_good_as_another() {
    for (name, text) in [("a.yaml", YAML), ("a.yml", YAML), ("a.toml", TOML), ("a.json", JSON)] {
        cli().file(name, text).run(&["-c", name, "get", "my-env/name"]).prints("canary\n");
    }
}

#[test]
fn several_files_are_joined_wherever_they_are_named() {
    let cli = cli().file("a.yaml", YAML).file("b.yaml", other("other-env"));
    for args in [
        &["-c", "a.yaml", "-c", "b.yaml", "get", "my-env/name"][..],
        &["-c", "a.yaml", "get", "-c", "b.yaml", "my-env/name"],
        &["get", "my-env/name", "--config=b.yaml", "--config", "a.yaml"],
    ] {
        cli.run(args).prints("canary\n");
    }
    cli.run(&["-c", "a.yaml", "get", "other-env/name", "-c", "b.yaml"]).prints("canary other\n");
}

#[test]
fn a_prefix_declared_twice_is_an_error_that_names_both_places() {
    let cli = cli().file("a.yaml", YAML).file("b.yaml", other("my-env"));
    cli.run(&["-c", "a.yaml", "-c", "b.yaml", "get", "env/HOME"])
        .fails(2, &["error: b.yaml:2:3: the prefix `my-env` is declared twice, first at a.yaml:2:3"]);
}

#[test]
fn files_are_found_in_a_fixed_order() {
    let mut cli = cli();
    for (name, prefix) in [
        ("strongroom.json", "by-json"),
        ("strongroom.yml", "by-yml"),
        ("strongroom.yaml", "by-yaml"),
        ("strongroom.toml", "by-toml"),
    ] {
        let text = match name.rsplit('.').next() {
            Some("json") => JSON.replace("my-env", prefix),
            Some("toml") => TOML.replace("my-env", prefix),
            _ => YAML.replace("my-env", prefix),
        };
        cli = cli.file(name, text);
        cli.run(&["get", &format!("{prefix}/name")]).prints("canary\n");
    }
    assert_eq!(cli.run(&["get", "by-json/name"]).code, 1, "only the first is read");
}

#[test]
fn a_named_file_takes_the_place_of_a_found_one() {
    let cli = cli()
        .file("strongroom.yaml", "vaults: canary")
        .file("a.yaml", YAML)
        .file("b.yaml", other("other-env"));
    cli.run(&["-c", "a.yaml", "get", "my-env/name"]).prints("canary\n");
    let cli = cli.variable("STRONGROOM_CONFIG", "a.yaml");
    cli.run(&["get", "my-env/name"]).prints("canary\n");
    cli.run(&["-c", "b.yaml", "get", "other-env/name"]).prints("canary other\n");
    let cli = cli.variable("STRONGROOM_CONFIG", "");
    cli.run(&["get", "env/APP_NAME"])
        .fails(2, &["error: strongroom.yaml:1:9: `vaults` is expected to be a list"]);
}

#[test]
fn the_variable_is_one_path() {
    let cli = cli().file("a b:c.yaml", YAML).variable("STRONGROOM_CONFIG", "a b:c.yaml");
    cli.run(&["get", "my-env/name"]).prints("canary\n");
    Cli::new().variable("STRONGROOM_CONFIG", "none.yaml").run(&["check"]).fails(
        2,
        &["error: none.yaml: cannot be read: No such file or directory (os error 2); STRONGROOM_CONFIG names this file"],
    );
}

#[test]
fn a_kong_file_is_never_found_but_mentioned() {
    let cli = cli().file("kong.yaml", YAML).file("a.yaml", other("other-env"));
    let hint = "  a Kong file is read only where it is named: --config kong.yaml";
    let unknown = "  no vault has the prefix `my-env`...";
    let top = "error: could not resolve {vault://my-env/name}";
    cli.run(&["get", "my-env/name"]).fails(1, &[top, unknown, hint]);
    cli.run(&["-c", "a.yaml", "get", "my-env/name"]).fails(1, &[top, unknown, hint]);
    cli.run(&["-c", "kong.yaml", "get", "my-env/name"]).prints("canary\n");
    cli.run(&["get", "env/NONE"]).fails(1, &["error: ...", "  vault `env`..."]);
    let top = "error: could not resolve {vault://her-env/name}";
    cli.run(&["-c", "kong.yaml", "get", "her-env/name"]).fails(1, &[top, "  no vault has the prefix..."]);
    let cli = cli.variable("STRONGROOM_CONFIG", "kong.yaml");
    cli.run(&["get", "her-env/name"]).fails(1, &[top, "  no vault has the prefix..."]);
}

#[test]
fn a_named_file_without_vaults_is_mentioned() {
    let run = Cli::new().file("a.yaml", "services: []").run(&["-c", "a.yaml", "get", "my-env/name"]);
    assert!(run.stderr.trim_end().ends_with("; no `vaults` in a.yaml"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_found_file_that_others_can_write_is_refused() {
    let cli = cli().file("strongroom.yaml", YAML);
    chmod(&cli.path("strongroom.yaml"), 0o646);
    let refused = "error: strongroom.yaml lies here and every user of this machine can write it...";
    cli.run(&["get", "my-env/name"]).fails(2, &[refused]);
    cli.run(&["check"]).fails(2, &[refused]);
    cli.run(&["-c", "strongroom.yaml", "get", "my-env/name"]).prints("canary\n");
    chmod(&cli.path("strongroom.yaml"), 0o664);
    cli.run(&["get", "my-env/name"]).prints("canary\n");

    // Behind a link it is the file itself that counts.
    let linked = self::cli().file("target.yaml", YAML);
    std::os::unix::fs::symlink("target.yaml", linked.path("strongroom.yaml")).unwrap();
    linked.run(&["get", "my-env/name"]).prints("canary\n");
    chmod(&linked.path("target.yaml"), 0o666);
    linked.run(&["get", "my-env/name"]).fails(2, &[refused]);
}

#[cfg(unix)]
#[test]
fn a_found_file_that_a_shared_group_can_write_is_refused() {
    let cli = cli().file("strongroom.yaml", YAML);
    chmod(&cli.path("strongroom.yaml"), 0o664);
    // Only root gives a file to a group of its choice.
    if std::os::unix::fs::chown(cli.path("strongroom.yaml"), None, Some(12)).is_err() {
        return;
    }
    let refused =
        "error: strongroom.yaml lies here and its group (gid 12) can write it (`chmod g-w` ends that)...";
    cli.run(&["get", "my-env/name"]).fails(2, &[refused]);
    chmod(&cli.path("strongroom.yaml"), 0o644);
    cli.run(&["get", "my-env/name"]).prints("canary\n");
}

#[test]
fn what_is_found_and_is_no_file_is_an_error() {
    let cli = cli();
    std::fs::create_dir(cli.path("strongroom.toml")).unwrap();
    cli.run(&["get", "my-env/name"]).fails(2, &["error: strongroom.toml cannot be read: Is a directory..."]);
}

#[test]
fn commands_without_vaults_read_no_configuration() {
    let cli = Cli::new().file("strongroom.yaml", "{").variable("STRONGROOM_VAULT_NOPE_X", "canary");
    for args in
        [&["parse", "env/a"][..], &["schema"], &["completions", "bash"], &["-c", "none.yaml", "schema"]]
    {
        assert_eq!(cli.run(args).code, 0, "{args:?}");
    }
}

#[test]
fn broken_files_say_where_and_show_nothing() {
    for (text, error) in [
        ("vaults: [canary", "a.yaml:1:..."),
        ("vaults: canary", "a.yaml:1:9: `vaults` is expected to be a list"),
        ("vaults:\n- canary", "a.yaml:2:3: a vault is expected to have named fields"),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  prefix: canary",
            "a.yaml:4:3: the key `prefix` stands here twice...",
        ),
        (
            "vaults:\n- name: envv\n  prefix: my-env",
            "a.yaml:2:3: vault `my-env`: unknown backend `envv`; did you mean `env`?...",
        ),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefx: canary",
            "a.yaml:5:12: vault `my-env`: unknown field `prefx`; did you mean `prefix`?...",
        ),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    ttl: canary",
            "a.yaml:5:10: vault `my-env`: `ttl`: expected seconds...",
        ),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefix: 1canary",
            "a.yaml:5:13: vault `my-env`: `prefix`: expected letters...",
        ),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefix: '{vault://env/CANARY}'",
            "a.yaml:5:13: vault `my-env`: `prefix`: a reference cannot stand here...",
        ),
        ("vaults:\n- name: env\n  prefix: env", "a.yaml:3:11: the prefix `env` is reserved..."),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefix: ${{ env \"DECK_NONE\" }}",
            "a.yaml:5:13: the variable `DECK_NONE` is not set...",
        ),
        (
            "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefix: ${{ env \"HOME\" }}",
            "a.yaml:5:13: the placeholder names the variable `HOME`...",
        ),
        (
            "strongroom: { default_vaults: nothing }",
            "`strongroom` in a.yaml: `default_vaults`: no backend is called...",
        ),
    ] {
        let run = Cli::new().file("a.yaml", text).run(&["-c", "a.yaml", "get", "env/HOME"]);
        run.fails(2, &[&format!("error: {error}")]);
    }
    let json = Cli::new().file("a.json", "{\"vaults\": [\"canary}");
    json.run(&["-c", "a.json", "check"]).fails(2, &["error: a.json:1:..."]);
    let toml = Cli::new().file("a.toml", "[[vaults]]\nname = \"canary\nprefix = 5");
    toml.run(&["-c", "a.toml", "check"]).fails(2, &["error: a.toml:2:..."]);
    let bytes = Cli::new().file("a.yaml", b"vaults: \xff canary");
    bytes.run(&["-c", "a.yaml", "check"]).fails(2, &["error: a.yaml: is not UTF-8 text"]);
    Cli::new()
        .run(&["-c", "none.yaml", "check"])
        .fails(2, &["error: none.yaml: cannot be read: No such file..."]);
    let named = Cli::new().file("a.conf", "");
    named
        .run(&["-c", "a.conf", "check"])
        .fails(2, &["error: a.conf: the name of a configuration file ends in..."]);
}

#[test]
fn an_empty_json_file_is_no_json() {
    let cli = Cli::new().file("a.json", "\n");
    let error = "error: a.json:1:1: an empty file, which is no JSON document";
    cli.run(&["-c", "a.json", "get", "env/HOME"]).fails(2, &[error]);
    let error = "  a.json:1:1: an empty file, which is no JSON document";
    cli.run(&["resolve", "a.json"]).fails(2, &["error: could not read a.json", error]);
}

#[test]
fn an_unknown_prefix_is_told_what_can_be_used() {
    let cli = cli().file("a.yaml", YAML);
    let list = "  no vault has the prefix `her-env` (configured: env, my-env)";
    cli.run(&["-c", "a.yaml", "get", "her-env/name"])
        .fails(1, &["error: could not resolve {vault://her-env/name}", list]);
    let guess = "  no vault has the prefix `hvc`; did you mean `hcv`? (configured: env, my-env)";
    cli.run(&["-c", "a.yaml", "get", "hvc/name"])
        .fails(1, &["error: could not resolve {vault://hvc/name}", guess]);
}

#[test]
fn a_variable_that_is_no_json_is_told() {
    let run = cli().run(&["get", "env/app-name/key"]);
    assert!(
        run.stderr.contains("vault `env` (env): `app-name` has no fields: its value is not valid JSON"),
        "{}",
        run.stderr
    );
}

#[test]
fn placeholders_take_their_text_from_the_environment() {
    let text = "vaults:\n- name: env\n  prefix: my-env\n  config:\n    prefix: ${{ env \"DECK_PREFIX\" }}\n";
    let cli = cli().file("a.yaml", text).variable("DECK_PREFIX", "app_");
    cli.run(&["-c", "a.yaml", "get", "my-env/name"]).prints("canary\n");
}

#[test]
fn a_vault_that_cannot_be_built_here_fails_alone() {
    let text = format!("{YAML}- name: aws\n  prefix: my-aws\n  config: {{ region: eu-west-1 }}\n");
    let cli = cli().file("a.yaml", text);
    cli.run(&["-c", "a.yaml", "get", "my-env/name"]).prints("canary\n");
    cli.run(&["-c", "a.yaml", "get", "my-aws/name"]).fails(
        1,
        &[
            "error: could not resolve {vault://my-aws/name}",
            "  vault `my-aws` (aws): the backend `aws` is recognised but not built yet",
        ],
    );
    let run = cli.run(&["-c", "a.yaml", "check"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.stdout(),
        "my-env  env  -  reachable            -  -  -\nmy-aws  aws  -  failed: unsupported  -  -  -\n"
    );
    assert_eq!(
        run.stderr,
        "error: 1 of 2 vaults failed\n  vault `my-aws` (aws): the backend `aws` is recognised but not built yet\n"
    );
}

#[test]
fn check_prints_a_json_array() {
    let text = format!("{YAML}- name: aws\n  prefix: my-aws\n");
    let run = cli().file("a.yaml", text).run(&["check", "-c", "a.yaml", "--json"]);
    let array = run.json();
    let (env, aws) = (&array[0], &array[1]);
    assert_eq!((run.code, array.as_array().unwrap().len()), (1, 2));
    assert_eq!(
        *env,
        json!({"prefix": "my-env", "backend": "env", "address": null, "ok": true, "error": null,
               "error_kind": null, "login": null, "token_ttl": null, "engine": null})
    );
    assert_eq!((&aws["ok"], &aws["error_kind"]), (&json!(false), &json!("unsupported")));
    assert!(aws["error"].as_str().unwrap().contains("not built yet"));
}

#[test]
fn without_a_declared_vault_check_has_nothing_to_say() {
    let run = Cli::new().run(&["check"]);
    assert_eq!((run.code, run.stdout()), (0, ""));
    assert!(run.stderr.starts_with("warning: no vault is declared: "), "{}", run.stderr);
    Cli::new().run(&["check", "--json"]).prints("[]\n");
}

#[test]
fn default_vaults_are_configured_by_variables() {
    let cli = cli().variable("STRONGROOM_VAULT_ENV_PREFIX", "app_");
    cli.run(&["get", "env/name"]).prints("canary\n");
    let cli = self::cli().variable("STRONGROOM_VAULT_ENV_PREFX", "canary");
    cli.run(&["get", "env/name"]).fails(
        2,
        &["error: variable STRONGROOM_VAULT_ENV_PREFX: default vault `env`: unknown field `prefx`; did you mean `prefix`?..."],
    );
    let cli = self::cli().variable("STRONGROOM_VAULT_ENVV_PREFIX", "canary");
    cli.run(&["get", "env/name"]).fails(2, &["error: variable STRONGROOM_VAULT_ENVV_PREFIX: ..."]);
    let cli = self::cli().variable("STRONGROOM_DEFAULT_VAULTS", "none");
    cli.run(&["get", "env/app-name"]).fails(1, &["error: ...", "  no vault has the prefix `env`..."]);
}

#[test]
fn the_schema_takes_what_the_program_takes() {
    let schema = Cli::new().run(&["schema"]);
    assert_eq!((schema.code, schema.stderr.as_str()), (0, ""));
    let validator = jsonschema::validator_for(&schema.json()).unwrap();
    let how_to = json!({
        "_format_version": "3.0",
        "vaults": [{
            "name": "hcv",
            "prefix": "hashicorp-vault",
            "description": "Storing secrets in HashiCorp Vault",
            "config": {
                "host": "${{ env \"DECK_HCV_HOST\" }}",
                "token": "${{ env \"DECK_HCV_TOKEN\" }}",
                "kv": "v2",
                "mount": "secret",
                "port": 8200,
                "protocol": "http",
            },
        }],
        "services": [{"name": "anything"}],
    });
    assert!(validator.is_valid(&how_to));
    let with = |pointer: &str, value: serde_json::Value| {
        let mut document = how_to.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        validator.is_valid(&document)
    };
    assert!(with("/vaults/0/config", json!({"token": null, "kv": "", "ttl": 60.5})));
    assert!(!with("/vaults/0/config", json!({"tokn": "x"})));
    assert!(!with("/vaults/0/config", json!({"port": 0})));
    assert!(!with("/vaults/0/config", json!({"kv": "v3"})));
    assert!(!with("/vaults/0/prefix", json!("hcv")));
    assert!(!with("/vaults/0/prefix", json!("Upper")));
    assert!(!with("/vaults", json!("none")));
}
