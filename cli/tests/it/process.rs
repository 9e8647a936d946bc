//! Usage, exit status and the two output streams.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::harness::Cli;

#[test]
fn wrong_usage_exits_with_2_and_says_why_on_standard_error() {
    let cli = Cli::new();
    for args in [
        &["frobnicate"][..],
        &["get"],
        &["get", "env/A", "env/B"],
        &["get", "env/A", "--jsno"],
        &["parse"],
        &["parse", "env/A", "--lines"],
        &["completions", "tcsh"],
        &["--config"],
        &["--config", "", "check"],
        &["resolve"],
        &["resolve", "a.yaml", "--format", "ini"],
        &["render", "a", "--mode", "0600"],
        &["render", "a", "-o", "b", "--mode", "rw"],
        &["render", "a", "-o", "b", "--mode", "4755"],
        &["exec"],
        &["exec", "env"],
        &["check", "--format", "yaml"],
    ] {
        let run = cli.run(args);
        assert_eq!((run.code, run.stdout()), (2, ""), "{args:?}");
        assert!(run.stderr.starts_with("error: "), "{args:?}: {}", run.stderr);
    }
    assert!(cli.run(&["get", "env/A", "--jsno"]).stderr.contains("'--json'"), "a suggestion");
}

#[test]
fn without_a_command_the_help_is_on_standard_error() {
    let run = Cli::new().once(&[], false);
    assert_eq!((run.code, run.stdout()), (2, ""));
    assert!(run.stderr.starts_with("error: no command is given\n\n"), "{}", run.stderr);
    assert!(run.stderr.contains("Usage: strongroom"), "{}", run.stderr);
}

