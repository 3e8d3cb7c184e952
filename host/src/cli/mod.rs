//! `larder`: the cache from the shell. Each command is a module of `commands`.
//!
//! It is a part of the library only so that its tests reach it, and uses of the library nothing that other
//! programs can not.

mod arguments;
mod commands;
mod failure;
mod interrupt;
mod json;
mod key;
mod output;
mod process;
mod progress;
mod selection;
mod session;
mod signals;
mod units;
mod value;
mod work;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::cli::arguments::Arguments;
use crate::cli::session::Session;

/// How a command ended that did not fail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It did what it was asked to.
    Done,
    /// There was nothing under the key, or nothing to do.
    Absent,
    /// As the command that was run, or as Ctrl-C ends programs.
    Code(u8),
}

impl Outcome {
    /// [`Outcome::Done`] if something was done.
    fn done(something: bool) -> Self {
        if something { Self::Done } else { Self::Absent }
    }
}

impl From<Outcome> for u8 {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => 0,
            Outcome::Absent => 1,
            Outcome::Code(code) => code,
        }
    }
}

/// Does what the command line of this process says. Returns the exit status.
pub fn run() -> u8 {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return arguments::refuse(&error),
    };
    let json = arguments.global.json;
    match arguments.command.run(&Session::new(arguments.global)) {
        Ok(outcome) => outcome.into(),
        // Whoever read the output has seen enough of it.
        Err(failure) if failure.is_broken_pipe() => 0,
        Err(failure) => failure.report(json),
    }
}

/// The commands and their arguments, as data.
pub fn definition() -> clap::Command {
    Arguments::command()
}

/// Reads a command line, the name of the program first, and does nothing. The error is what is printed.
pub fn read(words: &[OsString]) -> Result<(), clap::Error> {
    Arguments::try_parse_from(words).map(drop)
}
