//! `larder clear`.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use larder::{Cache, Task};

use super::entries;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, work};

/// Remove all entries
///
/// Asks first if standard input is a terminal. Exits with 1 if there were none, or if the answer
/// is no. Settings stay.
#[derive(Args)]
#[command(after_help = "Example:\n  larder clear --yes")]
pub(crate) struct Clear {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Clear {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open()?;
        if !self.yes && io::stdin().is_terminal() && !ask(&cache)? {
            return Ok(Outcome::Absent);
        }
        work::remove(session, &cache, &Task::Clear)
    }
}

fn ask(cache: &Cache) -> Result<bool, Failure> {
    anstream::eprint!("Remove {} in {}? [y/N] ", entries(cache.count()?), cache.directory().display());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|source| Failure::Input { what: "the answer".to_owned(), source })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
