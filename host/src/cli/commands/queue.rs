//! `larder queue`.

use clap::{Args, Subcommand, ValueEnum};
use larder::{Queued, Side};

use super::deque::{length, names};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::value::{EntryArguments, ValueArgument};
use crate::cli::{Outcome, json, output, value};

/// Pass values through a queue
///
/// A queue needs no making, and no key ever meets its entries. They count towards the limits of the
/// cache, and are evicted like others.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder queue push jobs 'build 17'
  larder queue pull jobs
  larder queue list")]
pub(crate) struct Queue {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Subcommand)]
enum Action {
    /// Add a value at the back
    Push(Push),
    /// Print the value at the front and remove it; exits with 1 if there is none
    #[command(after_help = "Example:\n  while job=$(larder queue pull jobs); do sh -c \"$job\"; done")]
    Pull(End),
    /// Print the value at the front; exits with 1 if there is none
    #[command(after_help = "Example:\n  larder queue peek jobs --side back")]
    Peek(End),
    /// Print the number of values; exits with 1 if there are none
    #[command(after_help = "Example:\n  larder queue len jobs")]
    Len(Length),
    /// Print the names of all queues that are not empty
    #[command(after_help = "Example:\n  larder queue list")]
    List,
}

/// What to push.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder queue push jobs 'build 17'\n  larder queue push jobs urgent --side front")]
struct Push {
    /// Name of the queue
    queue: String,
    #[command(flatten)]
    value: ValueArgument,
    /// At which end
    #[arg(long, value_enum, default_value_t = SideArgument::Back)]
    side: SideArgument,
    #[command(flatten)]
    entry: EntryArguments,
}

/// Which end of which queue.
#[derive(Args)]
struct End {
    /// Name of the queue
    queue: String,
    /// At which end
    #[arg(long, value_enum, default_value_t = SideArgument::Front)]
    side: SideArgument,
}

/// Which queue.
#[derive(Args)]
struct Length {
    /// Name of the queue
    queue: String,
}

/// The ends of [`larder::Side`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum SideArgument {
    /// Where values are usually pulled from
    Front,
    /// Where values are usually pushed
    Back,
}

impl From<SideArgument> for Side {
    fn from(side: SideArgument) -> Self {
        match side {
            SideArgument::Front => Self::Front,
            SideArgument::Back => Self::Back,
        }
    }
}

impl Queue {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        match &self.action {
            Action::Push(push) => push.run(session),
            Action::Pull(end) => show(session, session.open()?.pull(&end.queue, end.side.into())?),
            Action::Peek(end) => show(session, session.open_to_read()?.peek(&end.queue, end.side.into())?),
            Action::Len(of) => length(session, session.open_to_read()?.queue_length(&of.queue)?),
            Action::List => names(session, &session.open_to_read()?.queues()?),
        }
    }
}

impl Push {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let value = self.value.read()?;
        let cache = session.open_or_create()?;
        let position = cache.push(&self.queue, value, self.side.into(), &self.entry.options())?;
        session.confirm_json(&json::Pushed { position })?;
        Ok(Outcome::Done)
    }
}

fn show(session: &Session, queued: Option<Queued>) -> Result<Outcome, Failure> {
    let Some(queued) = queued else { return Ok(Outcome::Absent) };
    if session.json() {
        output::json(&json::Found::new(&queued.position.into(), &queued.entry))?;
    } else {
        output::bytes(&value::show(&queued.entry.value))?;
    }
    Ok(Outcome::Done)
}
