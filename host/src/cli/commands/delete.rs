//! `larder delete`.

use std::ffi::OsString;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::key::KeyType;
use crate::cli::session::Session;
use crate::cli::{Outcome, json};

/// Remove entries by key
///
/// All of them, or on an error none. Exits with 1 if there was none under any of the keys.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder delete greeting
  larder keys --prefix page: -0 | xargs -0 larder delete --")]
pub(crate) struct Delete {
    /// The keys
    #[arg(required = true, allow_negative_numbers = true, value_name = "KEY")]
    keys: Vec<OsString>,

    /// How the keys are written
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,
}

impl Delete {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let keys: Vec<_> = self.keys.iter().map(|key| self.key_type.parse(key)).collect::<Result<_, _>>()?;
        let found = session.open()?.delete_many(&keys)?;
        let removed = found.iter().map(|found| u64::from(*found)).sum();
        session.confirm_json(&json::Removed { removed })?;
        Ok(Outcome::done(removed > 0))
    }
}
