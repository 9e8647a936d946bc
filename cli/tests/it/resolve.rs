//! `resolve` and `check --references`: documents whose strings are references, on a real server.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::sync::OnceLock;

use serde_json::{Value, json};
use strongroom_integration_tests::Proxy;

use crate::harness::Cli;
#[cfg(unix)]
use crate::harness::chmod;
use crate::server::{self, ROOT, api, cli, cli_with, token};

/// What breaks out of quotes where nobody minds.
const HOSTILE: &str = "canary \"'\\ #: {x}\n- y\u{2028}";

fn secret() {
    api().write_kv2("secret", "texts/db", &json!({"user": "canary-user", "password": HOSTILE, "port": 5432}));
}

/// A command line with a vault `my-v2`.
fn ready() -> Cli {
    secret();
    cli(&[("my-v2", "kv: v2")])
}

/// A command line with one vault that works, one that denies and one that is not there.
pub(crate) fn with_failing_vaults() -> Cli {
    // One server, on which a token of this name is made once, however many tests run in this process.
    static TOKEN: OnceLock<String> = OnceLock::new();
    secret();
    let token = TOKEN.get_or_init(|| {
        api().policy("texts", "path \"secret/data/texts/*\" { capabilities = [\"read\"] }");
        token(api(), "texts", &["texts"])
    });
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let good = format!("address: '{}', kv: v2", server::dev().address());
    cli_with(token, &[("my-v2", good), ("nobody", format!("port: {nobody}, kv: v2, retries: 0"))])
}

const ARGS: [&str; 4] = ["-c", "kong.yaml", "resolve", "values.yaml"];

#[test]
fn a_document_keeps_everything_but_its_references() {
    let yaml = "# the shop\ndb: {user: '{vault://my-v2/texts/db/user}', port: '{vault://my-v2/texts/db/port}'} # both\n\
                password: '{vault://my-v2/texts/db/password}'\nnumber: '0123'\n";
    let cli = ready().file("values.yaml", yaml);
    cli.run(&ARGS).prints(
        "# the shop\ndb: {user: \"canary-user\", port: \"5432\"} # both\n\
         password: \"canary \\\"'\\\\ #: {x}\\n- y\\u2028\"\nnumber: '0123'\n",
    );
    let toml = "a = 1 # one\nb = '{vault://my-v2/texts/db/user}'\n";
    let cli =
        cli.file("values.toml", toml).file("values.json", "{\"a\" : \"{vault://my-v2/texts/db/password}\"}");
    cli.run(&["-c", "kong.yaml", "resolve", "values.toml"]).prints("a = 1 # one\nb = \"canary-user\"\n");
    let run = cli.run(&["-c", "kong.yaml", "resolve", "values.json"]);
    assert_eq!(run.json(), json!({"a": HOSTILE}));
}

#[test]
fn references_inside_longer_strings_are_replaced_on_demand() {
    let text = "url: postgres://{vault://my-v2/texts/db/user}@db:{vault://my-v2/texts/db/port}/\nliteral: '{{vault://x'\n";
    let cli = ready().file("values.yaml", text);
    cli.run(&ARGS).prints(text);
    cli.run(&["-c", "kong.yaml", "resolve", "--embedded", "values.yaml"])
        .prints("url: \"postgres://canary-user@db:5432/\"\nliteral: \"{vault://x\"\n");
}

#[test]
fn standard_input_needs_a_format() {
    let cli = ready().stdin("- '{vault://my-v2/texts/db/user}'\n");
    cli.run(&["-c", "kong.yaml", "resolve", "-", "--format", "yaml"]).prints("- \"canary-user\"\n");
    cli.run(&["-c", "kong.yaml", "resolve", "-"]).fails(
        2,
        &["error: the format of standard input is not known", "  name it with --format yaml, toml or json"],
    );
}

const FAILING: &str = "services:\n- name: a\n- auth: {password: '{vault://my-v2/texts/db/password}'}\n\
                       - auth:\n    unknown: '{vault://mv-v2/texts/db/user}'\n    missing: '{vault://my-v2/texts/db/pasword}'\n\
                       \x20   denied: '{vault://my-v2/other/db/user}'\n    unreachable: '{vault://nobody/texts/db/user}'\n\
                       \x20   invalid: '{vault://my-v2/texts;db/user}'\n    unquoted: {vault://my-v2/texts/db/user}\n";

