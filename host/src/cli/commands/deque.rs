//! `larder deque`.

use clap::{Args, Subcommand};
use larder::{Cache, Deque, Plain, Value};

use super::queue::SideArgument;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::value::ValueArgument;
use crate::cli::{Outcome, json, output, value};

/// Use deques: values in a line that are never evicted, reached at both ends and at any place
///
/// A deque needs no making. A place is counted from the front, from 0, or, if it is negative, from the
/// back: -1 is the last.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder deque push tasks 'build 17'
  larder deque pull tasks --wait 10m
  larder deque get tasks -1
  larder deque bound history 100")]
pub(crate) struct Deques {
    #[command(subcommand)]
    action: Action,
}

/// What to do with it.
#[derive(Subcommand)]
enum Action {
    /// Add a value at an end
    #[command(
        after_help = "Examples:\n  larder deque push tasks 'build 17'\n  larder deque push tasks urgent --side front"
    )]
    Push(Push),
    /// Print the value at an end and remove it; exits with 1 if there is none, after --wait if that is given
    #[command(after_help = "Example:\n  while task=$(larder deque pull tasks --wait 1h); do sh -c \"$task\"; done")]
    Pull(Pull),
    /// Print the value at a place; exits with 1 if there is none
    #[command(after_help = "Example:\n  larder deque get tasks 0")]
    Get(At),
    /// Replace the value at a place
    #[command(after_help = "Example:\n  larder deque set tasks 0 'build 18'")]
    Set(AtValue),
    /// Add a value before the one at a place
    #[command(after_help = "Example:\n  larder deque insert tasks 1 'build 17b'")]
    Insert(AtValue),
    /// Remove the value at a place
    #[command(after_help = "Example:\n  larder deque delete tasks -1")]
    Delete(At),
    /// Move the last values to the front, or, with a negative number, the first to the back
    #[command(after_help = "Example:\n  larder deque rotate players 1")]
    Rotate(Rotate),
    /// Turn the order round
    #[command(after_help = "Example:\n  larder deque reverse tasks")]
    Reverse(Named),
    /// Print all values, one on each line
    #[command(after_help = "Example:\n  larder deque show tasks --reverse --limit 10")]
    Show(Show),
    /// Print the number of values; exits with 1 if there are none
    #[command(after_help = "Example:\n  larder deque len tasks")]
    Len(Named),
    /// Print or set how many values there may be; what is too many goes at the other end
    #[command(after_help = "Examples:\n  larder deque bound history 100\n  larder deque bound history none")]
    Bound(Bound),
    /// Copy all values to another name, in place of what is there
    #[command(after_help = "Example:\n  larder deque copy tasks tasks-before")]
    Copy(Copy),
    /// Remove all values
    #[command(after_help = "Example:\n  larder deque clear tasks")]
    Clear(Named),
    /// Print the names of all deques that hold something or are bounded
    #[command(after_help = "Example:\n  larder deque list")]
    List,
}

/// Which deque.
#[derive(Args)]
struct Named {
    /// Name of the deque
    deque: String,
}

/// What to push.
#[derive(Args)]
struct Push {
    /// Name of the deque
    deque: String,
    #[command(flatten)]
    value: ValueArgument,
    /// At which end
    #[arg(long, value_enum, default_value_t = SideArgument::Back)]
    side: SideArgument,
}

/// Which end.
#[derive(Args)]
struct Pull {
    /// Name of the deque
    deque: String,
    /// At which end
    #[arg(long, value_enum, default_value_t = SideArgument::Front)]
    side: SideArgument,
}

/// A place.
#[derive(Args)]
struct At {
    /// Name of the deque
    deque: String,
    /// The place
    #[arg(allow_negative_numbers = true)]
    place: i64,
}

/// A place and a value.
#[derive(Args)]
struct AtValue {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    value: ValueArgument,
}

/// How far.
#[derive(Args)]
struct Rotate {
    /// Name of the deque
    deque: String,
    /// By how many places
    #[arg(allow_negative_numbers = true)]
    steps: i64,
}

