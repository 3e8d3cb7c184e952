//! A further process that stores files: this program again.
//!
//! It reads the files it has to store from standard input and writes a line for each one that is
//! stored, as soon as it is: how many nanoseconds that took.

use std::io::{self, BufRead, BufReader, Lines, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, iter};

use anyhow::{Context, Result, ensure};
use clap::Args;
use larder::Cache;

use crate::tree::SourceFile;

/// What the process has to do.
#[derive(Args)]
pub(crate) struct StoreArguments {
    /// The directory of the cache.
    cache: PathBuf,
    /// The top of the tree.
    root: PathBuf,
    /// Store the files again and again, each time under other keys.
    #[arg(long)]
    endlessly: bool,
}

impl StoreArguments {
    /// Does it, in the process.
    pub(crate) fn run(&self) -> Result<()> {
        let mut job = Vec::new();
        io::stdin().lock().read_to_end(&mut job)?;
        let files: Vec<SourceFile> = postcard::from_bytes(&job)?;
        let cache = Cache::builder().create(false).open(&self.cache)?;
        let mut output = io::stdout().lock();
        let rounds = if self.endlessly { usize::MAX } else { 1 };
        for (index, file) in iter::repeat_n(&files, rounds).flatten().enumerate() {
            let key = if self.endlessly { endless_key(&files, index)? } else { file.path.clone() };
            let content = file.read(&self.root)?;
            let start = Instant::now();
            cache.set_with(key, content, &file.options())?;
            writeln!(output, "{}", start.elapsed().as_nanos())?;
        }
        cache.close()?;
        Ok(())
    }
}

/// What the keys of a process that stores endlessly begin with.
pub(crate) const ENDLESS_PREFIX: &str = "again/";

/// The key under which such a process stores its `index`th value.
pub(crate) fn endless_key(files: &[SourceFile], index: usize) -> Result<String> {
    let round = index.checked_div(files.len()).context("no files")?;
    Ok(format!("{ENDLESS_PREFIX}{round}/{}", endless_file(files, index)?.path))
}

/// The file which such a process stores as its `index`th value.
pub(crate) fn endless_file(files: &[SourceFile], index: usize) -> Result<&SourceFile> {
    index.checked_rem(files.len()).and_then(|index| files.get(index)).context("no files")
}

/// The process, seen from outside. Killed when dropped.
pub(crate) struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts a process that stores files.
    pub(crate) fn start(cache: &Path, root: &Path, files: &[SourceFile], endlessly: bool) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("__store").args([cache, root]).args(endlessly.then_some("--endlessly"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting a process")?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let lines = BufReader::new(output.context("the process has no output")?).lines();
        let worker = Self { child, lines };
        let job = postcard::to_stdvec(files)?;
        input.context("the process has no input")?.write_all(&job).context("telling a process what to store")?;
        Ok(worker)
    }

    /// Waits for the next value to be stored. Returns how long storing it took, none at the end.
    pub(crate) fn next_stored(&mut self) -> Result<Option<Duration>> {
        let line = self.lines.next().transpose()?;
        // Even of a line that was cut short the value was stored before.
        Ok(line.and_then(|line| line.parse().ok()).map(Duration::from_nanos))
    }

    /// Kills the process, wherever it is: on Unix with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the process ended before it could be killed");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for the end of the process.
    pub(crate) fn join(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "a process failed: {status}");
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Harmless if it has ended; there is nobody to report an error to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_stores_endlessly_never_uses_a_key_twice() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::write(directory.path().join(name), "x").unwrap();
        }
        let bounds = crate::tree::Bounds { bytes: 10, files: 10 };
        let files = crate::tree::SourceTree::find(Some(directory.path().to_owned()), bounds).unwrap().files;
        let keys: Vec<_> = (0..4).map(|index| endless_key(&files, index).unwrap()).collect();
        assert_eq!(keys, ["again/0/a", "again/0/b", "again/1/a", "again/1/b"]);
        assert!(endless_key(&[], 0).is_err());
    }
}
