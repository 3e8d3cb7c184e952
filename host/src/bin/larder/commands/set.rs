//! `larder set`.

use clap::Args;

use crate::failure::Failure;
use crate::key::KeyArgument;
use crate::session::Session;
use crate::value::{EntryArguments, ValueArgument};
use crate::{Outcome, json};

/// Store a value, whatever was there
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder set greeting hello --ttl 10m
  curl -s https://example.com/ | larder set page --tag pages
  larder set picture --file picture.png
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
        let (key, value) = (self.key.key()?, self.value.read()?);
        let (cache, options) = (session.open_or_create()?, self.entry.options());
        let version = match self.if_version {
            None => Some(cache.set_with(key, value, &options)?),
            expected => cache.compare_and_set(key, expected, value, &options)?,
        };
        session.confirm_json(&json::Stored { version })?;
        Ok(Outcome::done(version.is_some()))
    }
}
