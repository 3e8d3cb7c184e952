//! How a cache is opened and an entry stored.

use crate::error::{Error, Result};

/// Most tags of one entry.
pub const TAGS_LIMIT: usize = 64;
/// Longest tag in bytes.
pub const TAG_LIMIT: usize = 1024;
/// Longest name of a queue in bytes.
pub const QUEUE_LIMIT: usize = 1024;
/// Most shards of one directory. A shard takes two of the 128 descriptors that a component has (WASI's
/// adapter for preview 1 keeps them in a table), and resharding has the old and the new ones open.
pub const SHARDS_LIMIT: u32 = 30;
/// Largest inline threshold in bytes.
pub const INLINE_LIMIT: u32 = 1024 * 1024;
/// How long an operation waits for others unless told otherwise, in milliseconds.
pub const DEFAULT_WAIT_MS: u32 = 60_000;
/// How long a lease lasts unless told otherwise, in milliseconds.
pub const DEFAULT_LEASE_MS: u32 = 10_000;

/// When an entry stops being found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// What the directory's default time to live says.
    #[default]
    Default,
    /// Not by age.
    Never,
    /// So many milliseconds from now.
    After(u64),
}

/// How an entry is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetOptions {
    /// When it expires.
    pub ttl: Expiry,
    /// Labels to list and evict it by.
    pub tags: Vec<String>,
    /// Whether a hit starts the time to live anew.
    pub sliding: bool,
}

impl SetOptions {
    /// The tags in order, each once; refuses those that can not be.
    pub(crate) fn checked_tags(&self) -> Result<Vec<&str>> {
        let mut tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > TAGS_LIMIT {
            return Err(Error::InvalidArgument(format!("{} tags, at most {TAGS_LIMIT} are possible", tags.len())));
        }
        tags.iter().try_for_each(|tag| check_tag(tag))?;
        Ok(tags)
    }
}

/// Refuses a tag that can not be.
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    if tag.is_empty() || tag.contains('\0') {
        return Err(Error::InvalidArgument("a tag must not be empty or contain NUL".into()));
    }
    if tag.len() > TAG_LIMIT {
        return Err(Error::TooLarge { what: "a tag".into(), size: tag.len() as u64, limit: TAG_LIMIT as u64 });
    }
    Ok(())
}

/// Which entry goes first when a limit is reached. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Nothing is evicted.
    None = 0,
    /// The entry stored longest ago.
    #[default]
    LeastRecentlyStored = 1,
    /// The entry read or stored longest ago.
    LeastRecentlyUsed = 2,
    /// The entry read least often, old reads fading.
    LeastFrequentlyUsed = 3,
}

impl Policy {
    /// The policy with this number; none if there is none.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::None, Self::LeastRecentlyStored, Self::LeastRecentlyUsed, Self::LeastFrequentlyUsed]
            .into_iter()
            .find(|policy| *policy as i64 == number)
    }
}

/// One end of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where values are pulled from, unless told otherwise.
    Front,
    /// Where values are pushed, unless told otherwise.
    Back,
}

/// Refuses a name that no queue can have.
pub(crate) fn check_queue(queue: &str) -> Result<()> {
    if queue.contains('\0') {
        return Err(Error::InvalidArgument("the name of a queue must not contain NUL".into()));
    }
    if queue.len() > QUEUE_LIMIT {
        let (size, limit) = (queue.len() as u64, QUEUE_LIMIT as u64);
        return Err(Error::TooLarge { what: "the name of a queue".into(), size, limit });
    }
    Ok(())
}

/// What survives a power loss. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The directory stays consistent; the most recent changes may be undone together.
    #[default]
    Relaxed = 0,
    /// Whatever a call has stored when it returns.
    Full = 1,
}

/// How values are made smaller, where that saves space. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// Fast.
    Lz4 = 1,
    /// Small.
    Zstd = 2,
}

/// A bound on the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    /// As recorded.
    #[default]
    Recorded,
    /// None.
    Unlimited,
    /// At most this much.
    AtMost(u64),
}

/// Changes of what a directory records. `None`, `Recorded` and `Default` keep what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Bound on the volume.
    pub size_limit: Limit,
    /// Bound on the count.
    pub item_limit: Limit,
    /// What is evicted first.
    pub policy: Option<Policy>,
    /// Time to live of entries that name none.
    pub default_ttl: Expiry,
    /// From which size on values have files.
    pub inline_threshold: Option<u32>,
    /// What survives a power loss.
    pub durability: Option<Durability>,
    /// How values stored from now on are made smaller.
    pub compression: Option<Compression>,
    /// Whether statistics are added up in the directory.
    pub statistics: Option<bool>,
}

impl Changes {
    /// Whether nothing is to change.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses changes that can not be.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::InvalidArgument(what));
        if matches!(self.inline_threshold, Some(threshold) if threshold == 0 || threshold > INLINE_LIMIT) {
            return refuse(format!("the inline threshold must be 1 to {INLINE_LIMIT} bytes"));
        }
        for (limit, name) in [(self.size_limit, "size"), (self.item_limit, "item")] {
            if matches!(limit, Limit::AtMost(most) if most == 0 || i64::try_from(most).is_err()) {
                return refuse(format!("the {name} limit must be 1 to 2^63-1"));
            }
        }
        match self.default_ttl {
            Expiry::After(0) => refuse("a default time to live of 0 would store nothing".into()),
            Expiry::After(ttl) if i64::try_from(ttl).is_err() => {
                Err(Error::Overflow(format!("a default time to live of {ttl} ms")))
            }
            _ => Ok(()),
        }
    }
}

/// How to open a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make the directory and a cache in it if there is none.
    pub create: bool,
    /// Refuse changes.
    pub read_only: bool,
    /// Let nobody else in.
    pub exclusive: bool,
    /// Number of databases.
    pub shards: Option<u32>,
    /// What the directory is to record.
    pub changes: Changes,
    /// Longest wait for others, in milliseconds.
    pub wait_ms: u32,
    /// Duration of a lease, in milliseconds.
    pub lease_ms: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            create: true,
            read_only: false,
            exclusive: false,
            shards: None,
            changes: Changes::default(),
            wait_ms: DEFAULT_WAIT_MS,
            lease_ms: DEFAULT_LEASE_MS,
        }
    }
}

impl OpenOptions {
    /// Refuses options that can not be.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::InvalidArgument(what));
        if self.read_only && (self.create || !self.changes.is_empty()) {
            return refuse("read-only excludes create and every change of a setting".into());
        }
        if let Some(shards) = self.shards.filter(|shards| *shards == 0 || *shards > SHARDS_LIMIT) {
            return refuse(format!("shards must be 1 to {SHARDS_LIMIT}, not {shards}"));
        }
        if !(100..=3_600_000).contains(&self.lease_ms) {
            return refuse("the lease must be 100 to 3,600,000 ms".into());
        }
        self.changes.validate()
    }
}
