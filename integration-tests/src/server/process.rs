//! A server process that does not outlive the process that started it, however that ends, and what it printed.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Starts the server as its child, says its id, and waits for an order. The end of input in place of one means that
/// whoever started it is gone, even by SIGKILL: then nothing stays behind, neither the server nor its directory.
const WATCHDOG: &str = r#"
directory=$1; shift
"$@" </dev/null &
server=$!
echo "watchdog of $server"
exec >/dev/null 2>&1
read -r order
kill -s KILL "$server"
wait
[ "$order" = stop ] || [ -z "$directory" ] || rm -rf -- "$directory"
"#;

const WATCHDOG_SAYS: &str = "watchdog of ";

/// Lines kept of what the server prints.
const LINES: usize = 10_000;

pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    server: String,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    log: Mutex<Log>,
    grown: Condvar,
}

#[derive(Default)]
struct Log {
    lines: VecDeque<String>,
    ended: bool,
}

impl Process {
    /// `directory` is removed with the server where this process dies before it can.
    pub(crate) fn spawn(
        binary: &Path,
        arguments: &[String],
        directory: Option<&Path>,
    ) -> Result<Self, String> {
        let mut process = Self::start(binary, arguments, directory)
            .map_err(|error| format!("could not start {}: {error}", binary.display()))?;
        if cfg!(unix) {
            let line = process.wait_for_line(WATCHDOG_SAYS, Duration::from_secs(10))?;
            process.server = line.replace(WATCHDOG_SAYS, "");
        }
        Ok(process)
    }

    fn start(binary: &Path, arguments: &[String], directory: Option<&Path>) -> io::Result<Self> {
        let (source, printed) = io::pipe()?;
        let mut command = supervised(binary, directory);
        // The server reads its settings from these as well, and a developer's shell often has them.
        for (name, _) in std::env::vars_os() {
            if ["BAO_", "VAULT_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(arguments).stdin(Stdio::piped()).stdout(printed.try_clone()?).stderr(printed);
        let mut child = command.spawn()?;
        // The command holds write ends of the pipe, and the log ends only with the last of them.
        drop(command);
        let input = child.stdin.take();
        let output = Arc::<Output>::default();
        let copy = Arc::clone(&output);
        std::thread::spawn(move || copy.follow(source));
        Ok(Self { child, input, server: String::new(), output })
    }

    /// Waits until the server prints a line with `text` in it, and gives that line.
    pub(crate) fn wait_for_line(&self, text: &str, at_most: Duration) -> Result<String, String> {
        let deadline = Instant::now() + at_most;
        let mut log = self.output.log.lock().unwrap();
        loop {
            if let Some(line) = log.lines.iter().find(|line| line.contains(text)) {
                return Ok(line.clone());
            }
            if log.ended {
                return Err("the server ended".into());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("the server did not print `{text}` within {at_most:?}"));
            }
            log = self.output.grown.wait_timeout(log, left).unwrap().0;
        }
    }

    /// Waits until the server ends.
    pub(crate) fn wait(&self) {
        let log = self.output.log.lock().unwrap();
        drop(self.output.grown.wait_while(log, |log| !log.ended).unwrap());
    }

    /// The last lines that the server printed.
    pub(crate) fn log(&self) -> String {
        Vec::from_iter(self.output.log.lock().unwrap().lines.iter().cloned()).join("\n")
    }

    /// Sends a signal by its name: `HUP`, `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        // The id is not another's: the watchdog lives and has not yet waited for its child.
        let status =
            Command::new("/bin/sh").args(["-c", &format!("kill -s {name} {}", self.server)]).status();
        assert!(status.is_ok_and(|status| status.success()), "could not signal {name} to the server");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if cfg!(unix) {
            if let Some(mut input) = self.input.take() {
                let _ = input.write_all(b"stop\n");
            }
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
fn supervised(binary: &Path, directory: Option<&Path>) -> Command {
    use std::os::unix::process::CommandExt as _;

    let mut command = Command::new("/bin/sh");
    command.args(["-c", WATCHDOG, "watchdog"]).arg(directory.unwrap_or(Path::new(""))).arg(binary);
    // A Ctrl-C is for the test; the watchdog has to live to see it end.
    command.process_group(0);
    command
}

/// Without a shell the server is killed on drop alone.
#[cfg(not(unix))]
fn supervised(binary: &Path, _: Option<&Path>) -> Command {
    Command::new(binary)
}

impl Output {
    fn follow(&self, source: PipeReader) {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
            let mut log = self.log.lock().unwrap();
            if log.lines.len() == LINES {
                log.lines.pop_front();
            }
            log.lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
            drop(log);
            line.clear();
            self.grown.notify_all();
        }
        self.log.lock().unwrap().ended = true;
        self.grown.notify_all();
    }
}
