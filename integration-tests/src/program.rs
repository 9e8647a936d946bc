//! A program under test that serves, such as one of the examples: started as a user starts it, and ended with its
//! value, also where the test is killed.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::server::Process;

/// How long a program may take to serve.
const START: Duration = Duration::from_secs(30);

/// What a program prints before the address that it serves at.
const SAYS: &str = "listening on ";

/// A running program that has said `listening on <url>`.
pub struct Program {
    process: Process,
    address: String,
}

impl Program {
    /// Starts it and waits until it accepts connections.
    ///
    /// # Panics
    /// It does not start; the message has what it printed.
    #[must_use]
    pub fn start(binary: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let process =
            Process::spawn(binary.as_ref(), &arguments, None).unwrap_or_else(|error| panic!("{error}"));
        let address = process.wait_for_line(SAYS, START).map(|line| line.replace(SAYS, ""));
        let address = address.unwrap_or_else(|error| panic!("{error}; the program said:\n{}", process.log()));
        let program = Self { process, address };
        let deadline = Instant::now() + START;
        while TcpStream::connect(program.host_and_port()).is_err() {
            assert!(
                Instant::now() < deadline,
                "{} is not served; it said:\n{}",
                program.address,
                program.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        program
    }

    /// Where it serves: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// [`address`](Self::address) without its scheme.
    #[must_use]
    pub fn host_and_port(&self) -> &str {
        self.address.split_once("://").map_or(&*self.address, |(_, rest)| rest)
    }

    /// What it printed, the last lines of it.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until it has printed a line with `text` in it: what it prints arrives a moment later.
    ///
    /// # Panics
    /// It does not; the message has what it printed instead.
    pub fn says(&self, text: &str) {
        let line = self.process.wait_for_line(text, START);
        line.unwrap_or_else(|error| panic!("{error}; the program said:\n{}", self.log()));
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Panics
    /// It does not run.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it ends by itself.
    pub fn wait(&self) {
        self.process.wait();
    }
}
