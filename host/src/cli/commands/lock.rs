//! `larder lock`: a command that is not run twice at the same time.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use larder::{Error, LockGuard, Occupancy};

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, output, process, units};

/// Run a command while holding a lock
///
/// Whoever asks for the lock meanwhile waits, in the order of arrival, in whatever process. With
/// --shared, many hold it at the same time, but none together with one who holds it without. The
/// variable `LARDER_FENCE` gives the command a number that is greater than that of everybody who has
/// held the lock before.
///
/// If this program is killed, the lock is free after its lease, even if the command goes on. With --wait,
/// it still takes a whole lease to be sure of that, if nobody has been waiting before.
///
/// Exits like the command; 1 if the lock was not obtained within --wait.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder lock deploy -- ./deploy.sh
  larder lock --wait 0s backup -- ./backup.sh   # not at all if one is running
  larder lock --shared data -- ./report.sh
  larder lock deploy --show")]
pub(crate) struct Lock {
    /// What the lock is called
    name: String,

    /// How long the holder may be silent before the lock is another's
    #[arg(long, value_parser = units::duration, value_name = "DURATION", default_value = "10s")]
    lease: Duration,

    /// Hold it together with others who do so
    #[arg(long)]
    shared: bool,

    /// Show who holds it, and how many wait
    #[arg(long, conflicts_with_all = ["command", "shared"])]
    show: bool,

    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required_unless_present = "show")]
    command: Vec<OsString>,
}

impl Lock {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        if self.show {
            return self.show(session);
        }
        let cache = session.open_or_create()?;
        let lock = if self.shared { cache.read_lock(&self.name) } else { cache.write_lock(&self.name) };
        let lock = lock.lease(self.lease);
        let guard = match session.wait() {
            Some(Duration::ZERO) => lock.try_acquire()?,
            Some(wait) => within(lock.acquire_within(wait))?,
            None => Some(lock.acquire()?),
        };
        let Some(guard) = guard else {
            session.warn(&format!("others hold the lock {:?}", self.name));
            return Ok(Outcome::Absent);
        };
        let mut command = process::command(&self.command)?;
        command.env("LARDER_FENCE", guard.fence().to_string());
        let outcome = process::run(command)?;
        self.release(session, guard);
        Ok(outcome)
    }

    fn release(&self, session: &Session, guard: LockGuard) {
        if let Err(error) = guard.release() {
            session.warn(&format!("the lock {:?} was lost while the command ran: {error}", self.name));
        }
    }

    fn show(&self, session: &Session) -> Result<Outcome, Failure> {
        let occupancy = session.open_to_read()?.lock_holders(&self.name)?;
        if session.json() {
            output::json(&occupancy)?;
        } else {
            show(&occupancy)?;
        }
        Ok(Outcome::done(!occupancy.holders.is_empty()))
    }
}

fn within(acquired: Result<LockGuard, Error>) -> Result<Option<LockGuard>, Error> {
    match acquired {
        Ok(guard) => Ok(Some(guard)),
        Err(Error::Timeout(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn show(occupancy: &Occupancy) -> Result<(), Failure> {
    for holder in &occupancy.holders {
        let how = if holder.weight == u32::MAX { "alone" } else { "shared" };
        let lease = units::show_duration(holder.lease);
        let silent = if holder.silent > holder.lease {
            format!(", silent for {}: perhaps dead", units::show_duration(holder.silent))
        } else {
            String::new()
        };
        let (owner, number) = (holder.owner, holder.fence);
        output::line(&format!("held {how} by {owner:016x}, number {number}, lease {lease}{silent}"))?;
    }
    match (occupancy.holders.is_empty(), occupancy.waiting) {
        (true, 0) => output::line("free"),
        (_, 0) => Ok(()),
        (_, waiting) => output::line(&format!("{waiting} waiting")),
    }
}
