//! `larder reshard`.

use clap::Args;
use larder::Resharding;

use crate::cli::failure::Failure;
use crate::cli::interrupt::{INTERRUPTED, Interrupt};
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Outcome, json};

/// Spread the entries over another number of databases
///
/// Nobody else may use the cache meanwhile. Everything in it is carried over to new databases, which
/// need as much space as the old ones until the end; then they are put in force, all at once. Whatever
/// ends it before, Ctrl-C too, has changed nothing. Exits with 1 if the number is what it was.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder reshard 8\n  larder --wait 5s reshard 1")]
pub(crate) struct Reshard {
    /// How many, 1 to 30; writers to different ones do not wait for each other
    #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=30))]
    shards: u32,
}

impl Reshard {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let interrupt = Interrupt::watch();
        let bar = Bar::new("resharding");
        let mut resharding = session.existing(|directory| session.builder().reshard(directory, self.shards))?;
        let before = resharding.shards_before();
        let carried = carry(&mut resharding, &bar, &interrupt)?;
        bar.finish();
        let shards = if carried.is_some() { self.shards } else { before };
        let data = json::Resharded { before, shards, carried: carried.unwrap_or(0) };
        let words = match carried {
            None => "interrupted: nothing was changed".to_owned(),
            Some(_) if before == self.shards => format!("the number of shards is {before} already"),
            Some(_) => format!("changed the number of shards from {before} to {}", self.shards),
        };
        session.confirm(&json::Ended { done: data, interrupted: carried.is_none() }, &words)?;
        Ok(if carried.is_none() { Outcome::Code(INTERRUPTED) } else { Outcome::done(before != self.shards) })
    }
}

/// Carries everything over, and says how much that was; none if Ctrl-C has ended it.
fn carry(resharding: &mut Resharding, bar: &Bar, interrupt: &Interrupt) -> Result<Option<u64>, Failure> {
    // Looked at before each step: the last one puts the new databases in force.
    while !interrupt.is_pressed() {
        let progress = resharding.step()?;
        bar.show(progress.done, progress.total);
        if progress.finished {
            return Ok(Some(progress.done));
        }
    }
    Ok(None)
}
