//! `larder repair`.

use clap::Args;

use super::entries;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output};

/// Look for damage and set right what can be
///
/// Says what was wrong, what was done about it and what is lost; what others are just writing is not
/// touched. Exits with 1 if something could not be set right.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder repair\n  larder check || larder repair")]
pub(crate) struct Repair {}

impl Repair {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open()?;
        let problems: Vec<_> = cache.repair()?.into_iter().map(json::Problem::from).collect();
        let sound = problems.iter().all(|problem| problem.remedy.is_some());
        if session.json() {
            output::json(&json::Checked { problems })?;
        } else if problems.is_empty() {
            session.confirm(&(), &format!("no problem found in {}", entries(cache.count()?)))?;
        } else {
            for problem in &problems {
                let remedy = problem.remedy.as_deref().unwrap_or("nothing could be done");
                output::line(&format!("{}: {}: {remedy}", problem.subject, problem.description))?;
            }
        }
        Ok(Outcome::done(sound))
    }
}
