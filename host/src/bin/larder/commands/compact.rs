//! `larder compact`.

use clap::Args;

use crate::failure::Failure;
use crate::session::Session;
use crate::{Outcome, json, units};

/// Give space that is no longer used back to the file system
///
/// Works in steps between which others can use the cache. Exits with 1 if there was none.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder compact\n  larder clear; larder compact")]
pub(crate) struct Compact {}

impl Compact {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let freed = session.open()?.compact()?;
        session.confirm(&json::Freed { freed }, &format!("gave back {}", units::show_size(freed)))?;
        Ok(Outcome::done(freed > 0))
    }
}
