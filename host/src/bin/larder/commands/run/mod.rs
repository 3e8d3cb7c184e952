//! `larder run`: the output of a command from the cache, else from the command.
//!
//! A hit is replayed. A miss takes the turn of this command, which only one process has at a time,
//! looks again, runs the command, stores what it put out, and ends the turn. If the cache fails at
//! any point, the command is run all the same.

mod execution;
mod identity;
mod recording;
mod turn;

use std::ffi::OsString;
use std::{io, process};

use clap::Args;
use larder::{Cache, Value};

use crate::Outcome;
use crate::failure::Failure;
use crate::session::Session;
use crate::value::EntryArguments;
use execution::{Execution, Unrecorded};
use identity::Identity;
use recording::Recording;
use turn::{Refusal, Turn};

/// Run a command, or print what it has put out before
///
/// Standard output, standard error and the exit status are kept, for the command, its arguments,
/// the working directory and the environment variables named with --env; standard input is not
/// looked at. Of many that run the same command at the same time, one runs it and the others wait.
/// What was killed by a signal is not kept. If the cache fails, the command is run without it.
///
/// Exits like the command: 127 if it was not found, 126 if it can not be executed, 128 + n if
/// signal n killed it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder run --ttl 10m -- curl -s https://example.com/
  larder run --env LANG --tag system -- ls -l /usr/bin
  larder run --key issues --only-success -- gh issue list")]
pub(crate) struct Run {
    #[command(flatten)]
    entry: EntryArguments,

    /// Identify the command by this instead of what it consists of; the entry's key is `run:KEY`
    #[arg(long, conflicts_with = "environment")]
    key: Option<String>,

    /// An environment variable that the output depends on; may be repeated
    #[arg(long = "env", value_name = "NAME", value_parser = variable_name)]
    environment: Vec<String>,

    /// Keep the output only if the command exits with 0
    #[arg(long, visible_alias = "discard-failures")]
    only_success: bool,

    /// Run the command even if its output is there, and keep the new one
    #[arg(long)]
    force: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// What there is to do.
enum Plan {
    /// Nothing: this is what the command puts out.
    Replay(Recording),
    /// To run the command and to store what it puts out.
    Record(Cache, Identity, Turn),
}

/// Why the command has to be run without the cache.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("the working directory: {0}")]
    WorkingDirectory(#[source] io::Error),
    #[error(transparent)]
    Cache(#[from] Failure),
    #[error(transparent)]
    Turn(#[from] Refusal),
}

impl Run {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match self.plan(session) {
            Ok(Plan::Replay(recording)) => recording.replay(),
            Ok(Plan::Record(cache, identity, turn)) => self.record(session, &cache, &identity, turn),
            Err(reason) => {
                session.warn(&format!("running without the cache: {reason}"));
                execution::run(self.process()?)
            }
        }
    }

    /// Finds the recording, or waits for the turn to make it.
    fn plan(&self, session: &Session) -> Result<Plan, Obstacle> {
        let identity = match &self.key {
            Some(key) => Identity::named(key),
            None => Identity::of(&self.command, &self.environment).map_err(Obstacle::WorkingDirectory)?,
        };
        let cache = session.open_or_create()?;
        if let Some(recording) = self.find(&cache, &identity)? {
            return Ok(Plan::Replay(recording));
        }
        let turn = Turn::take(cache.directory(), &identity, session.wait())?;
        // Whoever had the turn before may have made it.
        match self.find(&cache, &identity)? {
            Some(recording) => Ok(Plan::Replay(recording)),
            None => Ok(Plan::Record(cache, identity, turn)),
        }
    }

    fn find(&self, cache: &Cache, identity: &Identity) -> Result<Option<Recording>, Failure> {
        if self.force {
            return Ok(None);
        }
        // Something else under the key is no recording: it is replaced.
        let value = cache.get(identity.key())?;
        Ok(value.as_ref().and_then(Value::as_bytes).and_then(Recording::decode))
    }

    fn record(&self, session: &Session, cache: &Cache, identity: &Identity, turn: Turn) -> Result<Outcome, Failure> {
        let Execution { code, recording, delivery } = execution::record(self.process()?)?;
        match delivery {
            Ok(()) => self.keep(session, cache, identity, recording),
            // Nobody wants the rest: the command fared as if it had written there itself.
            Err(failure) if failure.is_broken_pipe() => {}
            Err(failure) => return Err(failure),
        }
        drop(turn);
        Ok(Outcome::Code(code))
    }

    /// Stores a recording, or says why not.
    fn keep(&self, session: &Session, cache: &Cache, identity: &Identity, recording: Result<Recording, Unrecorded>) {
        let outcome = match recording {
            Ok(recording) if self.only_success && !recording.succeeded() => return,
            Ok(recording) => self.store(cache, identity, &recording).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.to_string()),
        };
        if let Err(reason) = outcome {
            session.warn(&format!("the output was not kept: {reason}"));
        }
    }

    fn store(&self, cache: &Cache, identity: &Identity, recording: &Recording) -> larder::Result<()> {
        let bytes = recording.encode()?;
        cache.set_with(identity.key(), bytes, &self.entry.options()).map(drop)
    }

    fn process(&self) -> Result<process::Command, Failure> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| Failure::Usage("which command?".to_owned()))?;
        let mut process = process::Command::new(program);
        process.args(arguments);
        Ok(process)
    }
}

/// Environment variables have names without "=" and NUL, which are not empty.
fn variable_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err("an environment variable's name has no \"=\" and is not empty".to_owned());
    }
    Ok(text.to_owned())
}
