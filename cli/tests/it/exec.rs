//! `exec`: a command in the place of strongroom, with the references in its environment resolved.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::json;
use strongroom_integration_tests::Builder;

use crate::harness::{Cli, chmod};
use crate::resolve::with_failing_vaults;
use crate::server::{ROOT, api, cli};

fn ready() -> Cli {
    api().write_kv2("secret", "exec/app", &json!({"url": "canary://\"x\" $y\n", "name": "canary-name"}));
    cli(&[("my-v2", "kv: v2")])
}

const PRINT: [&str; 6] = ["-c", "kong.yaml", "exec", "--", "/bin/sh", "-c"];

fn print(script: &str) -> Vec<&str> {
    [&PRINT[..], &[script]].concat()
}

#[test]
fn references_in_the_environment_are_resolved_and_the_rest_stays() {
    let cli = ready()
        .variable("X_URL", "{vault://my-v2/exec/app/url}")
        .variable("X_NAME", "{vault://my-v2/exec/app/name}")
        .variable("X_PLAIN", "a {vault://my-v2/exec/app/name}")
        .variable("X_BYTES", OsStr::from_bytes(b"\xff"));
    let run = cli.run(&print("printf '%s|%s|%s|%s' \"$X_URL\" \"$X_NAME\" \"$X_PLAIN\" \"$X_BYTES\""));
    assert_eq!(run.stdout, b"canary://\"x\" $y\n|canary-name|a {vault://my-v2/exec/app/name}|\xff");
    assert_eq!(run.code, 0);
}

#[test]
fn the_process_is_replaced_and_its_status_is_the_commands() {
    let cli = ready().variable("X_NAME", "{vault://my-v2/exec/app/name}");
    for code in [0, 3, 77] {
        assert_eq!(cli.run(&print(&format!("exit {code}"))).code, code);
    }
    // strongroom ignores broken pipes; its command must not.
    cli.run(&print("/bin/sh -c 'kill -s PIPE $$'; echo $?")).prints("141\n");
}

#[test]
fn a_file_of_variables_is_added_for_the_command() {
    let file = "# comment\nexport X_A={vault://my-v2/exec/app/name}\nX_B='b # c'  # comment\n";
    let cli = ready().file("shop.env", file).variable("X_B", "before");
    let run = cli.run(&[
        "-c",
        "kong.yaml",
        "exec",
        "--env-file",
        "shop.env",
        "--",
        "/bin/sh",
        "-c",
        "echo $X_A/$X_B",
    ]);
    run.prints("canary-name/b # c\n");
    let cli = cli.file("shop.env", "A=1\nB canary\n");
    cli.run(&["exec", "--env-file", "shop.env", "--", "/bin/true"])
        .fails(2, &["error: could not read shop.env", "  line 2: expected `NAME=value`"]);
}

#[test]
fn credentials_are_taken_out_unless_they_are_kept() {
    let cli = ready()
        .variable("X_NAME", "{vault://my-v2/exec/app/name}")
        .variable("VAULT_TOKEN", "canary-vault")
        .variable("BAO_TOKEN", "{vault://my-v2/not/there}")
        .variable("STRONGROOM_VAULT_ENV_PREFIX", "canary_")
        .variable("DECK_OTHER", "stays")
        .variable("VAULT_ADDR", "http://127.0.0.1:1");
    let script = "env | sed -n 's/^\\(VAULT_[A-Z]*\\|BAO_[A-Z]*\\|STRONGROOM_V[A-Z_]*\\|DECK_[A-Z_]*\\|X_[A-Z]*\\)=.*/\\1/p' | sort | tr '\\n' ' '";
    let cli = cli.variable("PATH", std::env::var_os("PATH").unwrap());
    let run = cli.once(&print(script).iter().map(OsStr::new).collect::<Vec<_>>(), false);
    assert_eq!(run.stdout(), "DECK_OTHER VAULT_ADDR X_NAME ", "{run:?}");
    let cli = cli.variable("BAO_TOKEN", "canary-bao");
    let args = ["-c", "kong.yaml", "exec", "--keep-credentials", "--", "/bin/sh", "-c", script];
    let run = cli.once(&args.map(OsStr::new), false);
    assert_eq!(
        run.stdout(),
        "BAO_TOKEN DECK_HCV_TOKEN DECK_OTHER STRONGROOM_VAULT_ENV_PREFIX VAULT_ADDR VAULT_TOKEN X_NAME ",
        "{run:?}"
    );
}