#[test]
fn all_failures_are_told_together_and_nothing_is_written() {
    let cli = with_failing_vaults().file("values.yaml", FAILING).file("out.yaml", "old\n");
    let files = cli.files();
    let run = cli.run(&["-c", "kong.yaml", "resolve", "values.yaml", "-o", "out.yaml"]);
    run.fails(
        1,
        &[
            "error: could not resolve 6 of 7 references of values.yaml",
            "  services[2].auth.unknown (values.yaml:5:14): could not resolve {vault://mv-v2/texts/db/user}: no vault has \
             the prefix `mv-v2`; did you mean `my-v2`?...",
            "  services[2].auth.missing (values.yaml:6:14): could not resolve {vault://my-v2/texts/db/pasword}: vault \
             `my-v2` (hcv, ...",
            "  services[2].auth.denied (values.yaml:7:13): could not resolve {vault://my-v2/other/db/user}: vault `my-v2` \
             (hcv, ...",
            "  services[2].auth.unreachable (values.yaml:8:18): could not resolve {vault://nobody/texts/db/user}: vault \
             `nobody` (hcv, ...",
            "  services[2].auth.invalid (values.yaml:9:14): could not resolve {vault://my-v2/texts;db/user}: invalid \
             reference at byte 20, `;`...",
            "  services[2].auth.unquoted (values.yaml:10:15): the reference `{vault://my-v2/texts/db/user...` stands \
             without quotes, where YAML takes it for a mapping: put it between quotes",
        ],
    );
    for reason in ["no such key `pasword`", "permission denied (HTTP 403", "connection refused"] {
        assert!(run.stderr.contains(reason), "no `{reason}` in {}", run.stderr);
    }
    assert_eq!((cli.read("out.yaml").unwrap(), cli.files()), (b"old\n".to_vec(), files));
}

#[test]
fn what_may_pass_is_worth_trying_again_only_where_all_of_it_may() {
    let unreachable = "a: '{vault://nobody/a/b}'\nb: '{vault://nobody/c/d}'\n";
    let cli = with_failing_vaults().file("values.yaml", unreachable);
    assert_eq!(cli.run(&ARGS).code, 3);
    assert_eq!(cli.run(&["-c", "kong.yaml", "check", "--references", "values.yaml"]).code, 3);
    let cli = cli.file("values.yaml", format!("{unreachable}c: '{{vault://my-v2/texts/db/none}}'\n"));
    assert_eq!(cli.run(&ARGS).code, 1);
}

#[test]
fn a_value_that_is_no_text_is_named_by_its_field() {
    api().write_kv2("secret", "texts/bytes", &json!({"raw": "//4="}));
    let cli = ready().file("values.yaml", "tls:\n  key: '{vault://my-v2/texts/bytes/raw?base64_decode}'\n");
    cli.run(&ARGS).fails(
        1,
        &[
            "error: could not resolve 1 of 1 reference of values.yaml",
            "  tls.key (values.yaml:2:8): could not resolve {vault://my-v2/texts/bytes/raw?base64_decode}: the value is \
             not UTF-8, which text in a document has to be",
        ],
    );
    assert_eq!(cli.run(&["-c", "kong.yaml", "check", "--references", "values.yaml"]).code, 1);
}

#[test]
fn placeholders_of_deck_stay_and_no_value_becomes_one() {
    api().write_kv2("secret", "texts/deck", &json!({"value": "canary ${{ env \"DECK_X\" }}"}));
    let text =
        "services:\n- { host: ${{ env \"DECK_HOST\" }}, key: '{vault://my-v2/texts/deck/value}' } # ${{\n";
    let cli = ready().file("values.yaml", text);
    cli.run(&ARGS).prints(
        "services:\n- { host: ${{ env \"DECK_HOST\" }}, key: \"canary \\u0024{{ env \\\"DECK_X\\\" }}\" } # ${{\n",
    );
}