/// What to print.
#[derive(Args)]
struct Show {
    /// Name of the deque
    deque: String,
    /// Begin at the back
    #[arg(long)]
    reverse: bool,
    /// Print at most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

/// How many.
#[derive(Args)]
struct Bound {
    /// Name of the deque
    deque: String,
    /// At least 1, or `none`
    bound: Option<String>,
}

/// From where to where.
#[derive(Args)]
struct Copy {
    /// Name of the deque
    deque: String,
    /// The other name
    target: String,
}

type Line = Deque<Value<'static>, Plain>;

fn line(cache: &Cache, name: &str) -> Line {
    cache.deque_plain(name)
}

impl Deques {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let open = |name: &str| Ok::<_, Failure>(line(&session.open()?, name));
        let read = |name: &str| Ok::<_, Failure>(line(&session.open_to_read()?, name));
        match &self.action {
            Action::Push(push) => push.run(session),
            Action::Pull(pull) => pull.run(session),
            Action::Get(at) => show(session, read(&at.deque)?.get(at.place)?),
            Action::Set(set) => {
                open(&set.at.deque)?.set(set.at.place, &set.value.read()?)?;
                Ok(Outcome::Done)
            }
            Action::Insert(insert) => {
                let value = insert.value.read()?;
                let length = line(&session.open_or_create()?, &insert.at.deque).insert(insert.at.place, &value)?;
                session.confirm_json(&json::Length { length })?;
                Ok(Outcome::Done)
            }
            Action::Delete(at) => open(&at.deque)?.delete(at.place).map(|()| Outcome::Done).map_err(Failure::from),
            Action::Rotate(rotate) => {
                open(&rotate.deque)?.rotate(rotate.steps).map(|()| Outcome::Done).map_err(Failure::from)
            }
            Action::Reverse(named) => open(&named.deque)?.reverse().map(|()| Outcome::Done).map_err(Failure::from),
            Action::Show(show) => show.run(session),
            Action::Len(named) => length(session, read(&named.deque)?.len()?),
            Action::Bound(bound) => bound.run(session),
            Action::Copy(copy) => {
                let copied = open(&copy.deque)?.copy_to(&copy.target)?;
                session.confirm(&json::Copied { copied }, &format!("copied {}", values(copied)))?;
                Ok(Outcome::Done)
            }
            Action::Clear(named) => {
                let removed = open(&named.deque)?.clear()?;
                session.confirm(&json::Removed { removed }, &format!("removed {}", values(removed)))?;
                Ok(Outcome::done(removed > 0))
            }
            Action::List => names(session, &session.open_to_read()?.deques()?),
        }
    }
}

impl Push {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let value = self.value.read()?;
        let line = line(&session.open_or_create()?, &self.deque);
        let length = match self.side {
            SideArgument::Front => line.push_front(&value)?,
            SideArgument::Back => line.push_back(&value)?,
        };
        session.confirm_json(&json::Length { length })?;
        Ok(Outcome::Done)
    }
}

impl Pull {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let line = line(&session.open()?, &self.deque);
        let wait = Some(session.wait().unwrap_or_default());
        let value = match self.side {
            SideArgument::Front => line.pop_front_within(wait)?,
            SideArgument::Back => line.pop_back_within(wait)?,
        };
        show(session, value)
    }
}

impl Show {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let line = line(&session.open_to_read()?, &self.deque);
        let values = if self.reverse { line.values_rev()? } else { line.values()? };
        let mut lines = output::Lines::new();
        for value in values.take(self.limit.unwrap_or(usize::MAX)) {
            let value = value?;
            if session.json() {
                lines.json(&json::Scalar::from(&value))?;
            } else {
                lines.bytes(&value::show(&value))?;
            }
        }
        lines.end()
    }
}

impl Bound {
    fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let Some(text) = &self.bound else {
            let bound = line(&session.open_to_read()?, &self.deque).bound()?;
            if session.json() {
                output::json(&json::Bound { bound })?;
            } else {
                output::line(&bound.map_or("none".to_owned(), |bound| bound.to_string()))?;
            }
            return Ok(Outcome::Done);
        };
        let bound = match text.as_str() {
            "none" => None,
            number => Some(number.parse().map_err(|_| Failure::Usage(format!("{number:?} is no number, nor `none`")))?),
        };
        line(&session.open_or_create()?, &self.deque).set_bound(bound)?;
        session.confirm_json(&json::Bound { bound })?;
        Ok(Outcome::Done)
    }
}

/// Prints a value, if there is one.
pub(super) fn show(session: &Session, found: Option<Value<'_>>) -> Result<Outcome, Failure> {
    let Some(found) = found else { return Ok(Outcome::Absent) };
    if session.json() {
        output::json(&json::Scalar::from(&found))?;
    } else {
        output::bytes(&value::show(&found))?;
    }
    Ok(Outcome::Done)
}

/// Prints how much there is.
pub(super) fn length(session: &Session, length: u64) -> Result<Outcome, Failure> {
    if session.json() {
        output::json(&json::Length { length })?;
    } else {
        output::line(&length.to_string())?;
    }
    Ok(Outcome::done(length > 0))
}

/// Prints names.
pub(super) fn names(session: &Session, names: &[String]) -> Result<Outcome, Failure> {
    if session.json() {
        output::json(&names)?;
    } else {
        names.iter().try_for_each(|name| output::line(name))?;
    }
    Ok(Outcome::done(!names.is_empty()))
}

/// "1 value", "2 values".
fn values(count: u64) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{count} values") }
}
