//! `larder expire`.

use clap::Args;

use super::entries;
use crate::failure::Failure;
use crate::session::Session;
use crate::{Outcome, json};

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
        let removed = session.open()?.expire()?;
        session.confirm(&json::Removed { removed }, &format!("removed {}", entries(removed)))?;
        Ok(Outcome::done(removed > 0))
    }
}
