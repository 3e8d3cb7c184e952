//! Running the command.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use larder::VALUE_LIMIT;

use super::recording::{Recording, Stream};
use crate::cli::failure::Failure;
use crate::cli::process::{code, start};
use crate::cli::signals::Held;

/// Largest recording, in bytes: the largest value, without its own encoding.
const LARGEST: usize = VALUE_LIMIT - 64 * 1024;

/// What became of a command that was recorded.
pub(super) struct Execution {
    /// As shells report it.
    pub(super) code: u8,
    /// What it has put out.
    pub(super) recording: Result<Recording, Unrecorded>,
    /// Whether the output could be passed on.
    pub(super) delivery: Result<(), Failure>,
}

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unrecorded {
    /// So it may have been about to put out more.
    #[error("a signal killed the command")]
    Killed,
    /// Larger than any value can be.
    #[error("it is too large")]
    TooLarge,
}

/// Runs the command, passing its output on as it comes.
pub(super) fn record(mut command: Command) -> Result<Execution, Failure> {
    let signals = Held::back();
    let mut child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let _signals = signals.pass_on_to(&child);
    let tape = Mutex::new(Tape::Running(Recording::new()));
    let delivery = pass_on(&mut child, &tape);
    let status = child.wait().map_err(Failure::Run)?;
    let recording = match tape.into_inner().unwrap_or_else(PoisonError::into_inner) {
        _ if status.code().is_none() => Err(Unrecorded::Killed),
        Tape::Running(recording) => Ok(recording.finish(code(status))),
        Tape::Full => Err(Unrecorded::TooLarge),
    };
    Ok(Execution { code: code(status), recording, delivery: delivery.map_err(Failure::Output) })
}

/// What has been put out so far, unless it became too large.
enum Tape {
    Running(Recording),
    Full,
}

impl Tape {
    fn push(&mut self, stream: Stream, bytes: &[u8]) {
        if let Self::Running(recording) = self {
            recording.push(stream, bytes);
            if recording.size() > LARGEST {
                *self = Self::Full;
            }
        }
    }
}

/// Passes on both streams until the command, and whoever else has them, closes them.
fn pass_on(child: &mut Child, tape: &Mutex<Tape>) -> io::Result<()> {
    let (output, error) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let errors = scope.spawn(|| error.map_or(Ok(()), |pipe| tee(pipe, io::stderr(), Stream::Error, tape)));
        let outputs = output.map_or(Ok(()), |pipe| tee(pipe, io::stdout(), Stream::Output, tape));
        outputs.and(errors.join().unwrap_or_else(|_| Err(io::Error::other("passing on standard error"))))
    })
}

/// Copies a stream to ours and onto the tape. If ours is closed, so is the command's: it then
/// fares as if it had written to ours.
fn tee(mut from: impl Read, mut to: impl Write, stream: Stream, tape: &Mutex<Tape>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let bytes = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        tape.lock().unwrap_or_else(PoisonError::into_inner).push(stream, bytes);
        to.write_all(bytes).and_then(|()| to.flush())?;
    }
}
