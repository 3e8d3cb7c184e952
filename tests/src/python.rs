//! The real python-diskcache.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A Python program that can import diskcache.
fn command(program: &str) -> Command {
    let python = std::env::var_os("LARDER_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(&python);
    command.args(["-B", "-c", program]);
    if std::env::var_os("PYTHONPATH").is_none() {
        // Where `cargo xtask setup` puts it.
        command.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python"));
    }
    command
}

/// Runs a Python program, which must succeed and can import diskcache; returns what it prints.
pub fn run(program: &str, arguments: &[&Path]) -> String {
    let output = command(program).args(arguments).output().unwrap_or_else(|error| panic!("python: {error}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "python needs the package diskcache 5.6.3: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A Python program that answers each line it is told with one.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    /// Starts a program, which can import diskcache.
    pub fn start(program: &str, arguments: &[&OsStr]) -> Self {
        let mut command = command(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("python: {error}"));
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    /// Tells it a line, and returns its answer; none once it has ended.
    pub fn ask(&mut self, line: &str) -> Option<String> {
        writeln!(self.input, "{line}").ok()?;
        self.output.next()?.ok()
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Fails if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
