//! What a directory records.

use std::time::Duration;

use super::Expiry;
use crate::runtime::bindings::cache as wit;

/// Which entry goes first when a limit is reached. Expired ones always go before any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Nothing is evicted: storing beyond a limit is the error [`crate::Error::Full`].
    None,
    /// The entry stored longest ago.
    #[default]
    LeastRecentlyStored,
    /// The entry read or stored longest ago.
    LeastRecentlyUsed,
    /// The entry read least often, old reads fading.
    LeastFrequentlyUsed,
}

impl From<wit::Policy> for Policy {
    fn from(policy: wit::Policy) -> Self {
        match policy {
            wit::Policy::None => Self::None,
            wit::Policy::LeastRecentlyStored => Self::LeastRecentlyStored,
            wit::Policy::LeastRecentlyUsed => Self::LeastRecentlyUsed,
            wit::Policy::LeastFrequentlyUsed => Self::LeastFrequentlyUsed,
        }
    }
}

impl From<Policy> for wit::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::None => Self::None,
            Policy::LeastRecentlyStored => Self::LeastRecentlyStored,
            Policy::LeastRecentlyUsed => Self::LeastRecentlyUsed,
            Policy::LeastFrequentlyUsed => Self::LeastFrequentlyUsed,
        }
    }
}

/// How values are made smaller: each by itself, and only where that saves space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Fast: LZ4.
    Lz4,
    /// Small: Zstandard.
    Zstd,
}

impl From<wit::Compression> for Compression {
    fn from(compression: wit::Compression) -> Self {
        match compression {
            wit::Compression::None => Self::None,
            wit::Compression::Lz4 => Self::Lz4,
            wit::Compression::Zstd => Self::Zstd,
        }
    }
}

impl From<Compression> for wit::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::None => Self::None,
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// What survives a power loss. A crash of a process loses nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The directory stays consistent; the most recent changes may be undone together. Of a queue that one
    /// handle uses again and again, up to 64 of the last pushes and pulls may be undone by themselves, or stay
    /// though other changes are undone.
    #[default]
    Relaxed,
    /// Whatever a call has stored when it returns; each change waits for the disk.
    Full,
}

impl From<wit::Durability> for Durability {
    fn from(durability: wit::Durability) -> Self {
        match durability {
            wit::Durability::Relaxed => Self::Relaxed,
            wit::Durability::Full => Self::Full,
        }
    }
}

impl From<Durability> for wit::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Relaxed => Self::Relaxed,
            Durability::Full => Self::Full,
        }
    }
}

/// A bound on the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// As the directory records it; for a new one the default.
    #[default]
    Recorded,
    /// None.
    Unlimited,
    /// At most this much; not 0.
    AtMost(u64),
}

impl From<u64> for Limit {
    fn from(most: u64) -> Self {
        Self::AtMost(most)
    }
}

impl From<Limit> for wit::Limit {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Recorded => Self::Recorded,
            Limit::Unlimited => Self::Unlimited,
            Limit::AtMost(most) => Self::AtMost(most),
        }
    }
}

/// Changes of what a directory records, in force for all its users; see [`crate::Cache::configure`].
/// What is not named stays.
///
/// ```
/// use larder::{Changes, Policy};
/// let changes = Changes::new().size_limit(64 << 20).policy(Policy::LeastRecentlyUsed);
/// # let _ = changes;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Changes {
    size_limit: Limit,
    item_limit: Limit,
    policy: Option<Policy>,
    default_ttl: Expiry,
    inline_threshold: Option<u32>,
    durability: Option<Durability>,
    compression: Option<Compression>,
    statistics: Option<bool>,
}

impl Changes {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// How large the volume may become, in bytes: at least 256 KiB for each shard. New directories:
    /// 1 GiB.
    pub fn size_limit(mut self, limit: impl Into<Limit>) -> Self {
        self.size_limit = limit.into();
        self
    }

    /// How many entries there may be. New directories: unlimited.
    pub fn item_limit(mut self, limit: impl Into<Limit>) -> Self {
        self.item_limit = limit.into();
        self
    }

    /// Which entries go first. New directories: [`Policy::LeastRecentlyStored`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The time to live of entries that name none. New directories: never.
    pub fn default_ttl(mut self, expiry: impl Into<Expiry>) -> Self {
        self.default_ttl = expiry.into();
        self
    }

    /// From which size on values have files of their own, 1 byte to 1 MiB. New directories: 32 KiB.
    pub fn inline_threshold(mut self, bytes: u32) -> Self {
        self.inline_threshold = Some(bytes);
        self
    }

    /// What survives a power loss. New directories: [`Durability::Relaxed`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// How values that are stored from now on are made smaller. New directories:
    /// [`Compression::None`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Whether what all handles count is added up in the directory, in batches. New directories: no.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.statistics = Some(statistics);
        self
    }

    pub(crate) fn as_param(&self) -> wit::Changes {
        wit::Changes {
            size_limit: self.size_limit.into(),
            item_limit: self.item_limit.into(),
            policy: self.policy.map(Into::into),
            default_ttl: self.default_ttl.into(),
            inline_threshold: self.inline_threshold,
            durability: self.durability.map(Into::into),
            compression: self.compression.map(Into::into),
            statistics: self.statistics,
        }
    }
}

/// A directory's settings and totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// Version of the format on disk.
    pub format: u32,
    /// Number of shards.
    pub shards: u32,
    /// Whether other instances and processes may use the directory at the same time.
    pub shared: bool,
    /// Bound on the volume, in bytes.
    pub size_limit: Option<u64>,
    /// Bound on the count.
    pub item_limit: Option<u64>,
    /// What is evicted first.
    pub policy: Policy,
    /// Default time to live.
    pub default_ttl: Option<Duration>,
    /// From which size on values have files of their own, in bytes.
    pub inline_threshold: u32,
    /// What survives a power loss.
    pub durability: Durability,
    /// How values are made smaller.
    pub compression: Compression,
    /// Whether statistics are added up in the directory.
    pub statistics: bool,
    /// Number of entries, expired ones included.
    pub count: u64,
    /// Bytes on disk.
    pub volume: u64,
}

impl From<wit::Information> for Information {
    fn from(information: wit::Information) -> Self {
        Self {
            format: information.format,
            shards: information.shards,
            shared: information.shared,
            size_limit: information.size_limit,
            item_limit: information.item_limit,
            policy: information.policy.into(),
            default_ttl: information.default_ttl_ms.map(Duration::from_millis),
            inline_threshold: information.inline_threshold,
            durability: information.durability.into(),
            compression: information.compression.into(),
            statistics: information.statistics,
            count: information.count,
            volume: information.volume,
        }
    }
}
