//! The types of the WIT package and those of the engine, which mirror each other.

use larder_engine as engine;

use crate::bindings::exports::larder::cache::{cache as wit, types};

/// Like `From`, which the orphan rule keeps from types that are both foreign or generated.
pub(crate) trait Convert<T> {
    /// The same in the other terms.
    fn convert(self) -> T;
}

impl<A: Convert<B>, B> Convert<Option<B>> for Option<A> {
    fn convert(self) -> Option<B> {
        self.map(Convert::convert)
    }
}

/// The list in the other terms.
pub(crate) fn convert_all<A: Convert<B>, B>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(Convert::convert).collect()
}

impl<T: Convert<U>, U> Convert<Vec<U>> for Vec<T> {
    fn convert(self) -> Vec<U> {
        convert_all(self)
    }
}

/// Conversion of variants and enums with the same cases, in both directions.
macro_rules! same_cases {
    ($left:ty, $right:ty, { $($plain:ident),* }, { $($loaded:ident),* }) => {
        impl Convert<$right> for $left {
            fn convert(self) -> $right {
                match self {
                    $(Self::$plain => <$right>::$plain,)*
                    $(Self::$loaded(inner) => <$right>::$loaded(inner),)*
                }
            }
        }
        impl Convert<$left> for $right {
            fn convert(self) -> $left {
                match self {
                    $(Self::$plain => <$left>::$plain,)*
                    $(Self::$loaded(inner) => <$left>::$loaded(inner),)*
                }
            }
        }
    };
}

same_cases!(types::Key, engine::Key, {}, { Integer, Real, Text, Bytes });
same_cases!(types::Value, engine::Value, {}, { Integer, Real, Text, Bytes });
same_cases!(types::Number, engine::Number, {}, { Integer, Real });
same_cases!(types::Expiry, engine::Expiry, { Default, Never }, { After });
same_cases!(wit::Policy, engine::Policy, { None, LeastRecentlyStored, LeastRecentlyUsed, LeastFrequentlyUsed }, {});
same_cases!(wit::Durability, engine::Durability, { Relaxed, Full }, {});
same_cases!(wit::Compression, engine::Compression, { None, Lz4, Zstd }, {});
same_cases!(wit::Content, engine::Content, { Bytes, Text, Detected }, {});
same_cases!(wit::Limit, engine::Limit, { Recorded, Unlimited }, { AtMost });
same_cases!(types::Side, engine::Side, { Front, Back }, {});
same_cases!(wit::Order, engine::Order, { Insertion, Key }, {});

impl Convert<engine::SetOptions> for types::SetOptions {
    fn convert(self) -> engine::SetOptions {
        engine::SetOptions { ttl: self.ttl.convert(), tags: self.tags, sliding: self.sliding }
    }
}

impl Convert<engine::Draft> for types::Draft {
    fn convert(self) -> engine::Draft {
        engine::Draft { key: self.key.convert(), value: self.value.convert(), options: self.options.convert() }
    }
}

impl Convert<engine::Changes> for wit::Changes {
    fn convert(self) -> engine::Changes {
        engine::Changes {
            size_limit: self.size_limit.convert(),
            item_limit: self.item_limit.convert(),
            policy: self.policy.convert(),
            default_ttl: self.default_ttl.convert(),
            inline_threshold: self.inline_threshold,
            durability: self.durability.convert(),
            compression: self.compression.convert(),
            statistics: self.statistics,
        }
    }
}

impl Convert<engine::OpenOptions> for wit::OpenOptions {
    fn convert(self) -> engine::OpenOptions {
        engine::OpenOptions {
            create: self.create,
            read_only: self.read_only,
            exclusive: self.exclusive,
            shards: self.shards,
            changes: self.changes.convert(),
            wait_ms: self.wait_ms.unwrap_or(engine::DEFAULT_WAIT_MS),
            lease_ms: self.lease_ms.unwrap_or(engine::DEFAULT_LEASE_MS),
        }
    }
}

impl Convert<engine::Bound> for wit::Bound {
    fn convert(self) -> engine::Bound {
        match self {
            Self::Unbounded => engine::Bound::Unbounded,
            Self::Included(key) => engine::Bound::Included(key.convert()),
            Self::Excluded(key) => engine::Bound::Excluded(key.convert()),
        }
    }
}

