//! `larder add`.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::key::KeyArgument;
use crate::cli::session::Session;
use crate::cli::value::{EntryArguments, ValueArgument};
use crate::cli::{Outcome, json};

/// Store a value unless the key has one
///
/// Exits with 1 if it has. Of many that do this at the same time, exactly one stores its value.
#[derive(Args)]
#[command(after_help = "Example:\n  larder add nightly \"$$\" --ttl 1h && echo 'first today'")]
pub(crate) struct Add {
    #[command(flatten)]
    key: KeyArgument,
    #[command(flatten)]
    value: ValueArgument,
    #[command(flatten)]
    entry: EntryArguments,
}

impl Add {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let (key, value) = (self.key.key()?, self.value.read()?);
        let version = session.open_or_create()?.add(key, value, &self.entry.options())?;
        session.confirm_json(&json::Stored { version })?;
        Ok(Outcome::done(version.is_some()))
    }
}
