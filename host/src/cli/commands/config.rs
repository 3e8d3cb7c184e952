//! `larder config`.

use clap::Args;
use larder::Changes;

use super::init::{Compression, Durability, Policy};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, units};

/// The settings by name, with how each is written.
const SETTINGS: [(&str, &str); 8] = [
    ("size-limit", "a size such as 512MiB, or none"),
    ("item-limit", "a number of entries, or none"),
    ("policy", "lru, lfu, lrs or none"),
    ("default-ttl", "a duration such as 7d, or never"),
    ("inline-threshold", "a size of up to 1MiB"),
    ("durability", "relaxed or full"),
    ("compression", "none, lz4 or zstd"),
    ("statistics", "on or off"),
];

/// Show the settings of a cache, or change one
///
/// A change holds for all who use the cache, those that have it open too. A limit that is lowered
/// takes effect with what is stored next, or `larder cull`.
#[derive(Args)]
#[command(after_help = "\
Settings: size-limit, item-limit, policy, default-ttl, inline-threshold, durability,
  compression, statistics

Examples:
  larder config
  larder config size-limit 4GiB
  larder config policy lru")]
pub(crate) struct Config {
    /// Which setting to change
    #[arg(requires = "value")]
    name: Option<String>,

    /// What to change it to
    value: Option<String>,
}

impl Config {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        if let (Some(name), Some(value)) = (&self.name, &self.value) {
            let changes = change(name, value)?;
            session.open()?.configure(&changes)?;
            session.confirm(&serde_json::json!({ name: value }), &format!("{name} is now {value}"))?;
        } else {
            super::info::print(&session.open_to_read()?, session.json())?;
        }
        Ok(Outcome::Done)
    }
}

/// The change of one setting.
fn change(name: &str, value: &str) -> Result<Changes, Failure> {
    let changes = Changes::new();
    let written = |parsed: Result<Changes, String>| {
        parsed.map_err(|reason| Failure::Usage(format!("{name} can not be {value:?}: {reason}")))
    };
    written(match name {
        "size-limit" => units::size_limit(value).map(|limit| changes.size_limit(limit)),
        "item-limit" => units::item_limit(value).map(|limit| changes.item_limit(limit)),
        "policy" => <Policy as clap::ValueEnum>::from_str(value, true).map(|policy| changes.policy(policy.into())),
        "default-ttl" => units::expiry(value).map(|expiry| changes.default_ttl(expiry)),
        "inline-threshold" => units::small_size(value).map(|size| changes.inline_threshold(size)),
        "durability" => {
            <Durability as clap::ValueEnum>::from_str(value, true).map(|choice| changes.durability(choice.into()))
        }
        "compression" => {
            <Compression as clap::ValueEnum>::from_str(value, true).map(|choice| changes.compression(choice.into()))
        }
        "statistics" => match value {
            "on" => Ok(changes.statistics(true)),
            "off" => Ok(changes.statistics(false)),
            _ => Err("it is on or off".to_owned()),
        },
        _ => return Err(Failure::Usage(unknown(name))),
    })
}

fn unknown(name: &str) -> String {
    let known: Vec<String> = SETTINGS.iter().map(|(name, form)| format!("  {name}: {form}")).collect();
    format!("there is no setting {name:?}; these are the settings:\n{}", known.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_is_listed_can_be_changed() {
        for ((name, _), value) in SETTINGS.iter().zip(["1GiB", "10", "lru", "7d", "1KiB", "full", "zstd", "on"]) {
            assert!(change(name, value).is_ok(), "{name}");
            assert!(change(name, "nonsense").is_err(), "{name}");
        }
        assert!(change("colour", "red").is_err());
    }
}
