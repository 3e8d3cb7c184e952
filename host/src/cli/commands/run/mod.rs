//! `larder run`: the output of a command from the cache, else from the command.
//!
//! A hit is replayed. A miss gives a vacancy, which only one process has at a time: it runs the command
//! and stores what it put out, while the others wait. If the cache fails at any point, the command is
//! run all the same.

mod execution;
mod identity;
mod recording;

use std::ffi::OsString;
use std::io;
use std::time::Duration;

use clap::Args;
use larder::{Cache, Lookup, MemoOptions, Vacancy, Value};

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::value::EntryArguments;
use crate::cli::{Outcome, process, units};
use execution::{Execution, Unrecorded};
use identity::Identity;
use recording::Recording;

/// How long a process that runs a command may be silent before another runs it.
const LEASE: Duration = Duration::from_secs(3);

/// Run a command, or print what it has put out before
///
/// Standard output, standard error and the exit status are kept, for the command, its arguments,
/// the working directory and the environment variables named with --env; standard input is not
/// looked at. Of many that run the same command at the same time, one runs it and the others wait.
/// What was killed by a signal is not kept. If the cache fails, the command is run without it.
///
/// With --stale, output that has expired is still good for a while: one process runs the command
/// anew, and the others print the old output at once. With --refresh-early, one does so before it
/// expires, the sooner the longer the command takes.
///
/// Exits like the command: 127 if it was not found, 126 if it can not be executed, 128 + n if
/// signal n killed it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder run --ttl 10m -- curl -s https://example.com/
  larder run --env LANG --tag system -- ls -l /usr/bin
  larder run --key issues --only-success -- gh issue list
  larder run --ttl 1m --stale 10m --refresh-early -- ./weather")]
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

    /// How long after the time to live others may print the old output while one runs the command;
    /// of use with --ttl or a cache that has a default
    #[arg(long, value_parser = units::duration, value_name = "DURATION", conflicts_with = "sliding")]
    stale: Option<Duration>,

    /// Run the command anew before its output expires, by chance, more eagerly with a number above 1
    #[arg(long, value_name = "EAGERNESS", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    #[arg(value_parser = eagerness, conflicts_with = "sliding")]
    refresh_early: Option<f64>,

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
    Record(Cache, Identity, Option<Vacancy>),
}

/// Why the command has to be run without the cache.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("the working directory: {0}")]
    WorkingDirectory(#[source] io::Error),
    #[error(transparent)]
    Cache(#[from] Failure),
    #[error("others still run the same command")]
    Busy,
    #[error("it has failed a while ago: {0}")]
    Failed(String),
}

impl Run {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match self.plan(session) {
            Ok(Plan::Replay(recording)) => recording.replay(),
            Ok(Plan::Record(cache, identity, vacancy)) => self.record(session, &cache, &identity, vacancy),
            Err(reason) => {
                session.warn(&format!("running without the cache: {reason}"));
                process::run(process::command(&self.command)?)
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
        if self.force {
            return Ok(Plan::Record(cache, identity, None));
        }
        let outcome = cache.lookup_within(identity.key(), &self.options(), session.wait()).map_err(Failure::Cache)?;
        match outcome {
            Lookup::Hit(value) | Lookup::Stale(value, None) => match recording(&value) {
                Some(recording) => Ok(Plan::Replay(recording)),
                // Something else under the key is replaced.
                None => Ok(Plan::Record(cache, identity, None)),
            },
            Lookup::Vacant(vacancy) | Lookup::Stale(_, Some(vacancy)) => {
                Ok(Plan::Record(cache, identity, Some(vacancy)))
            }
            Lookup::Wait => Err(Obstacle::Busy),
            Lookup::Failed(reason) => Err(Obstacle::Failed(reason)),
        }
    }

    fn options(&self) -> MemoOptions {
        MemoOptions::new()
            .entry(self.entry.options())
            .stale_while_revalidate(self.stale.unwrap_or_default())
            .refresh_early(self.refresh_early.unwrap_or_default())
            .lease(LEASE)
    }

    fn record(
        &self,
        session: &Session,
        cache: &Cache,
        identity: &Identity,
        vacancy: Option<Vacancy>,
    ) -> Result<Outcome, Failure> {
        let Execution { code, recording, delivery } = execution::record(process::command(&self.command)?)?;
        match delivery {
            Ok(()) => self.keep(session, cache, identity, recording, vacancy),
            // Nobody wants the rest: the command fared as if it had written there itself.
            Err(failure) if failure.is_broken_pipe() => {}
            Err(failure) => return Err(failure),
        }
        Ok(Outcome::Code(code))
    }

    /// Stores a recording, or says why not.
    fn keep(
        &self,
        session: &Session,
        cache: &Cache,
        identity: &Identity,
        recording: Result<Recording, Unrecorded>,
        vacancy: Option<Vacancy>,
    ) {
        let outcome = match recording {
            Ok(recording) if self.only_success && !recording.succeeded() => return,
            Ok(recording) => self.store(cache, identity, &recording, vacancy).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.to_string()),
        };
        if let Err(reason) = outcome {
            session.warn(&format!("the output was not kept: {reason}"));
        }
    }

    fn store(
        &self,
        cache: &Cache,
        identity: &Identity,
        recording: &Recording,
        vacancy: Option<Vacancy>,
    ) -> larder::Result<()> {
        let bytes = recording.encode()?;
        match vacancy {
            Some(vacancy) => vacancy.fill(bytes, &self.options()).map(drop),
            None => cache.set_with(identity.key(), bytes, &self.entry.options()).map(drop),
        }
    }
}

fn recording(value: &Value<'_>) -> Option<Recording> {
    value.as_bytes().and_then(Recording::decode)
}

/// How eagerly to run a command anew: a number above 0.
fn eagerness(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "an eagerness is a number above 0; 1 is usual".to_owned())
}

/// Environment variables have names without "=" and NUL, which are not empty.
fn variable_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err("an environment variable's name has no \"=\" and is not empty".to_owned());
    }
    Ok(text.to_owned())
}
