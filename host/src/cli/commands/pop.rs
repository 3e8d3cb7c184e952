//! `larder pop`.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output, value};

/// Print the value under a key and remove it
///
/// Of any number that do this at the same time one gets the value. Exits with 1 and prints nothing
/// if there is none.
#[derive(Args)]
#[command(after_help = "Example:\n  larder pop token")]
pub(crate) struct Pop {
    #[command(flatten)]
    key: KeyArgument,
}

impl Pop {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let Some(entry) = session.open()?.pop(&key)? else { return Ok(Outcome::Absent) };
        if session.json() {
            output::json(&json::Found::new(&key, &entry))?;
        } else {
            output::bytes(&value::show(&entry.value))?;
        }
        Ok(Outcome::Done)
    }
}
