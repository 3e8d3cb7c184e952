//! `larder evict`.

use clap::Args;
use larder::{Selection, Task};

use crate::cli::failure::Failure;
use crate::cli::key::KeyType;
use crate::cli::selection::SelectionArguments;
use crate::cli::session::Session;
use crate::cli::{Outcome, work};

/// Remove the entries with a tag, a prefix or in a range of keys
///
/// Works in steps between which others can use the cache; Ctrl-C ends it, and says how many are gone.
/// Exits with 1 if there were none.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder evict --tag pages
  larder evict --prefix page:
  larder evict --key-type integer --from 100 --to 200")]
pub(crate) struct Evict {
    #[command(flatten)]
    selection: SelectionArguments,

    /// How --prefix, --from and --to are written
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,
}

impl Evict {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let selection = self.selection.selection(self.key_type)?;
        if selection == Selection::All {
            let text = "which entries? name them with --tag, --prefix, --from or --to; `larder clear` removes all";
            return Err(Failure::Usage(text.to_owned()));
        }
        work::remove(session, &session.open()?, &Task::Evict(selection))
    }
}
