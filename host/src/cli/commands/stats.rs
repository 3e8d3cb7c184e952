//! `larder stats`.

use clap::Args;
use larder::Selection;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output, units};

/// Print how full the cache is
///
/// Entries that have expired count until they are removed. If the setting `statistics` is on, also
/// prints what all programs have counted: as far as they have written it, which they do in batches.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  larder stats\n  larder stats --json | jq .mean_size\n  larder config statistics on && larder stats"
)]
pub(crate) struct Stats {
    /// Set what all programs have counted back to zero
    #[arg(long)]
    reset: bool,
}

impl Stats {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        if self.reset {
            session.open()?.reset_stats()?;
        }
        let cache = session.open_to_read()?;
        let information = cache.info()?;
        let entries = cache.measure(Selection::All, true)?;
        let usage = json::Usage {
            count: information.count,
            volume: information.volume,
            mean_size: entries.size.checked_div(entries.count),
            size_limit: information.size_limit,
            item_limit: information.item_limit,
            recorded: cache.recorded_stats()?,
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
    let mut rows = vec![
        ("entries", share(usage.count, usage.item_limit, |count| count.to_string())),
        ("volume", share(usage.volume, usage.size_limit, units::show_size)),
        ("mean size", size),
    ];
    if let Some(recorded) = &usage.recorded {
        let counts = [
            ("hits", recorded.hits),
            ("misses", recorded.misses),
            ("sets", recorded.sets),
            ("deletes", recorded.deletes),
            ("evictions", recorded.evictions),
            ("removals", recorded.removals),
            ("expirations", recorded.expirations),
        ];
        rows.extend(counts.map(|(name, count)| (name, count.to_string())));
    }
    rows
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
