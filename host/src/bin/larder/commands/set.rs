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
}

impl Set {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let (key, value) = (self.key.key()?, self.value.read()?);
        let version = session.open_or_create()?.set_with(key, value, &self.entry.options())?;
        session.confirm_json(&json::Stored { version: Some(version) })?;
        Ok(Outcome::Done)
    }
}