#[test]
fn help_and_version_are_results() {
    let cli = Cli::new();
    for command in ["get", "parse", "resolve", "render", "exec", "check", "schema", "completions"] {
        let run = cli.run(&[command, "--help"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{command}");
        assert!(run.stdout().contains("Examples:"), "{command} has no example");
        assert!(run.stdout().lines().all(|line| line.chars().count() <= 120), "{command}");
    }
    assert_eq!(cli.run(&["--help"]).code, 0);
    let version = cli.run(&["--version"]);
    version.prints(concat!("strongroom ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn no_control_character_of_an_argument_reaches_the_terminal() {
    let cli = Cli::new();
    for args in [["get", "env/\u{1b}[2Ja"], ["get", "--\u{1b}[2Ja"], ["completions", "\u{1b}[2Ja"]] {
        let run = cli.run(&args);
        assert!(!run.stderr.contains('\u{1b}') && run.stderr.contains(r"\u{1b}"), "{}", run.stderr);
    }
}

#[test]
fn arguments_that_are_no_text_are_wrong_usage() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;

        let run = Cli::new().run(&[OsStr::new("get"), OsStr::from_bytes(b"env/\xff")]);
        assert_eq!(run.code, 2);
    }
}

#[test]
fn a_value_is_printed_as_it_is_and_a_line_end_behind_it() {
    let cli = Cli::new().variable("A", "  canary: a\n ").variable("EMPTY", "");
    cli.run(&["get", "env/a"]).prints("  canary: a\n \n");
    cli.run(&["get", "{vault://env/a}", "--no-newline"]).prints("  canary: a\n ");
    cli.run(&["get", "env/empty"]).prints("\n");
    cli.run(&["get", "env/empty", "--no-newline"]).prints("");
}

#[test]
fn json_has_the_value_and_when_it_was_read() {
    let cli = Cli::new().variable("A", "canary \"1\"");
    let run = cli.run(&["get", "env/a", "--json"]);
    let object = run.json();
    assert_eq!(object["reference"], "{vault://env/a}");
    assert_eq!((&object["value"], &object["version"]), (&"canary \"1\"".into(), &serde_json::Value::Null));
    let time = object["fetched_at"].as_str().unwrap();
    assert!(time.len() == 24 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    assert_eq!(object.as_object().unwrap().keys().len(), 4);
    assert!(run.stdout().ends_with("}\n"));
    assert!(cli.run(&["get", "env/a", "--json", "--no-newline"]).stdout().ends_with('}'));
}

#[cfg(unix)]
#[test]
fn json_of_bytes_that_are_no_text_is_base64() {
    use std::os::unix::ffi::OsStrExt;

    let cli = Cli::new().variable("A", OsStr::from_bytes(b"\xff\xfe"));
    let object = cli.run(&["get", "env/a", "--json"]).json();
    assert_eq!(object["value_base64"], "//4=");
    assert!(object.get("value").is_none());
    assert_eq!(cli.run(&["get", "env/a"]).stdout, b"\xff\xfe\n");
}

#[test]
fn an_error_has_its_cause_on_the_next_line() {
    let cli = Cli::new();
    cli.run(&["get", "env/no-such-thing"]).fails(
        1,
        &[
            "error: could not resolve {vault://env/no-such-thing}",
            "  vault `env` (env): the environment variable `NO_SUCH_THING` is not set",
        ],
    );
    cli.run(&["get", "env"])
        .fails(1, &["error: could not resolve env", "  invalid reference at byte 3: no resource..."]);
    cli.run(&["get", "env/a?ttl=x"]).fails(
        1,
        &[
            "error: could not resolve {vault://env/a?ttl=x}",
            "  vault `env` (env): option `ttl`: expected seconds...",
        ],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let cli = Cli::new();
    for args in [
        &["get", "env/A"][..],
        &["get", "env/A", "--json"],
        &["parse", "env/A"],
        &["check", "--json"],
        &["schema"],
        &["completions", "zsh"],
        &["--help"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
            .args(args)
            .current_dir(cli.path(""))
            .env_clear()
            .env("A", "x")
            .stdout(File::options().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(
            said.contains("error: could not write to standard output\n  No space left"),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn a_reader_that_went_away_is_an_error() {
    let mut child = strongroom(&["parse", "--lines"]);
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let line = "\"{vault://env/a}\"\n".repeat(10_000);
    let _ = stdin.write_all(line.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: could not write to standard output\n"), "{said}");
}

#[test]
fn whoever_waits_for_an_answer_gets_it_before_asking_again() {
    let mut child = strongroom(&["parse", "--lines"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        stdin.write_all(b"\"{vault://env/a}\"\n").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(answer.starts_with("{\"ok\":true"), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

fn strongroom(args: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn logs_are_ours_alone_and_only_on_demand() {
    let cli = Cli::new().variable("A", "x").variable("RUST_LOG", "trace");
    assert_eq!(cli.once(&["get", "env/A"].map(OsStr::new), false).stderr, "");
    let cli = Cli::new().variable("A", "x").variable("STRONGROOM_LOG", "debug");
    let run = cli.once(&["get", "env/A"].map(OsStr::new), false);
    // A span may stand between the level and what says it.
    let is_ours = |line: &str| line.contains(" DEBUG ") && line.contains(" strongroom_");
    assert!(run.stderr.lines().all(is_ours), "{}", run.stderr);
    assert!(!run.stderr.is_empty());
    let cli = Cli::new().variable("A", "x").variable("STRONGROOM_LOG", "error");
    let before = cli.once(&["-v", "get", "env/A"].map(OsStr::new), false).stderr;
    let behind = cli.once(&["get", "env/A", "-v"].map(OsStr::new), false).stderr;
    assert!(before.contains("DEBUG") && behind.contains("DEBUG"), "arguments win, wherever they stand");
}

#[test]
fn a_level_that_does_not_exist_is_wrong_configuration() {
    for level in ["loud", "3", "strongroom=debug"] {
        let cli = Cli::new().variable("STRONGROOM_LOG", level);
        let run = cli.once(&["schema".as_ref()], false);
        run.fails(2, &["error: variable STRONGROOM_LOG: expected off, error, warn, info, debug or trace"]);
    }
    let cli = Cli::new().variable("STRONGROOM_LOG", "");
    assert_eq!(cli.once(&["schema".as_ref()], false).code, 0, "empty is unset");
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = Cli::new().run(&["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{shell}");
        for word in [
            "get",
            "parse",
            "resolve",
            "render",
            "exec",
            "check",
            "schema",
            "completions",
            "no-newline",
            "config",
            "embedded",
            "env-file",
            "keep-credentials",
            "references",
            "mode",
            "output",
        ] {
            assert!(run.stdout().contains(word), "{shell} does not know {word}");
        }
    }
}

/// Some of these are too few for the runtime, some for a connection, and none is a reason to panic.
#[cfg(target_os = "linux")]
#[test]
fn too_few_file_descriptors_are_an_error() {
    let cli = Cli::new();
    let mut said = String::new();
    for limit in 4..=12 {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -n {limit}; exec \"$0\" get hcv/a/b")])
            .arg(env!("CARGO_BIN_EXE_strongroom"))
            .current_dir(cli.path(""))
            .env_clear()
            .env("VAULT_ADDR", "http://127.0.0.1:9")
            .env("VAULT_TOKEN", "t")
            .env("STRONGROOM_VAULT_HCV_RETRIES", "0")
            .output()
            .unwrap();
        said = String::from_utf8(output.stderr).unwrap();
        assert!(
            matches!(output.status.code(), Some(1 | 3)) && said.starts_with("error: "),
            "{limit}: {said}"
        );
        assert!(limit > 6 || said.contains("could not start the runtime\n  "), "{limit}: {said}");
    }
    assert!(said.contains("connection refused"), "{said}");
}
