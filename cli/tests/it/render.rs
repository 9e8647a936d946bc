//! `render`: templates of any bytes, on a real server.

use serde_json::json;

use crate::harness::Cli;
#[cfg(unix)]
use crate::harness::chmod;
use crate::resolve::with_failing_vaults;
use crate::server::{api, cli};

fn ready() -> Cli {
    api().write_kv2("secret", "render/app", &json!({"name": "canary-name", "raw": "AP/+Y2FuYXJ5"}));
    cli(&[("my-v2", "kv: v2")])
}

const ARGS: [&str; 4] = ["-c", "kong.yaml", "render", "template"];

#[test]
fn every_byte_but_the_references_stays() {
    let cli = ready().file(
        "template",
        b"\xff\r\nname={vault://my-v2/render/app/name};{{vault://my-v2/x}\0{vault://my-v2/render/app/raw?base64_decode}",
    );
    let run = cli.run(&ARGS);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(run.stdout, b"\xff\r\nname=canary-name;{vault://my-v2/x}\0\0\xff\xfecanary");
    let cli = cli.stdin("{vault://my-v2/render/app/name}");
    cli.run(&["-c", "kong.yaml", "render", "-"]).prints("canary-name");
    cli.file("template", "").run(&ARGS).prints("");
}

#[test]
fn failures_name_their_lines_and_leave_the_old_file_and_nothing_else() {
    let template = "ok {vault://my-v2/texts/db/user}\n{vault://mv-v2/a/b} {vault://my-v2/texts/db/none}\n\n\
                    {vault://my-v2/other/x}\n{vault://nobody/a/b}\n{vault://my-v2/a;b}\n{vault://my-v2/open\n";
    let cli = with_failing_vaults().file("template", template).file("out", "old");
    let files = cli.files();
    let run = cli.run(&[&ARGS[..], &["-o", "out"]].concat());
    run.fails(
        1,
        &[
            "error: could not resolve 6 of 7 references of template",
            "  line 2 (template:2): could not resolve {vault://mv-v2/a/b}: no vault has the prefix `mv-v2`...",
            "  line 2 (template:2): could not resolve {vault://my-v2/texts/db/none}: vault `my-v2`...",
            "  line 4 (template:4): could not resolve {vault://my-v2/other/x}: vault `my-v2`...",
            "  line 5 (template:5): could not resolve {vault://nobody/a/b}: vault `nobody`...",
            "  line 6 (template:6): could not resolve {vault://my-v2/a;b}: invalid reference at byte ...",
            "  line 7 (template:7): could not resolve {vault://my-v2/open: invalid reference at byte ...",
        ],
    );
    assert!(run.stderr.contains("no `}` closes it on its line"), "{run:?}");
    assert_eq!((cli.read("out").unwrap(), cli.files()), (b"old".to_vec(), files));
    assert_eq!(cli.run(&[&ARGS[..], &["-o", "new"]].concat()).code, 1);
    assert_eq!(cli.read("new"), None);
}

#[cfg(unix)]
#[test]
fn the_mode_is_the_one_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let cli = ready().file("template", "{vault://my-v2/render/app/name}").file("old", "old");
    chmod(&cli.path("old"), 0o644);
    for (name, mode, expected) in [
        ("new", None, 0o600),
        ("wide", Some("0644"), 0o644),
        ("old", None, 0o644),
        ("old", Some("400"), 0o400),
    ] {
        let mut args = [&ARGS[..], &["-o", name]].concat();
        args.extend(mode.iter().flat_map(|mode| ["--mode", mode]));
        cli.run(&args).prints("");
        assert_eq!(cli.read(name).unwrap(), b"canary-name");
        assert_eq!(cli.path(name).metadata().unwrap().permissions().mode() & 0o777, expected, "{name}");
    }
}
