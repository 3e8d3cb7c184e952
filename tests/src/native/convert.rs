//! The types of the WIT package and those of the logic, which mirror each other.

use larder_engine as engine;

use crate::component::types::{
    Draft, Entry, Error, Excess, Expiry, Item, Key, Metadata, Number, Progress, Queued, SetOptions, Side, Value,
};
use crate::component::wit::{
    Bound, Changes, Compression, Content, Durability, Information, Limit, OpenOptions, Order, Policy, Problem, Scan,
    Selection, Statistics, Tally, Task,
};

/// What the logic answers with, in the terms of the WIT package.
pub(super) trait Answer {
    /// The type it has there.
    type Wit;

    /// The same in these terms.
    fn into_wit(self) -> Self::Wit;
}

impl<T: Answer> Answer for Option<T> {
    type Wit = Option<T::Wit>;

    fn into_wit(self) -> Self::Wit {
        self.map(T::into_wit)
    }
}

impl<T: Answer> Answer for Vec<T> {
    type Wit = Vec<T::Wit>;

    fn into_wit(self) -> Self::Wit {
        self.into_iter().map(T::into_wit).collect()
    }
}

/// Answers that can be converted, or are the same in both terms.
macro_rules! answers {
    ($($engine:ty => $wit:ty,)*) => {
        $(
            impl Answer for $engine {
                type Wit = $wit;

                fn into_wit(self) -> $wit {
                    self.into()
                }
            }
        )*
    };
}

answers! {
    () => (),
    bool => bool,
    u64 => u64,
    i64 => i64,
    String => String,
    (u64, u64) => Tally,
    engine::Key => Key,
    engine::Value => Value,
    engine::Number => Number,
    engine::Entry => Entry,
    engine::Item => Item,
    engine::Queued => Queued,
    engine::Statistics => Statistics,
    engine::Information => Information,
    engine::Problem => Problem,
    engine::Progress => Progress,
}

/// Conversion of variants and enums with the same cases: of references into the terms of the logic.
macro_rules! into_engine {
    ($($kind:ident { $($plain:ident),* } { $($loaded:ident),* })*) => {
        $(
            impl From<&$kind> for engine::$kind {
                fn from(from: &$kind) -> Self {
                    match from {
                        $($kind::$plain => Self::$plain,)*
                        $($kind::$loaded(inner) => Self::$loaded(inner.to_owned()),)*
                    }
                }
            }
        )*
    };
}

/// The other direction.
macro_rules! from_engine {
    ($($kind:ident { $($plain:ident),* } { $($loaded:ident),* })*) => {
        $(
            impl From<engine::$kind> for $kind {
                fn from(from: engine::$kind) -> Self {
                    match from {
                        $(engine::$kind::$plain => Self::$plain,)*
                        $(engine::$kind::$loaded(inner) => Self::$loaded(inner),)*
                    }
                }
            }
        )*
    };
}

into_engine! {
    Key {} { Integer, Real, Text, Bytes }
    Value {} { Integer, Real, Text, Bytes }
    Number {} { Integer, Real }
    Expiry { Default, Never } { After }
    Side { Front, Back } {}
    Order { Insertion, Key } {}
    Limit { Recorded, Unlimited } { AtMost }
    Policy { None, LeastRecentlyStored, LeastRecentlyUsed, LeastFrequentlyUsed } {}
    Durability { Relaxed, Full } {}
    Compression { None, Lz4, Zstd } {}
    Content { Bytes, Text, Detected } {}
}

from_engine! {
    Key {} { Integer, Real, Text, Bytes }
    Value {} { Integer, Real, Text, Bytes }
    Number {} { Integer, Real }
    Policy { None, LeastRecentlyStored, LeastRecentlyUsed, LeastFrequentlyUsed } {}
    Durability { Relaxed, Full } {}
    Compression { None, Lz4, Zstd } {}
}

impl From<&SetOptions> for engine::SetOptions {
    fn from(options: &SetOptions) -> Self {
        Self { ttl: (&options.ttl).into(), tags: options.tags.clone(), sliding: options.sliding }
    }
}

impl From<&Draft> for engine::Draft {
    fn from(draft: &Draft) -> Self {
        Self { key: (&draft.key).into(), value: (&draft.value).into(), options: (&draft.options).into() }
    }
}

impl From<&Changes> for engine::Changes {
    fn from(changes: &Changes) -> Self {
        Self {
            size_limit: (&changes.size_limit).into(),
            item_limit: (&changes.item_limit).into(),
            policy: changes.policy.as_ref().map(Into::into),
            default_ttl: (&changes.default_ttl).into(),
            inline_threshold: changes.inline_threshold,
            durability: changes.durability.as_ref().map(Into::into),
            compression: changes.compression.as_ref().map(Into::into),
            statistics: changes.statistics,
        }
    }
}

