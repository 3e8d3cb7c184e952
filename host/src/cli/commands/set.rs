//! `larder set`.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::value::{EntryArguments, ValueArgument};
use crate::cli::{Outcome, json};

/// Store a value, whatever was there
///
/// A file or standard input may have up to 64 GiB: only a small part of it is in memory at a time.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder set greeting hello --ttl 10m
  curl -s https://example.com/ | larder set page --tag pages
  larder set picture --file picture.png
  tar -c src | larder set backup --ttl 7d
  larder set visits 0 --type integer")]
pub(crate) struct Set {
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    value: ValueArgument,
    #[command(flatten)]
    entry: EntryArguments,

    /// Store only over the entry of this version, as `larder get --json` tells it; exits with 1 if it
    /// was replaced or removed since
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

impl Set {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let (key, options) = (self.key.key()?, self.entry.options());
        // A comparison takes the value as a whole.
        let stream = if self.if_version.is_none() { self.value.stream()? } else { None };
        let version = match (stream, self.if_version) {
            (Some(stream), _) => Some(stream.store(&session.open_or_create()?, key, &options)?),
            (None, None) => {
                let value = self.value.read()?;
                Some(session.open_or_create()?.set_with(key, value, &options)?)
            }
            (None, expected) => {
                let value = self.value.read()?;
                session.open_or_create()?.compare_and_set(key, expected, value, &options)?
            }
        };
        session.confirm_json(&json::Stored { version })?;
        Ok(Outcome::done(version.is_some()))
    }
}