#[test]
fn what_cannot_be_read_is_wrong_usage() {
    let cli = ready()
        .file("broken.yaml", "a: [canary\n")
        .file("key.yaml", "a: &x '{vault://my-v2/texts/db/user}'\n*x : b\n")
        .file("latin.yaml", b"a: \xe9canary\n")
        .file("values.ini", "a = canary\n");
    let resolve = |file: &str| cli.run(&["-c", "kong.yaml", "resolve", file]);
    resolve("none.yaml").fails(2, &["error: could not read none.yaml", "  No such file..."]);
    resolve("broken.yaml").fails(2, &["error: could not read broken.yaml", "  broken.yaml:2:1: ..."]);
    resolve("latin.yaml").fails(2, &["error: could not read latin.yaml", "  it is not UTF-8 text"]);
    resolve("values.ini").fails(2, &["error: the format of values.ini is not known", "..."]);
    let run = resolve("key.yaml");
    assert_eq!((run.code, run.stdout()), (1, ""));
    assert!(
        run.stderr.contains("(key.yaml:2:1): replacing its references would make another document"),
        "{run:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_changes_at_once_and_keeps_its_mode() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let cli = ready().file("values.yaml", "a: '{vault://my-v2/texts/db/user}'\n").file("old.yaml", "old\n");
    chmod(&cli.path("old.yaml"), 0o640);
    symlink("old.yaml", cli.path("link.yaml")).unwrap();
    let mode = |name: &str| cli.path(name).metadata().unwrap().permissions().mode() & 0o777;
    for (name, expected) in [("new.yaml", 0o600), ("old.yaml", 0o640), ("link.yaml", 0o640)] {
        cli.run(&["-c", "kong.yaml", "resolve", "values.yaml", "-o", name]).prints("");
        assert_eq!(cli.read(name).unwrap(), b"a: \"canary-user\"\n");
        assert_eq!(mode(name), expected, "{name}");
    }
    assert!(cli.path("link.yaml").symlink_metadata().unwrap().is_symlink());
    assert_eq!(cli.files(), ["kong.yaml", "link.yaml", "new.yaml", "old.yaml", "values.yaml"]);
    cli.run(&["-c", "kong.yaml", "resolve", "values.yaml", "-o", "/dev/null"])
        .fails(2, &["error: could not write /dev/null", "  it is there and no regular file..."]);
    assert!(
        cli.run(&["-c", "kong.yaml", "resolve", "values.yaml", "-o", "no/such/dir"])
            .stderr
            .contains("no/such/dir")
    );
    cli.run(&["-c", "kong.yaml", "resolve", "values.yaml", "-o", "-"]).prints("a: \"canary-user\"\n");
}

#[test]
fn check_tries_every_reference_and_shows_no_value() {
    let text = "a: '{vault://my-v2/texts/db/user}'\nb: ['{vault://my-v2/texts%2Fdb/password?pointer=}', \
                '{vault://my-v2/a+b/k;x}']\nc: 'x {vault://my-v2/texts/db/port}'\n";
    let cli = with_failing_vaults().file("values.yaml", text);
    let check = ["-c", "kong.yaml", "check", "--references", "values.yaml"];
    let run = cli.run(&check);
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.stdout().lines().collect();
    assert_eq!(
        lines,
        [
            "a     ok",
            "b[0]  ok                         Kong ignores `pointer`",
            "b[1]  failed: invalid reference  Kong accepts it as prefix `my-v2`, resource `a b`, key `k`",
        ]
    );
    assert!(
        run.stderr.starts_with("error: 1 of 3 references of values.yaml failed\n  b[1] (values.yaml:2:"),
        "{run:?}"
    );

    let run = cli.run(&[&check[..], &["--embedded", "--json"]].concat());
    let found = run.json();
    let found: Vec<(&Value, &Value)> =
        found.as_array().unwrap().iter().map(|one| (&one["path"], &one["ok"])).collect();
    let yes = json!(true);
    assert_eq!(
        found,
        [(&json!("a"), &yes), (&json!("b[0]"), &yes), (&json!("b[1]"), &json!(false)), (&json!("c"), &yes)]
    );
    assert_eq!(run.json()[3]["kong"], "Kong leaves a longer text alone, whatever is in it");
    assert_eq!(run.json()[2]["error_kind"], "invalid_reference");

    let cli = cli.file("values.yaml", "a: b\n");
    let run = cli.run(&check);
    run.prints("");
    assert_eq!(run.stderr, "warning: values.yaml holds no reference\n");
}

#[test]
fn check_marks_values_that_kong_would_not_have_taken() {
    let text = "a: '{vault://my-v2/texts/db/user}'\nb: '{vault://my-v2/texts/db/port}'\n\
                c: '{vault://env/app/on}'\nd: '{vault://env/app/name#3}'\n";
    let cli = ready().file("values.yaml", text).variable("APP", r#"{"on": true, "name": "canary"}"#);
    let run = cli.run(&["-c", "kong.yaml", "check", "--references", "values.yaml"]);
    let lines: Vec<&str> = run.stdout().lines().collect();
    assert_eq!(
        lines,
        [
            "a  ok",
            "b  ok                   Kong takes strings alone, and this is a number",
            "c  ok                   Kong takes strings alone, and this is a boolean",
            "d  failed: unsupported  Kong reads the current variable, as it knows no version of one but 2",
        ]
    );
    assert_eq!(run.code, 1);
}

#[test]
fn an_unread_kong_file_is_pointed_out() {
    let cli = ready().file("values.yaml", "a: '{vault://my-v2/texts/db/user}'\n");
    let run = cli.run(&["resolve", "values.yaml"]);
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.ends_with("  a Kong file is read only where it is named: --config kong.yaml\n"),
        "{run:?}"
    );
}

/// 10,000 fields, 500 distinct references to 50 secrets.
#[test]
fn each_secret_of_a_large_document_is_read_once() {
    let proxy = Proxy::in_front_of(server::dev());
    let fields: serde_json::Map<String, Value> =
        (0..10).map(|field| (format!("f{field}"), json!(format!("canary {field}")))).collect();
    for number in 0..50 {
        api().write_kv2("secret", &format!("large-document/{number}"), &fields.clone().into());
    }
    let reference =
        |number: usize| format!("{{vault://my-v2/large-document/{}/f{}}}", number % 50, number / 50 % 10);
    let list: Vec<String> = (0..10_000)
        .map(|number| if number % 10 == 0 { reference(number / 10) } else { format!("plain {number}") })
        .collect();
    let cli = cli_with(ROOT, &[("my-v2", format!("address: '{}', kv: v2", proxy.address()))])
        .file("values.json", json!({ "list": list }).to_string());
    let args = ["-c", "kong.yaml", "resolve", "values.json"].map(OsStr::new);
    let run = cli.once(&args, false);
    let reads = proxy.requests().iter().filter(|request| request.target.contains("/large-document/")).count();
    assert_eq!(reads, 50);
    assert_eq!(run.json()["list"][4990], "canary 9");
}
