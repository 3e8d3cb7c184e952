//! `larder info`, and the table that `larder init` prints, too.

use clap::Args;
use larder::{Cache, Information, Policy};

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, json, output, units};

/// Print the settings and totals of the cache
///
/// `larder init` changes the settings.
#[derive(Args)]
#[command(after_help = "Examples:\n  larder info\n  larder info --json | jq .volume")]
pub(crate) struct Info {}

impl Info {
    #[expect(clippy::unused_self, reason = "as every command is called")]
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        print(&session.open_to_read()?, session.json())?;
        Ok(Outcome::Done)
    }
}

/// Prints what is known of the cache.
pub(super) fn print(cache: &Cache, as_json: bool) -> Result<(), Failure> {
    let information = cache.info()?;
    let directory = cache.directory().display().to_string();
    if as_json {
        output::json(&json::Settings::new(directory, &information))
    } else {
        output::table(&rows(directory, &information))
    }
}

fn rows(directory: String, information: &Information) -> Vec<(&'static str, String)> {
    let unlimited = || "none".to_owned();
    vec![
        ("directory", directory),
        ("entries", information.count.to_string()),
        ("volume", units::show_size(information.volume)),
        ("size limit", information.size_limit.map_or_else(unlimited, units::show_size)),
        ("item limit", information.item_limit.map_or_else(unlimited, |limit| limit.to_string())),
        ("policy", policy(information.policy).to_owned()),
        ("default ttl", information.default_ttl.map_or_else(|| "never".to_owned(), units::show_duration)),
        ("inline threshold", units::show_size(information.inline_threshold.into())),
        (
            "durability",
            match information.durability {
                larder::Durability::Relaxed => "relaxed".to_owned(),
                larder::Durability::Full => "full".to_owned(),
            },
        ),
        ("compression", json::compression_name(information.compression).to_owned()),
        ("statistics", if information.statistics { "recorded" } else { "not recorded" }.to_owned()),
        ("shards", information.shards.to_string()),
        ("sharing", if information.shared { "many at a time" } else { "one at a time" }.to_owned()),
        ("format", information.format.to_string()),
    ]
}

fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::None => "none: nothing is evicted",
        Policy::LeastRecentlyStored => "lrs: least recently stored first",
        Policy::LeastRecentlyUsed => "lru: least recently used first",
        Policy::LeastFrequentlyUsed => "lfu: least frequently used first",
    }
}
