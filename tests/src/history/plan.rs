//! What a round of clients is to do. It is handed to worker processes as JSON.

use std::time::Duration;

use larder::{Cache, CacheBuilder};
use serde::{Deserialize, Serialize};

/// How many entries a group has.
pub const MEMBERS: u32 = 4;
/// How many tags there are.
pub const TAGS: u32 = 4;

/// What clients do, and on how many things of each kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// What the operations are drawn from.
    pub seed: u64,
    /// How many clients a process has, each a thread.
    pub threads: u32,
    /// How many instances they share.
    pub instances: u32,
    /// How many operations each client does.
    pub operations: u32,
    /// Over how many databases entries are spread.
    pub shards: u32,
    /// Single entries.
    pub items: u32,
    /// Groups of entries.
    pub groups: u32,
    /// Queues and deques.
    pub lines: u32,
    /// Locks.
    pub locks: u32,
    /// Whether values are computed.
    pub memos: bool,
    /// Whether entries expire.
    pub expires: bool,
    /// Whether tags are evicted.
    pub evicts: bool,
    /// How many takes of the limit there may be in each [`Plan::PERIOD`], if it is used.
    pub takes: Option<u32>,
    /// A bound on the number of entries: then any may go.
    pub item_limit: Option<u64>,
    /// For how long holders may be silent.
    pub lease_ms: u32,
}

impl Plan {
    /// The stretch of time a limit is for.
    pub const PERIOD: Duration = Duration::from_millis(200);
    /// From which size on values have files of their own: so that many do.
    const INLINE_THRESHOLD: u32 = 2_000;

    /// Everything at once, without an end to the size.
    pub fn everything(seed: u64) -> Self {
        Self {
            seed,
            threads: 3,
            instances: 2,
            operations: 250,
            shards: if seed.is_multiple_of(2) { 1 } else { 4 },
            items: 8,
            groups: 2,
            lines: 4,
            locks: 3,
            memos: true,
            expires: true,
            evicts: true,
            takes: None,
            item_limit: None,
            lease_ms: 3_000,
        }
    }

    /// Entries that make room for each other.
    pub fn limited(seed: u64) -> Self {
        let everything = Self::everything(seed);
        Self { items: 24, groups: 0, lines: 0, memos: false, item_limit: Some(12), ..everything }
    }

    /// How clients open the cache.
    pub fn builder(&self) -> CacheBuilder {
        let builder = Cache::builder().instances(self.instances as usize).inline_threshold(Self::INLINE_THRESHOLD);
        let builder = builder.shards(self.shards);
        self.item_limit.map_or(builder.clone(), |limit| builder.item_limit(limit))
    }
}

/// The key of an entry.
pub fn item_key(item: u32) -> String {
    format!("item:{item:03}")
}

/// The tag of an entry.
pub fn tag_of(item: u32) -> u32 {
    item % TAGS
}

/// The text of a tag.
pub fn tag_name(tag: u32) -> String {
    format!("tag:{tag}")
}

/// The key of a member of a group.
pub fn member_key(group: u32, member: u32) -> String {
    format!("group:{group}:{member}")
}

/// What begins the keys of all entries that are no members of a group.
pub const ITEM_PREFIX: &str = "item:";