impl From<&OpenOptions> for engine::OpenOptions {
    fn from(options: &OpenOptions) -> Self {
        Self {
            create: options.create,
            read_only: options.read_only,
            exclusive: options.exclusive,
            shards: options.shards,
            changes: (&options.changes).into(),
            wait_ms: options.wait_ms.unwrap_or(engine::DEFAULT_WAIT_MS),
            lease_ms: options.lease_ms.unwrap_or(engine::DEFAULT_LEASE_MS),
        }
    }
}

impl From<&Bound> for engine::Bound {
    fn from(bound: &Bound) -> Self {
        match bound {
            Bound::Unbounded => Self::Unbounded,
            Bound::Included(key) => Self::Included(key.into()),
            Bound::Excluded(key) => Self::Excluded(key.into()),
        }
    }
}

impl From<&Selection> for engine::Selection {
    fn from(selection: &Selection) -> Self {
        match selection {
            Selection::All => Self::All,
            Selection::Tag(tag) => Self::Tag(tag.clone()),
            Selection::Prefix(prefix) => Self::Prefix(prefix.into()),
            Selection::Queue(queue) => Self::Queue(queue.clone()),
            Selection::Range(range) => Self::Range((&range.start).into(), (&range.end).into()),
        }
    }
}

impl From<&Scan> for engine::Scan {
    fn from(scan: &Scan) -> Self {
        Self {
            selection: (&scan.selection).into(),
            order: (&scan.order).into(),
            reverse: scan.reverse,
            expired: scan.expired,
        }
    }
}

impl From<engine::Entry> for Entry {
    fn from(entry: engine::Entry) -> Self {
        let engine::Metadata { stored_ms, expires_ms, sliding, accessed_ms, hits, size, tags, version } =
            entry.metadata;
        let metadata = Metadata { stored_ms, expires_ms, sliding, accessed_ms, hits, size, tags, version };
        Self { value: entry.value.into(), metadata }
    }
}

impl From<engine::Item> for Item {
    fn from(item: engine::Item) -> Self {
        Self { key: item.key.into(), entry: item.entry.into() }
    }
}

impl From<engine::Queued> for Queued {
    fn from(queued: engine::Queued) -> Self {
        Self { position: queued.position, entry: queued.entry.into() }
    }
}

impl From<engine::Statistics> for Statistics {
    fn from(statistics: engine::Statistics) -> Self {
        let engine::Statistics { hits, misses, sets, deletes, evictions, removals, expirations } = statistics;
        Self { hits, misses, sets, deletes, evictions, removals, expirations }
    }
}

impl From<(u64, u64)> for Tally {
    fn from((count, size): (u64, u64)) -> Self {
        Self { count, size }
    }
}

impl From<engine::Information> for Information {
    fn from(information: engine::Information) -> Self {
        let settings = information.settings;
        Self {
            format: information.format,
            shards: settings.shards,
            shared: information.shared,
            size_limit: settings.size_limit,
            item_limit: settings.item_limit,
            policy: settings.policy.into(),
            default_ttl_ms: settings.default_ttl,
            inline_threshold: settings.inline_threshold,
            durability: settings.durability.into(),
            compression: settings.compression.into(),
            statistics: settings.statistics,
            count: information.count,
            volume: information.volume,
        }
    }
}

impl From<&Task> for engine::Task {
    fn from(task: &Task) -> Self {
        match task {
            Task::Evict(selection) => Self::Evict(selection.into()),
            Task::Expire => Self::Expire,
            Task::Cull => Self::Cull,
            Task::Clear => Self::Clear,
            Task::Compact => Self::Compact,
        }
    }
}

impl From<engine::Progress> for Progress {
    fn from(progress: engine::Progress) -> Self {
        Self { done: progress.done, total: progress.total, finished: progress.finished }
    }
}

impl From<engine::Problem> for Problem {
    fn from(problem: engine::Problem) -> Self {
        Self { subject: problem.subject, description: problem.description, remedy: problem.remedy }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::Timeout(text) => Self::Timeout(text),
            engine::Error::Locked(text) => Self::Locked(text),
            engine::Error::Full(text) => Self::Full(text),
            engine::Error::TooLarge { what, size, limit } => Self::TooLarge(Excess { what, size, limit }),
            engine::Error::WrongType(text) => Self::WrongType(text),
            engine::Error::Overflow(text) => Self::Overflow(text),
            engine::Error::InvalidArgument(text) => Self::InvalidArgument(text),
            engine::Error::ReadOnly(text) => Self::ReadOnly(text),
            engine::Error::NotFound(text) => Self::NotFound(text),
            engine::Error::PermissionDenied(text) => Self::PermissionDenied(text),
            engine::Error::Corrupt(text) => Self::Corrupt(text),
            engine::Error::UnsupportedFormat(text) => Self::UnsupportedFormat(text),
            engine::Error::Closed => Self::Closed,
            engine::Error::InTransaction => Self::InTransaction,
            engine::Error::NotHeld(text) => Self::NotHeld(text),
            engine::Error::Conflict(text) => Self::Conflict(text),
            other => Self::Io(other.to_string()),
        }
    }
}
