//! How entries are stored and selected, and what is known of them.

use std::ops::Bound;
use std::time::{Duration, SystemTime};

use crate::runtime::bindings::{cache as wit, types};
use crate::value::{Key, Value};

/// When an entry stops being found. Durations count in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// What the directory's default time to live says.
    #[default]
    Default,
    /// Not by age.
    Never,
    /// So long from now.
    After(Duration),
}

impl From<Duration> for Expiry {
    fn from(ttl: Duration) -> Self {
        Self::After(ttl)
    }
}

impl From<Expiry> for types::Expiry {
    fn from(expiry: Expiry) -> Self {
        match expiry {
            Expiry::Default => Self::Default,
            Expiry::Never => Self::Never,
            Expiry::After(ttl) => Self::After(milliseconds(ttl)),
        }
    }
}

/// Whole milliseconds, at most what 64 bits hold.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How an entry is stored.
///
/// ```
/// use std::time::Duration;
/// use larder::SetOptions;
/// let options = SetOptions::new().ttl(Duration::from_secs(60)).tag("page").tag("en");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetOptions {
    expiry: Expiry,
    tags: Vec<String>,
    sliding: bool,
}

impl SetOptions {
    /// The directory's default time to live, and no tags.
    pub fn new() -> Self {
        Self::default()
    }

    /// When the entry expires.
    #[must_use]
    pub fn ttl(mut self, expiry: impl Into<Expiry>) -> Self {
        self.expiry = expiry.into();
        self
    }

    /// One more label to list and evict the entry by: not empty, at most 1 KiB, at most 64.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Each hit starts the time to live anew (to within an eighth of it).
    #[must_use]
    pub fn sliding(mut self) -> Self {
        self.sliding = true;
        self
    }

    /// The options in the terms of the WIT package; `tags` is where the labels are borrowed.
    pub(crate) fn as_param<'a>(&'a self, tags: &'a [&'a str]) -> types::SetOptions<'a> {
        types::SetOptions { ttl: self.expiry.into(), tags, sliding: self.sliding }
    }

    pub(crate) fn tags(&self) -> Vec<&str> {
        self.tags.iter().map(String::as_str).collect()
    }
}

/// An entry as it was read, value and metadata from one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it holds.
    pub value: Value<'static>,
    /// All else.
    pub metadata: Metadata,
}

/// An entry with its key; in a queue the key is the position.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it is found by.
    pub key: Key<'static>,
    /// The rest.
    pub entry: Entry,
}

impl From<types::Item> for Item {
    fn from(item: types::Item) -> Self {
        Self { key: item.key.into(), entry: item.entry.into() }
    }
}

/// An entry of a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Its place: greater than those in front of it, less than those behind it.
    pub position: i64,
    /// The rest.
    pub entry: Entry,
}

impl From<types::Queued> for Queued {
    fn from(queued: types::Queued) -> Self {
        Self { position: queued.position, entry: queued.entry.into() }
    }
}

/// One end of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where values are usually pulled from.
    Front,
    /// Where values are usually pushed.
    Back,
}

impl From<Side> for types::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Front => Self::Front,
            Side::Back => Self::Back,
        }
    }
}

/// How many entries there are, and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Number of entries.
    pub count: u64,
    /// Size of their keys, values and tags and 64 bytes for each.
    pub size: u64,
}

/// What is known of an entry besides its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// When it was last stored.
    pub stored: SystemTime,
    /// When it stops being found, if ever.
    pub expires: Option<SystemTime>,
    /// Whether a hit postpones that.
    pub sliding: bool,
    /// When it was last read or stored, as far as the policy tracks it; written in batches.
    pub accessed: SystemTime,
    /// How often it was read, with the same caveat.
    pub hits: u64,
    /// What it counts towards the volume, in bytes.
    pub size: u64,
    /// Its labels, in order.
    pub tags: Vec<String>,
    /// Changes whenever a value is stored under the key.
    pub version: u64,
}

impl From<types::Entry> for Entry {
    fn from(entry: types::Entry) -> Self {
        let metadata = entry.metadata;
        Self {
            value: entry.value.into(),
            metadata: Metadata {
                stored: time(metadata.stored_ms),
                expires: metadata.expires_ms.map(time),
                sliding: metadata.sliding,
                accessed: time(metadata.accessed_ms),
                hits: metadata.hits,
                size: metadata.size,
                tags: metadata.tags,
                version: metadata.version,
            },
        }
    }
}

/// The time so many milliseconds after the Unix epoch, or the latest there is.
fn time(milliseconds: u64) -> SystemTime {
    const LATEST: u64 = 253_402_300_799_999; // the end of the year 9999
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.min(LATEST))
}

