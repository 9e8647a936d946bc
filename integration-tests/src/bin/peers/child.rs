//! Processes beside this one, which end with it.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// This program once more, with other work to do. It ends when its input does, and so with this value.
pub(crate) struct Again {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Again {
    pub(crate) fn start(words: &[&str]) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()).args(words))
    }

    /// The same with any other program that ends with its input.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the child process ended: {:?}", self.child.wait());
        line.trim_end().to_owned()
    }

    /// What it is to read.
    pub(crate) fn input(&mut self) -> &mut ChildStdin {
        self.input.as_mut().unwrap()
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
