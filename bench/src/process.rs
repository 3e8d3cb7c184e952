//! A worker as its director sees it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::samples::Tally;
use crate::subjects::Subject;

/// Where compiled components are kept, so that a run leaves nothing elsewhere.
pub(crate) const COMPILED_DIRECTORY: &str = "LARDER_COMPILED_DIR";

/// A process at work on a subject.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a worker; it has opened its subject when this returns.
    pub(crate) fn start(subject: Subject, scratch: &Path, directory: &Path, seed: u64) -> Result<Self> {
        let mut command = if subject == Subject::Diskcache { python() } else { this_program()? };
        if subject != Subject::Diskcache {
            command.arg("worker").arg(clap::ValueEnum::to_possible_value(&subject).context("no name")?.get_name());
        }
        command
            .arg(directory)
            .arg(seed.to_string())
            .env(COMPILED_DIRECTORY, scratch.join("compiled"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} can not be started", subject.name()))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut worker = Self { child, input, output };
        worker.answer()?;
        Ok(worker)
    }

    /// Tells the worker what to do, without waiting until it is done.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the worker has been stopped")?;
        writeln!(input, "{line}").context("the worker does not listen")
    }

    /// Waits until it is done.
    pub(crate) fn answer(&mut self) -> Result<Tally> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the worker ended: {}", self.child.wait()?);
        }
        serde_json::from_str(&line).context("the worker's answer is not understood")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its end is only waited for, so that it does not disturb what is measured next.
        let _ = self.child.wait();
    }
}

/// This program, to be run again in another role.
pub(crate) fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe().context("the path of this program is unknown")?))
}

fn python() -> Command {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("diskcache_worker.py"));
    python
}
