//! `larder check`.

use clap::Args;

use super::entries;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output};

/// Look for damage
///
/// Reads the databases and every value file wholly; others can use the cache meanwhile, and write to
/// it. Also looks for what users have left that are gone, as far as opening the cache has not tidied
/// it up. Prints what is wrong, and exits with 1 if anything is.
#[derive(Args)]
#[command(after_help = "Example:\n  larder check && echo all is well")]
pub(crate) struct Check {}

impl Check {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open_to_read()?;
        let problems: Vec<_> = cache.check()?.into_iter().map(json::Problem::from).collect();
        let sound = problems.is_empty();
        if session.json() {
            output::json(&json::Checked { problems })?;
        } else if sound {
            let text = format!("no problem found in {}", entries(cache.count()?));
            session.confirm(&(), &text)?;
        } else {
            for problem in &problems {
                output::line(&format!("{}: {}", problem.subject, problem.description))?;
            }
        }
        Ok(Outcome::done(sound))
    }
}