/// Some of the entries.
///
/// ```
/// use larder::Selection;
/// let pages = Selection::prefix("page:");
/// let tagged = Selection::tag("en");
/// let hundred = Selection::range(1..=100);
/// # let _ = (pages, tagged, hundred);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Selection {
    /// All.
    #[default]
    All,
    /// Those that bear this tag.
    Tag(String),
    /// Those whose text, or bytes, key begins with this text, or these bytes.
    Prefix(Key<'static>),
    /// Those with a key in this range.
    Range(Bound<Key<'static>>, Bound<Key<'static>>),
    /// The entries of a queue; their keys are their positions, as integers.
    Queue(String),
}

impl Selection {
    /// The entries with a tag.
    pub fn tag(tag: impl Into<String>) -> Self {
        Self::Tag(tag.into())
    }

    /// The entries whose key begins so.
    pub fn prefix<'k>(prefix: impl Into<Key<'k>>) -> Self {
        Self::Prefix(prefix.into().into_owned())
    }

    /// The entries of a queue.
    pub fn queue(queue: impl Into<String>) -> Self {
        Self::Queue(queue.into())
    }

    /// The entries in a range of keys.
    pub fn range<'k, K: Into<Key<'k>> + Clone>(range: impl std::ops::RangeBounds<K>) -> Self {
        let owned = |bound: Bound<&K>| bound.map(|key| key.clone().into().into_owned());
        Self::Range(owned(range.start_bound()), owned(range.end_bound()))
    }

    pub(crate) fn as_param(&self) -> wit::Selection<'_> {
        match self {
            Self::All => wit::Selection::All,
            Self::Tag(tag) => wit::Selection::Tag(tag),
            Self::Queue(queue) => wit::Selection::Queue(queue),
            Self::Prefix(key) => wit::Selection::Prefix(key.as_param()),
            Self::Range(start, end) => wit::Selection::Range(wit::KeyRange { start: bound(start), end: bound(end) }),
        }
    }
}

fn bound<'a>(bound: &'a Bound<Key<'static>>) -> wit::Bound<'a> {
    match bound {
        Bound::Unbounded => wit::Bound::Unbounded,
        Bound::Included(key) => wit::Bound::Included(key.as_param()),
        Bound::Excluded(key) => wit::Bound::Excluded(key.as_param()),
    }
}

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By when the key came in; storing again keeps the place.
    #[default]
    Insertion,
    /// By key.
    Key,
}

/// What to enumerate: by default all live entries in the order they came in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// Which entries.
    pub selection: Selection,
    /// In which order.
    pub order: Order,
    /// From the end.
    pub reverse: bool,
    /// Also those that have expired and were not removed yet.
    pub expired: bool,
}

impl Scan {
    pub(crate) fn as_param(&self) -> wit::Scan<'_> {
        wit::Scan {
            selection: self.selection.as_param(),
            order: match self.order {
                Order::Insertion => wit::Order::Insertion,
                Order::Key => wit::Order::Key,
            },
            reverse: self.reverse,
            expired: self.expired,
        }
    }
}

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

/// What survives a power loss. A crash of a process loses nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The directory stays consistent; the most recent changes may be undone together.
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
            statistics: self.statistics,
        }
    }
}

/// What a cache has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Statistics {
    /// Reads that found an entry.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Entries stored.
    pub sets: u64,
    /// Entries deleted, popped or pulled.
    pub deletes: u64,
    /// Entries removed to keep within a limit.
    pub evictions: u64,
    /// Entries removed by `evict` and `clear`.
    pub removals: u64,
    /// Entries removed because they had expired.
    pub expirations: u64,
}

impl From<wit::Statistics> for Statistics {
    fn from(statistics: wit::Statistics) -> Self {
        let wit::Statistics { hits, misses, sets, deletes, evictions, removals, expirations } = statistics;
        Self { hits, misses, sets, deletes, evictions, removals, expirations }
    }
}

impl Statistics {
    /// Adds what another instance has counted.
    pub(crate) fn add(&mut self, other: wit::Statistics) {
        self.merge(&other.into());
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.misses += other.misses;
        self.sets += other.sets;
        self.deletes += other.deletes;
        self.evictions += other.evictions;
        self.removals += other.removals;
        self.expirations += other.expirations;
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
            statistics: information.statistics,
            count: information.count,
            volume: information.volume,
        }
    }
}

/// How far long work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries worked on so far.
    pub done: u64,
    /// Out of about how many.
    pub total: u64,
    /// Whether nothing is left to do.
    pub finished: bool,
}

/// Something that [`crate::Cache::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which file or key.
    pub subject: String,
    /// What is wrong with it.
    pub description: String,
    /// What [`crate::Cache::repair`] did about it and what is lost; none if nothing was done.
    pub remedy: Option<String>,
}

impl From<wit::Problem> for Problem {
    fn from(problem: wit::Problem) -> Self {
        Self { subject: problem.subject, description: problem.description, remedy: problem.remedy }
    }
}
