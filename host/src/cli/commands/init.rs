//! `larder init`.

use clap::{Args, ValueEnum};
use larder::{CacheBuilder, Expiry, Limit};

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::{Outcome, units};

/// Make a cache, or change the settings of one
///
/// What is not named stays as it is, or gets its default in a new cache. Every other command that
/// stores makes a cache with the defaults if there is none.
#[derive(Args)]
#[command(after_help = "\
Sizes are written like 512M or 1G (powers of 1000) or 512MiB or 1GiB (powers of 1024).

Examples:
  larder init --size-limit 4GiB --policy lru
  larder init --dir ./cache --shards 8 --default-ttl 7d")]
pub(crate) struct Init {
    /// How large the cache may become, or `none` [new: 1GiB]
    #[arg(long, value_parser = units::size_limit, value_name = "SIZE")]
    size_limit: Option<Limit>,

    /// How many entries there may be, or `none` [new: none]
    #[arg(long, value_parser = units::item_limit, value_name = "COUNT")]
    item_limit: Option<Limit>,

    /// Which entries go first when a limit is reached [new: lrs]
    #[arg(long, value_enum)]
    policy: Option<Policy>,

    /// Over how many databases the entries are spread, 1 to 30; `larder reshard` changes it later [new: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    shards: Option<u32>,

    /// The time to live of entries that name none, or `never` [new: never]
    #[arg(long, value_parser = units::expiry, value_name = "DURATION")]
    default_ttl: Option<Expiry>,

    /// From which size on a value has a file of its own, up to 1MiB [new: 32KiB]
    #[arg(long, value_parser = units::small_size, value_name = "SIZE")]
    inline_threshold: Option<u32>,

    /// What survives a power loss [new: relaxed]
    #[arg(long, value_enum)]
    durability: Option<Durability>,

    /// How values are made smaller, where that saves space [new: none]
    #[arg(long, value_enum)]
    compression: Option<Compression>,
}

/// The policies of [`larder::Policy`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Policy {
    /// The entry read or stored longest ago
    Lru,
    /// The entry read least often
    Lfu,
    /// The entry stored longest ago
    Lrs,
    /// None: beyond a limit nothing can be stored
    None,
}

/// What a power loss spares: the choices of [`larder::Durability`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Durability {
    /// All but the most recent changes
    Relaxed,
    /// Everything, at the cost of waiting for the disk with every change
    Full,
}

/// How values are made smaller: the choices of [`larder::Compression`].
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Compression {
    /// Not at all
    None,
    /// Fast
    Lz4,
    /// Small
    Zstd,
}

impl Init {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let cache = self.apply(session.builder()).open(session.directory()?)?;
        super::info::print(&cache, session.json())?;
        Ok(Outcome::Done)
    }

    fn apply(&self, mut builder: CacheBuilder) -> CacheBuilder {
        if let Some(limit) = self.size_limit {
            builder = builder.size_limit(limit);
        }
        if let Some(limit) = self.item_limit {
            builder = builder.item_limit(limit);
        }
        if let Some(policy) = self.policy {
            builder = builder.policy(policy.into());
        }
        if let Some(shards) = self.shards {
            builder = builder.shards(shards);
        }
        if let Some(ttl) = self.default_ttl {
            builder = builder.default_ttl(ttl);
        }
        if let Some(threshold) = self.inline_threshold {
            builder = builder.inline_threshold(threshold);
        }
        if let Some(durability) = self.durability {
            builder = builder.durability(durability.into());
        }
        if let Some(compression) = self.compression {
            builder = builder.compression(compression.into());
        }
        builder
    }
}

impl From<Policy> for larder::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Lru => Self::LeastRecentlyUsed,
            Policy::Lfu => Self::LeastFrequentlyUsed,
            Policy::Lrs => Self::LeastRecentlyStored,
            Policy::None => Self::None,
        }
    }
}

impl From<Compression> for larder::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd,
        }
    }
}

impl From<Durability> for larder::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Relaxed => Self::Relaxed,
            Durability::Full => Self::Full,
        }
    }
}
