//! `larder get`.

use clap::Args;

use crate::failure::Failure;
use crate::key::KeyArgument;
use crate::session::Session;
use crate::{Outcome, json, output, value};

/// Print the value under a key, byte for byte
///
/// Exits with 1 and prints nothing if there is none. With --json also prints what else is known of
/// the entry.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder get greeting\n  larder get picture > picture.png")]
pub(crate) struct Get {
    #[command(flatten)]
    key: KeyArgument,
}

impl Get {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let cache = session.open_to_read()?;
        if session.json() {
            let Some(entry) = cache.get_entry(&key)? else { return Ok(Outcome::Absent) };
            output::json(&json::Found::new(&key, &entry))?;
        } else {
            let Some(value) = cache.get(&key)? else { return Ok(Outcome::Absent) };
            output::bytes(&value::show(&value))?;
        }
        Ok(Outcome::Done)
    }
}
