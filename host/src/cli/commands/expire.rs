//! `larder expire`.

use clap::Args;
use larder::Task;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, work};

/// Remove the entries that have expired
///
/// They are not found any more in any case, and go by themselves when room is needed. Exits with 1
/// if there were none.
#[derive(Args)]
#[command(after_help = "Example:\n  larder expire")]
pub(crate) struct Expire {}

impl Expire {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        work::remove(session, &session.open()?, &Task::Expire)
    }
}
