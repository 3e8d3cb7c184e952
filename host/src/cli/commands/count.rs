//! `larder count`.

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::key::KeyType;
use crate::cli::selection::SelectionArguments;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output};

/// Count entries
///
/// Counts live entries, all of them or those with a tag, a prefix or in a range of keys. With --json
/// also prints their size. Exits with 1 if there are none.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder count\n  larder count --tag pages --json")]
pub(crate) struct Count {
    #[command(flatten)]
    selection: SelectionArguments,

    /// How --prefix, --from and --to are written
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// Also count entries that have expired but are not removed yet
    #[arg(long)]
    expired: bool,
}

impl Count {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let selection = self.selection.selection(self.key_type)?;
        let tally = session.open_to_read()?.measure(selection, self.expired)?;
        if session.json() {
            output::json(&json::Tally { count: tally.count, size: tally.size })?;
        } else {
            output::line(&tally.count.to_string())?;
        }
        Ok(Outcome::done(tally.count > 0))
    }
}
