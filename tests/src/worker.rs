//! Worker processes: `larder-worker` doing one job, watched by a test.

use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// A running worker. Killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts `program` (the path of `larder-worker`) with a job, a directory and more arguments.
    pub fn start(program: &str, job: &str, directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .arg(job)
            .arg(directory)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for whoever watches it.
            .process_group(0)
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, output }
    }

    /// The next line the worker prints; none once it has ended.
    pub fn line(&mut self) -> Option<String> {
        self.output.next().map(Result::unwrap)
    }

    /// The next line, which must be this one.
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Tells the worker to go on, by a line on its standard input.
    pub fn proceed(&mut self) {
        writeln!(self.input.as_mut().unwrap(), "go").unwrap();
    }

    /// Waits for the end of the worker, which must be a success.
    pub fn finish(mut self) {
        self.input = None;
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the worker ended with {status}");
    }

    /// Ends the worker with SIGKILL.
    pub fn kill(&mut self) -> ExitStatus {
        // Fails if it has ended by itself, which the status then tells.
        let _ = self.child.kill();
        self.child.wait().unwrap()
    }

    /// Stops the worker in whatever it does, until [`Worker::resume`].
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets a paused worker go on.
    pub fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// What the worker has printed and nobody has read, up to its end.
    pub fn rest(&mut self) -> Vec<String> {
        // The last line may be cut where the worker was killed.
        self.output.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