#[test]
fn nothing_is_started_if_one_fails() {
    let cli = with_failing_vaults()
        .variable("X_OK", "{vault://my-v2/texts/db/user}")
        .variable("X_UNKNOWN", "{vault://mv-v2/texts/db/user}")
        .variable("X_MISSING", "{vault://my-v2/texts/db/none}")
        .variable("X_DENIED", "{vault://my-v2/other/x}")
        .variable("X_NOBODY", "{vault://nobody/a/b}")
        .variable("X_INVALID", "{vault://}")
        .variable("X_LATIN", OsStr::from_bytes(b"{vault://my-v2/\xe9/x}"));
    let run = cli.run(&print("touch started"));
    run.fails(
        1,
        &[
            "error: could not resolve 6 of 7 references of the environment",
            "  X_DENIED: could not resolve {vault://my-v2/other/x}: vault `my-v2`...",
            "  X_INVALID: could not resolve {vault://}: invalid reference at byte 9...",
            "  X_LATIN: the reference is not UTF-8",
            "  X_MISSING: could not resolve {vault://my-v2/texts/db/none}: vault `my-v2`...",
            "  X_NOBODY: could not resolve {vault://nobody/a/b}: vault `nobody`...",
            "  X_UNKNOWN: could not resolve {vault://mv-v2/texts/db/user}: no vault has the prefix `mv-v2`...",
        ],
    );
    assert!(!cli.files().contains(&"started".to_owned()));
}

#[test]
fn a_value_that_no_variable_can_hold() {
    api().write_kv2("secret", "exec/nul", &json!({"name": "canary\0"}));
    let cli = ready().variable("X_NUL", "{vault://my-v2/exec/nul/name}");
    cli.run(&print("touch started")).fails(
        1,
        &[
            "error: could not put a value into the environment",
            "  X_NUL: the value holds a NUL byte, which no variable can",
        ],
    );
    assert!(!cli.files().contains(&"started".to_owned()));
}

#[test]
fn a_command_that_cannot_be_run() {
    let cli = ready().file("file", "no program").file("script", "#!/no/such/interpreter\n");
    chmod(&cli.path("file"), 0o644);
    chmod(&cli.path("script"), 0o755);
    let exec = |command: &str| cli.run(&["-c", "kong.yaml", "exec", "--", command]);
    exec("no-such-command").fails(127, &["error: could not run no-such-command", "  No such file..."]);
    exec("./file").fails(126, &["error: could not run ./file", "  Permission denied..."]);
    exec("./script").fails(127, &["error: could not run ./script", "  No such file..."]);
}

#[test]
fn a_warning_comes_behind_the_error_of_a_command_that_cannot_be_run() {
    let cli = ready();
    let config = String::from_utf8(cli.read("kong.yaml").unwrap()).unwrap();
    let config = config.replace("token: ${{ env \"DECK_HCV_TOKEN\" }}", "token_file: token");
    assert!(config.contains("token_file"), "{config}");
    let cli = cli
        .file("kong.yaml", config)
        .file("token", ROOT)
        .variable("X_NAME", "{vault://my-v2/exec/app/name}")
        .file("script", "#!/no/such/interpreter\n")
        .file("plain", "no program");
    chmod(&cli.path("script"), 0o755);
    chmod(&cli.path("plain"), 0o644);
    chmod(&cli.path("token"), 0o644);
    for (command, code) in [("no-such-command", 127), ("./script", 127), ("./plain", 126)] {
        let run = cli.run(&["-c", "kong.yaml", "exec", "--", command]);
        assert!(run.code == code && run.stderr.starts_with("error: could not run"), "{run:?}");
        assert!(run.stderr.contains("\nwarning: "), "{run:?}");
    }
}

#[test]
fn tokens_that_were_minted_here_are_given_back_before_the_command_runs() {
    let server = Builder::dev().root_token(ROOT).start();
    let api = server.api();
    api.must("POST", "sys/auth/approle", &json!({"type": "approle"}));
    api.policy("reader", "path \"secret/data/*\" { capabilities = [\"read\"] }");
    api.must("POST", "auth/approle/role/app", &json!({"token_policies": ["reader"], "token_ttl": "1h"}));
    let role = api.get("auth/approle/role/app/role-id").1["data"]["role_id"].as_str().unwrap().to_owned();
    let secret = api.must("POST", "auth/approle/role/app/secret-id", &json!({}));
    let secret = secret["data"]["secret_id"].as_str().unwrap();
    api.write_kv2("secret", "exec", &json!({"name": "canary-name"}));
    let config = format!(
        "vaults:\n- name: hcv\n  prefix: my-v2\n  config: {{ address: '{}', kv: v2, auth_method: approle, \
         approle_role_id: {role}, approle_secret_id: {secret} }}\n",
        server.address()
    );
    let cli = Cli::new().file("kong.yaml", config).variable("X_NAME", "{vault://my-v2/exec/name}");
    let accessors = || api.list("auth/token/accessors").1["data"]["keys"].as_array().unwrap().len();
    let before = accessors();
    let run = cli.run(&print("echo $X_NAME"));
    run.prints("canary-name\n");
    assert_eq!(accessors(), before, "a token is left");
}
