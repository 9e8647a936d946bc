//! Runs the real binary in an empty directory with an empty environment, and looks for secrets in what it says.
//!
//! Every run of this suite happens twice, the second time with every log there is turned on. Tokens and values of
//! the tests hold the word `canary`, which may only appear where a command that prints values succeeds.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The word, and how its base64 looks at each alignment.
const CANARIES: [&str; 4] = ["canary", "Y2FuYXJ5", "NhbmFye", "jYW5hcn"];

/// The commands that print values.
const PRINT_VALUES: [&str; 4] = ["get", "resolve", "render", "exec"];

pub(crate) struct Cli {
    dir: TempDir,
    variables: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
}

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), variables: Vec::new(), stdin: Vec::new() }
    }

    /// Puts a file into the working directory.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().into()));
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// What a file of the working directory holds; none where there is no such file.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.path(name)).ok()
    }

    /// The names of all files in the working directory.
    pub(crate) fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Where a file of the working directory is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the command, quietly and then with all logs, and gives the quiet run.
    #[track_caller]
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Run {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let quiet = self.once(&args, false);
        let loud = self.once(&args, true);
        assert_eq!(quiet.code, loud.code, "{args:?}: {quiet:?}, with logs {loud:?}");
        quiet
    }

    #[track_caller]
    pub(crate) fn once(&self, args: &[&OsStr], loud: bool) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command.current_dir(&self.dir).env_clear().envs(self.variables.iter().cloned());
        if loud {
            command.arg("-vv").envs([
                ("STRONGROOM_LOG", "trace"),
                ("RUST_LOG", "trace"),
                ("RUST_BACKTRACE", "1"),
            ]);
        }
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // A command that does not read its input ends before all of it is written.
            scope.spawn(move || drop(stdin.write_all(&self.stdin)));
            child.wait_with_output().unwrap()
        });
        let code = output.status.code().expect("ended by a signal");
        let stderr = String::from_utf8(output.stderr).unwrap();
        let prints_value =
            code == 0 && PRINT_VALUES.iter().any(|command| args.contains(&OsStr::new(command)));
        assert_no_canary(&format!("standard error of {args:?}"), stderr.as_bytes());
        if !prints_value {
            assert_no_canary(&format!("standard output of {args:?}"), &output.stdout);
        }
        Run { code, stdout: output.stdout, stderr }
    }
}

#[track_caller]
fn assert_no_canary(place: &str, said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    for canary in CANARIES {
        assert!(!said.to_lowercase().contains(&canary.to_lowercase()), "a secret is in the {place}: {said}");
    }
}

impl Run {
    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts success and a value.
    #[track_caller]
    pub(crate) fn prints(&self, stdout: &str) {
        assert_eq!((self.code, self.stdout()), (0, stdout), "{self:?}");
    }

    /// Asserts a failure to resolve, one of whose causes has this text in it, and nothing on standard output.
    #[track_caller]
    pub(crate) fn fails_with(&self, code: i32, text: &str) {
        assert_eq!((self.code, self.stdout()), (code, ""), "{self:?}");
        let mut lines = self.stderr.lines();
        assert!(
            lines.next().is_some_and(|top| top.starts_with("error: could not resolve {vault://")),
            "{self:?}"
        );
        assert!(lines.any(|line| line.starts_with("  ") && line.contains(text)), "no `{text}` in {self:?}");
    }

    /// Asserts a failure whose explanation has these lines, in order, and nothing on standard output. A line that
    /// ends in `...` only has to begin so.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, lines: &[&str]) {
        assert_eq!((self.code, self.stdout()), (code, ""), "{self:?}");
        let said: Vec<&str> = self.stderr.lines().collect();
        let matches = |said: &str, expected: &str| match expected.strip_suffix("...") {
            Some(start) => said.starts_with(start),
            None => said == expected,
        };
        let same =
            said.len() == lines.len() && said.iter().zip(lines).all(|(said, line)| matches(said, line));
        assert!(same, "expected {lines:#?}, got {said:#?}");
    }
}

/// Sets the mode of a file.
#[cfg(unix)]
pub(crate) fn chmod(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
#[should_panic(expected = "a secret is in the log")]
fn a_leak_would_be_noticed() {
    assert_no_canary("log", b"the token is s.CANARY-1");
}

#[test]
#[should_panic(expected = "a secret is in the log")]
fn an_encoded_leak_would_be_noticed() {
    assert_no_canary("log", b"Authorization: Basic dTpjYW5hcnk=");
}

#[test]
fn the_loud_run_is_loud() {
    let cli = Cli::new().variable("COLOUR", "canary");
    let loud = cli.once(&["get", "env/colour"].map(OsStr::new), true);
    assert!(loud.stderr.contains(" DEBUG ") && loud.stderr.contains("strongroom_core"), "{loud:?}");
}
