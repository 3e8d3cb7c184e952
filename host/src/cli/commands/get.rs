//! `larder get`.

use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use clap::Args;
use larder::{Cache, Key};

use crate::cli::failure::Failure;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output, units, value};

/// Print the value under a key, byte for byte
///
/// Exits with 1 and prints nothing if there is none. With --json also prints what else is known of
/// the entry. A part of a large value is read and verified without the rest.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder get greeting
  larder get picture > picture.png
  larder get page --max-age 5m
  larder get backup --offset 1MiB --length 64KiB | hexdump -C")]
pub(crate) struct Get {
    #[command(flatten)]
    key: KeyArgument,

    /// Pass over a value that was stored longer ago than this
    #[arg(long, value_parser = units::duration, value_name = "DURATION")]
    max_age: Option<Duration>,

    /// Print what follows after so many bytes
    #[arg(long, value_parser = units::bytes, value_name = "SIZE", conflicts_with = "max_age")]
    offset: Option<u64>,

    /// Print at most so many bytes
    #[arg(long, value_parser = units::bytes, value_name = "SIZE", conflicts_with = "max_age")]
    length: Option<u64>,
}

impl Get {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let key = self.key.key()?;
        let ranged = self.offset.is_some() || self.length.is_some();
        if ranged && session.json() {
            return Err(Failure::Usage("a part of a value is printed as it is, not as JSON".into()));
        }
        let cache = session.open_to_read()?;
        if !session.json() && self.max_age.is_none() {
            return self.stream(&cache, &key);
        }
        let entry = match self.max_age {
            Some(age) => cache.get_recent(&key, age)?,
            None => cache.get_entry(&key)?,
        };
        let Some(entry) = entry else { return Ok(Outcome::Absent) };
        if session.json() {
            output::json(&json::Found::new(&key, &entry))?;
        } else {
            output::bytes(&value::show(&entry.value))?;
        }
        Ok(Outcome::Done)
    }

    /// Prints the value, or the part asked for, piece by piece.
    fn stream(&self, cache: &Cache, key: &Key<'_>) -> Result<Outcome, Failure> {
        let reader = match cache.read(key) {
            // A number has no parts.
            Err(larder::Error::WrongType(_)) if self.offset.is_none() && self.length.is_none() => {
                let Some(number) = cache.get(key)? else { return Ok(Outcome::Absent) };
                output::bytes(&value::show(&number))?;
                return Ok(Outcome::Done);
            }
            reader => reader?,
        };
        let Some(mut reader) = reader else { return Ok(Outcome::Absent) };
        reader.seek(SeekFrom::Start(self.offset.unwrap_or(0))).map_err(larder::Error::from)?;
        output::copy(&mut reader.take(self.length.unwrap_or(u64::MAX)))?;
        Ok(Outcome::Done)
    }
}
