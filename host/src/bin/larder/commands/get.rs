//! `larder get`.

use std::time::Duration;

use clap::Args;

use crate::failure::Failure;
use crate::key::KeyArgument;
use crate::session::Session;
use crate::{Outcome, json, output, units, value};

/// Print the value under a key, byte for byte
///
/// Exits with 1 and prints nothing if there is none. With --json also prints what else is known of
/// the entry.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  larder get greeting\n  larder get picture > picture.png\n  larder get page --max-age 5m"
)]
pub(crate) struct Get {
    #[command(flatten)]
    key: KeyArgument,

    /// Pass over a value that was stored longer ago than this
    #[arg(long, value_parser = units::duration, value_name = "DURATION")]
    max_age: Option<Duration>,
}

impl Get {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let cache = session.open_to_read()?;
        if session.json() || self.max_age.is_some() {
            let entry = match self.max_age {
                Some(age) => cache.get_recent(&key, age)?,
                None => cache.get_entry(&key)?,
            };
            let Some(entry) = entry else { return Ok(Outcome::Absent) };
            if !session.json() {
                output::bytes(&value::show(&entry.value))?;
                return Ok(Outcome::Done);
            }
            output::json(&json::Found::new(&key, &entry))?;
        } else {
            let Some(value) = cache.get(&key)? else { return Ok(Outcome::Absent) };
            output::bytes(&value::show(&value))?;
        }
        Ok(Outcome::Done)
    }
}
