//! A worker as its director sees it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;

use crate::subjects::Subject;
use crate::tasks::Timed;

/// Who does tasks.
const TASKED: [Subject; 2] = [Subject::Larder, Subject::Diskcache];

/// Where compiled components are kept, so that a run leaves nothing elsewhere.
pub(crate) const COMPILED_DIRECTORY: &str = "LARDER_COMPILED_DIR";

/// A process at work.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a worker that does operations on a subject; it has opened it when this returns.
    pub(crate) fn start(subject: Subject, scratch: &Path, directory: &Path, seed: u64) -> Result<Self> {
        let mut command = if subject == Subject::Diskcache { python("diskcache_worker.py") } else { this_program()? };
        if subject != Subject::Diskcache {
            command.arg("worker").arg(clap::ValueEnum::to_possible_value(&subject).context("no name")?.get_name());
        }
        Self::spawn(subject, command.arg(directory).arg(seed.to_string()), scratch)
    }

    /// Starts a worker that does tasks on a whole cache; it has opened it when this returns.
    pub(crate) fn start_tasks(subject: Subject, scratch: &Path, directory: &Path) -> Result<Self> {
        let mut command = match subject {
            Subject::Larder => this_program()?,
            Subject::Diskcache => python("diskcache_tasks.py"),
            other => bail!("{} does no tasks", other.name()),
        };
        if subject == Subject::Larder {
            command.arg("tasks");
        }
        Self::spawn(subject, command.arg(directory), scratch)
    }

    fn spawn(subject: Subject, command: &mut Command, scratch: &Path) -> Result<Self> {
        command.env(COMPILED_DIRECTORY, scratch.join("compiled")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} can not be started", subject.name()))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let mut worker = Self { child, input, output };
        worker.answer::<serde_json::Value>()?;
        Ok(worker)
    }

    /// Tells the worker what to do, without waiting until it is done.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("the worker has been stopped")?;
        writeln!(input, "{line}").context("the worker does not listen")
    }

    /// Has a worker do a task, which must come to so many entries.
    pub(crate) fn perform(&mut self, task: &str, number: u64, expected: u64) -> Result<Timed> {
        self.tell(&format!("{task} {number}"))?;
        let timed: Timed = self.answer()?;
        ensure!(timed.count == expected, "{task} came to {} entries, not {expected}", timed.count);
        Ok(timed)
    }

    /// Waits until it is done.
    pub(crate) fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
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

/// Those who do tasks and can be measured here.
pub(crate) fn available(scratch: &Path) -> Vec<Subject> {
    let is_there = |subject: &Subject| match Worker::start_tasks(*subject, scratch, &scratch.join("available")) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("{} is not measured: {error:#}", subject.name());
            false
        }
    };
    TASKED.into_iter().filter(is_there).collect()
}

/// Waits until all that was written is on the disk, so that nobody pays for what was there before.
pub(crate) fn settle() -> Result<()> {
    let status = Command::new("sync").status().context("sync can not be started")?;
    ensure!(status.success(), "sync failed: {status}");
    Ok(())
}

/// This program, to be run again in another role.
pub(crate) fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe().context("the path of this program is unknown")?))
}

/// Python, to run a program that lies beside this crate.
fn python(program: &str) -> Command {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(program));
    python
}
