//! What a round of clients is to do. It is handed to worker processes as JSON.

use std::path::Path;
use std::time::Duration;

use larder::{Cache, CacheBuilder, Error, Limits};
use serde::{Deserialize, Serialize};

/// How many entries a group has.
pub const MEMBERS: u32 = 4;
/// How many tags there are.
pub const TAGS: u32 = 4;

/// How many keys an index has.
pub const INDEX_KEYS: u32 = 5;
/// How long opening an instance may take where calls are ended: on a busy machine it takes a while, and without
/// another a handle does not get on.
const OPENING: Duration = Duration::from_mins(1);

/// What removes entries that nobody names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removals {
    /// Nothing.
    None,
    /// Evicting those with a tag.
    Tags,
    /// That, and clearing. Then there are no queues, groups and memoized values, whose order and wholeness
    /// it takes no care of.
    All,
}

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
    /// How many operations on one of these a client does in a row, now and then.
    pub run: u32,
    /// Indexes.
    pub indexes: u32,
    /// Locks.
    pub locks: u32,
    /// Limits of either method.
    pub limits: u32,
    /// Counters and averages.
    pub tallies: u32,
    /// Barriers.
    pub barriers: u32,
    /// Values that are computed anew when they are too old.
    pub refreshes: u32,
    /// Whether values are computed once.
    pub memos: bool,
    /// How many bodies in a hundred are large.
    pub large: u32,
    /// Whether entries expire.
    pub expires: bool,
    /// What removes entries.
    pub removals: Removals,
    /// A bound on the number of entries: then any may go.
    pub item_limit: Option<u64>,
    /// A bound on what is on disk, as above.
    pub size_limit: Option<u64>,
    /// How long a call may take, if instances are to be ended in the middle of what they do, and how much
    /// memory they may have.
    pub call_ms: Option<u64>,
    /// For how long holders may be silent.
    pub lease_ms: u32,
}

impl Plan {
    /// The stretch of time a limit is for.
    pub const PERIOD: Duration = Duration::from_millis(200);
    /// How many may be taken in each.
    pub const TAKES: u32 = 6;
    /// How many parties there are at a barrier.
    pub const PARTIES: u32 = 3;
    /// For how long a value that is computed anew is fresh, in milliseconds.
    pub const FRESH_MS: u32 = 60;
    /// For how long after that it may be handed out while another computes it.
    pub const STALE_MS: u32 = 90;
    /// From which size on values have files of their own: so that many do.
    pub const INLINE_THRESHOLD: u32 = 2_000;
    /// How much memory an instance may have whose calls are ended: less than a few times the largest value.
    const MEMORY: usize = 10 << 20;

    /// Everything at once, without an end to the size.
    pub fn everything(seed: u64) -> Self {
        Self {
            seed,
            threads: 3,
            instances: 2,
            operations: 360,
            shards: if seed.is_multiple_of(2) { 1 } else { 4 },
            items: 8,
            groups: 2,
            lines: 4,
            run: 20,
            indexes: 2,
            locks: 3,
            limits: 2,
            tallies: 2,
            barriers: 1,
            refreshes: 2,
            memos: true,
            large: 10,
            expires: true,
            removals: Removals::Tags,
            item_limit: None,
            size_limit: None,
            call_ms: None,
            lease_ms: 3_000,
        }
    }

    /// Everything that clearing may come upon.
    pub fn cleared(seed: u64) -> Self {
        let everything = Self::everything(seed);
        Self { groups: 0, lines: 2, refreshes: 0, memos: false, removals: Removals::All, ..everything }
    }

    /// Queues that clients use in long runs, each with an instance of its own, so that they are biased now
    /// towards one of them and now towards another.
    pub fn queued(seed: u64) -> Self {
        let none = Self { groups: 0, indexes: 0, limits: 0, tallies: 0, barriers: 0, ..Self::everything(seed) };
        Self {
            threads: 1,
            instances: 1,
            operations: 1_000,
            items: 2,
            lines: 5,
            run: 60,
            refreshes: 0,
            memos: false,
            ..none
        }
    }

    /// Entries that make room for each other; of some seeds so few that none has to.
    pub fn limited(seed: u64) -> Self {
        let none = Self { groups: 0, lines: 0, indexes: 0, refreshes: 0, memos: false, ..Self::everything(seed) };
        match seed / 2 % 4 {
            0 => Self { items: 24, item_limit: Some(12), ..none },
            // A little more than the shares may take at least.
            1 => Self {
                items: 40,
                large: 50,
                size_limit: Some(if none.shards == 1 { 1 << 20 } else { 5 << 18 }),
                ..none
            },
            2 => Self { items: 10, item_limit: Some(40), ..none },
            _ => Self { size_limit: Some(32 << 20), ..none },
        }
    }

    /// Everything, with instances that are ended in the middle of it.
    pub fn hasty(seed: u64) -> Self {
        Self { call_ms: Some(40 + 10 * (seed % 4)), lease_ms: 700, ..Self::everything(seed) }
    }

    /// How many entries a crowd has: so many that evicting them by their tag leaves a tombstone, and if calls are
    /// to be ended, so many that storing them is.
    pub fn crowd(&self) -> u32 {
        if self.call_ms.is_some() { 40_000 } else { 600 }
    }

    /// The numbers of the lines: queues have even ones.
    pub fn lines(&self) -> impl Iterator<Item = u32> + use<> {
        let clears = self.removals == Removals::All;
        (0..self.lines).map(move |line| if clears { 2 * line + 1 } else { line })
    }

    /// The entries with a tag.
    pub fn tagged(&self, tag: u32) -> impl Iterator<Item = u32> + use<> {
        (0..self.items).filter(move |item| tag_of(*item) == tag)
    }

    /// Whether entries may be evicted to make room.
    pub fn is_limited(&self) -> bool {
        self.item_limit.is_some() || self.size_limit.is_some()
    }

    /// For how long a client waits for a lock: for longer than anybody who is dead keeps it.
    pub fn lock_wait(&self) -> Duration {
        Duration::from_millis(u64::from(self.lease_ms) * 2) + Duration::from_secs(5)
    }

    /// Opens the cache as clients do, whose calls may be ended.
    pub fn open(&self, directory: &Path) -> Result<Cache, Error> {
        let Some(time) = self.call_ms else { return self.builder().open(directory) };
        let limits = Limits::new().call(Duration::from_millis(time)).opening(OPENING).memory(Self::MEMORY);
        self.builder().limits(limits).open(directory)
    }

    /// How the cache is opened by somebody with more patience.
    pub fn builder(&self) -> CacheBuilder {
        let builder = Cache::builder().instances(self.instances as usize).inline_threshold(Self::INLINE_THRESHOLD);
        let builder = builder.shards(self.shards);
        let builder = self.item_limit.map_or(builder.clone(), |limit| builder.item_limit(limit));
        self.size_limit.map_or(builder.clone(), |limit| builder.size_limit(limit))
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
