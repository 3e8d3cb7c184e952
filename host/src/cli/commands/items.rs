//! `larder items`.

use clap::Args;

use super::keys::ScanArguments;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output};

/// List entries: keys, values and what else is known of them
///
/// Prints a JSON object on each line, as `larder get --json` does.
#[derive(Args)]
#[command(after_help = "\
Examples:
  larder items --prefix page: --limit 10
  larder items --order key | jq -r .key
  larder items --queue jobs --order key")]
pub(crate) struct Items {
    #[command(flatten)]
    scan: ScanArguments,
}

impl Items {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let scan = self.scan.scan()?;
        let cache = session.open_to_read()?;
        let mut lines = output::Lines::new();
        let mut left = self.scan.limit();
        for item in cache.items(&scan)? {
            if left == 0 {
                break;
            }
            let item = item?;
            if !self.scan.admits(&item.key) {
                continue;
            }
            left -= 1;
            lines.json(&json::Found::new(&item.key, &item.entry))?;
        }
        lines.end()
    }
}