impl Convert<engine::Selection> for wit::Selection {
    fn convert(self) -> engine::Selection {
        match self {
            Self::All => engine::Selection::All,
            Self::Tag(tag) => engine::Selection::Tag(tag),
            Self::Queue(queue) => engine::Selection::Queue(queue),
            Self::Prefix(key) => engine::Selection::Prefix(key.convert()),
            Self::Range(range) => engine::Selection::Range(range.start.convert(), range.end.convert()),
        }
    }
}

impl Convert<engine::Task> for wit::Task {
    fn convert(self) -> engine::Task {
        match self {
            Self::Evict(selection) => engine::Task::Evict(selection.convert()),
            Self::Expire => engine::Task::Expire,
            Self::Cull => engine::Task::Cull,
            Self::Clear => engine::Task::Clear,
            Self::Compact => engine::Task::Compact,
        }
    }
}

impl Convert<types::Progress> for engine::Progress {
    fn convert(self) -> types::Progress {
        types::Progress { done: self.done, total: self.total, finished: self.finished }
    }
}

impl Convert<engine::Scan> for wit::Scan {
    fn convert(self) -> engine::Scan {
        engine::Scan {
            selection: self.selection.convert(),
            order: self.order.convert(),
            reverse: self.reverse,
            expired: self.expired,
        }
    }
}

impl Convert<types::Entry> for engine::Entry {
    fn convert(self) -> types::Entry {
        types::Entry { value: self.value.convert(), metadata: self.metadata.convert() }
    }
}

impl Convert<types::Metadata> for engine::Metadata {
    fn convert(self) -> types::Metadata {
        types::Metadata {
            stored_ms: self.stored_ms,
            expires_ms: self.expires_ms,
            sliding: self.sliding,
            accessed_ms: self.accessed_ms,
            hits: self.hits,
            size: self.size,
            tags: self.tags,
            version: self.version,
        }
    }
}

impl Convert<types::Item> for engine::Item {
    fn convert(self) -> types::Item {
        types::Item { key: self.key.convert(), entry: self.entry.convert() }
    }
}

impl Convert<types::Queued> for engine::Queued {
    fn convert(self) -> types::Queued {
        types::Queued { position: self.position, entry: self.entry.convert() }
    }
}

impl Convert<wit::Statistics> for engine::Statistics {
    fn convert(self) -> wit::Statistics {
        let Self { hits, misses, sets, deletes, evictions, removals, expirations } = self;
        wit::Statistics { hits, misses, sets, deletes, evictions, removals, expirations }
    }
}

impl Convert<wit::Information> for engine::Information {
    fn convert(self) -> wit::Information {
        let settings = self.settings;
        wit::Information {
            format: self.format,
            shards: settings.shards,
            shared: self.shared,
            size_limit: settings.size_limit,
            item_limit: settings.item_limit,
            policy: settings.policy.convert(),
            default_ttl_ms: settings.default_ttl,
            inline_threshold: settings.inline_threshold,
            durability: settings.durability.convert(),
            compression: settings.compression.convert(),
            statistics: settings.statistics,
            count: self.count,
            volume: self.volume,
        }
    }
}

impl Convert<wit::Problem> for engine::Problem {
    fn convert(self) -> wit::Problem {
        wit::Problem { subject: self.subject, description: self.description, remedy: self.remedy }
    }
}

impl Convert<types::Error> for engine::Error {
    fn convert(self) -> types::Error {
        match self {
            Self::Timeout(text) => types::Error::Timeout(text),
            Self::Locked(text) => types::Error::Locked(text),
            Self::Full(text) => types::Error::Full(text),
            Self::TooLarge { what, size, limit } => types::Error::TooLarge(types::Excess { what, size, limit }),
            Self::WrongType(text) => types::Error::WrongType(text),
            Self::Overflow(text) => types::Error::Overflow(text),
            Self::OutOfRange(text) => types::Error::OutOfRange(text),
            Self::InvalidArgument(text) => types::Error::InvalidArgument(text),
            Self::ReadOnly(text) => types::Error::ReadOnly(text),
            Self::NotFound(text) => types::Error::NotFound(text),
            Self::PermissionDenied(text) => types::Error::PermissionDenied(text),
            Self::Corrupt(text) => types::Error::Corrupt(text),
            Self::UnsupportedFormat(text) => types::Error::UnsupportedFormat(text),
            Self::Closed => types::Error::Closed,
            Self::InTransaction => types::Error::InTransaction,
            Self::NotHeld(text) => types::Error::NotHeld(text),
            Self::Conflict(text) => types::Error::Conflict(text),
            Self::Io(text) => types::Error::Io(text),
            other => types::Error::Io(other.to_string()),
        }
    }
}
