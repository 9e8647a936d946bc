//! `cargo quickstart`: a real server, a secret in it, a configuration as Kong writes it, and the real command line that
//! reads the secret. The value is the last line of standard output; all that is told besides goes to standard error.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};
use strongroom_integration_tests::{Builder, Server, binary};

const USAGE: &str = "\
Starts an OpenBao server, stores a secret in it, and reads it with Strongroom's command line.

Usage: cargo quickstart [--keep]

  --keep  leave the server running until Ctrl-C, to try more
  --help  print this";

const REFERENCE: &str = "{vault://hashicorp-vault/customer/acme/name}";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let keep = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--keep"] => true,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("error: unknown arguments: {}\n\n{USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match run(keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(keep: bool) -> Result<(), String> {
    let server = start()?;
    let file = configure(&server)?;
    let strongroom = build()?;
    let words = |words: &[&str]| -> Vec<OsString> {
        [OsString::from("--config"), from_here(&file).into()]
            .into_iter()
            .chain(words.iter().map(Into::into))
            .collect()
    };
    step("Is the vault there, does its token work?");
    call(&strongroom, &words(&["check"]), Shown::OnTheSide)?;
    step("Read the secret, as JSON and as it is");
    call(&strongroom, &words(&["get", "--json", REFERENCE]), Shown::OnTheSide)?;
    call(&strongroom, &words(&["get", REFERENCE]), Shown::AsResult)?;

    if keep {
        step("Store a certificate and its key, for the example of a TLS server");
        server.certify_localhost()?;
        eprintln!("# secret/tls/localhost has `certificate` and `private_key`");
        eprintln!("\nThe server runs until you press Ctrl-C. In another terminal:\n");
        eprintln!("  export VAULT_ADDR={} VAULT_TOKEN={}", server.address(), server.token());
        let name = quoted(from_here(&strongroom).as_os_str());
        eprintln!("  {name} get hcv/customer/acme/name      # the default vault, from these two variables");
        eprintln!("  {name} {}", shell(&words(&["get", "hashicorp-vault/customer/acme/nmae"])));
        eprintln!("  {name} {}", shell(&words(&["parse", REFERENCE])));
        eprintln!("  README.md, `Examples`: proxies and a TLS server that follow these secrets");
        server.wait();
        return Err("the server ended by itself".into());
    }
    drop(server);
    eprintln!("\nThe server is gone again. Where to go from here:");
    eprintln!("  cargo quickstart --keep    leaves it running, with more commands to try");
    eprintln!("  README.md                  `Five minutes to the first secret`, `What works`");
    eprintln!("  cargo test --workspace     everything, against servers like this one");
    Ok(())
}

fn start() -> Result<Server, String> {
    step("Start a server");
    let path = binary::find()?;
    let server = Builder::dev().root_token("root").binary(&path).try_start()?;
    let (program, port) = (quoted(from_here(&path).as_os_str()), server.port());
    eprintln!("$ {program} server -dev -dev-root-token-id=root -dev-listen-address=127.0.0.1:{port}");
    Ok(server)
}

fn configure(server: &Server) -> Result<PathBuf, String> {
    step("Store a secret");
    let secret = json!({"data": {"name": "ACME Inc."}});
    eprintln!(
        "$ curl --header 'X-Vault-Token: root' --data '{secret}' {}/v1/secret/data/customer/acme",
        server.address()
    );
    let (status, answer) = server.api().post("secret/data/customer/acme", &secret);
    if status != 200 {
        return Err(format!("the server did not take the secret: {status} {answer}"));
    }

    let file = binary::target_directory().join("quickstart/kong.yaml");
    let text = server.kong_yaml();
    step(&format!("Declare the vault as Kong does, in {}", from_here(&file).display()));
    eprint!("{text}");
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(&file, text)
    };
    write().map_err(|error: std::io::Error| format!("could not write {}: {error}", file.display()))?;
    Ok(file)
}

/// Builds the command line with the cargo that runs this, and asks it where the program is.
fn build() -> Result<PathBuf, String> {
    step("Build the command line");
    eprintln!("$ cargo build --package strongroom-cli");
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--package", "strongroom-cli", "--message-format=json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("could not start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo build: {}", output.status));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message["target"]["name"] == "strongroom" && message["executable"].is_string())
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo built no program named `strongroom`".into())
}

enum Shown {
    OnTheSide,
    AsResult,
}

fn call(program: &Path, words: &[OsString], shown: Shown) -> Result<(), String> {
    let program = from_here(program);
    eprintln!("$ {} {}", quoted(program.as_os_str()), shell(words));
    let mut command = Command::new(program);
    command.args(words);
    // What a developer's shell has set for a vault of his own is not meant for this one.
    for (name, _) in env::vars_os() {
        if ["STRONGROOM_", "BAO_", "VAULT_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    if matches!(shown, Shown::OnTheSide) {
        command.stdout(std::io::stderr());
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the command above failed ({status})")),
        Err(error) => Err(format!("could not start it: {error}")),
    }
}

fn step(title: &str) {
    eprintln!("\n# {title}");
}

/// The path as one would type it in the working directory.
fn from_here(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    // A bare file name would be looked up on the PATH.
    match path.strip_prefix(here) {
        Ok(relative) if relative.components().count() > 1 => relative.to_owned(),
        _ => path.to_owned(),
    }
}

fn shell(words: &[OsString]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &std::ffi::OsStr) -> String {
    let word = word.to_string_lossy();
    if word.chars().all(|char| char.is_ascii_alphanumeric() || "-_./:=".contains(char)) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
