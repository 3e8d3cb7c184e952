//! Running the command that another command is about.

use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus};

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::signals::Held;

/// A program with its arguments.
pub(crate) fn command(words: &[OsString]) -> Result<Command, Failure> {
    let (program, arguments) = words.split_first().ok_or_else(|| Failure::Usage("which command?".to_owned()))?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Runs it with the standard streams of this process.
pub(crate) fn run(mut command: Command) -> Result<Outcome, Failure> {
    let signals = Held::back();
    let mut child = start(&mut command)?;
    let _signals = signals.pass_on_to(&child);
    let status = child.wait().map_err(Failure::Run)?;
    Ok(Outcome::Code(code(status)))
}

/// Starts it.
pub(crate) fn start(command: &mut Command) -> Result<Child, Failure> {
    command
        .spawn()
        .map_err(|source| Failure::Start { command: command.get_program().to_string_lossy().into_owned(), source })
}

/// The exit status as shells report it: 128 + n for signal n.
#[cfg(unix)]
pub(crate) fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// The exit status, as far as a byte can tell it.
#[cfg(not(unix))]
pub(crate) fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
