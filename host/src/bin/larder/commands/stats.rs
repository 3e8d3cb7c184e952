//! `larder stats`.

use clap::Args;
use larder::Selection;

use crate::failure::Failure;
use crate::session::Session;
use crate::{Outcome, json, output, units};

/// Print how full the cache is
///
/// Entries that have expired count until they are removed. Hits and misses are not shown: they are
/// counted by each program that uses the cache and not kept in its directory.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder stats\n  larder stats --json | jq .mean_size")]
pub(crate) struct Stats {}

impl Stats {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = session.open_to_read()?;
        let information = cache.info()?;
        let entries = cache.measure(Selection::All, true)?;
        let usage = json::Usage {
            count: information.count,
            volume: information.volume,
            mean_size: entries.size.checked_div(entries.count),
            size_limit: information.size_limit,
            item_limit: information.item_limit,
        };
        if session.json() {
            output::json(&usage)?;
        } else {
            output::table(&rows(&usage))?;
        }
        Ok(Outcome::Done)
    }
}

fn rows(usage: &json::Usage) -> Vec<(&'static str, String)> {
    let size = usage.mean_size.map_or_else(|| "-".to_owned(), units::show_size);
    vec![
        ("entries", share(usage.count, usage.item_limit, |count| count.to_string())),
        ("volume", share(usage.volume, usage.size_limit, units::show_size)),
        ("mean size", size),
    ]
}

/// How much there is of how much there may be.
fn share(used: u64, limit: Option<u64>, show: impl Fn(u64) -> String) -> String {
    match limit {
        Some(limit) => {
            let percent = u128::from(used) * 100 / u128::from(limit.max(1));
            format!("{} of {} ({percent} %)", show(used), show(limit))
        }
        None => format!("{} (no limit)", show(used)),
    }
}
