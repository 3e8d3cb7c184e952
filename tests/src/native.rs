//! The logic of the cache on this machine, without a component, behind the types of the WIT package:
//! so that the same test runs on both.

use std::path::Path;
use std::rc::Rc;

use larder_engine as engine;
use larder_engine::testing::TestPlatform;

use crate::component::types::{
    Entry, Error, Excess, Expiry, Item, Key, Metadata, Number, Queued, SetOptions, Side, Value,
};
use crate::component::wit::{Bound, Changes, Limit, Order, Policy, Scan, Selection, Statistics};

/// An open cache. Its methods are those of the WIT resource.
pub struct Native {
    cache: engine::Cache,
    platform: Rc<TestPlatform>,
    transaction: Option<engine::Ticket>,
}

/// Defines operations that pass through the open transaction, if there is one.
macro_rules! operations {
    ($($(#[$docs:meta])* $name:ident($($argument:ident: $kind:ty as $converted:expr),*) -> $result:ty;)*) => {
        $(
            $(#[$docs])*
            pub fn $name(&mut self, $($argument: $kind),*) -> Result<$result, Error> {
                self.run(|cache| cache.$name($($converted),*)).map(Into::into)
            }
        )*
    };
}

impl Native {
    /// Opens the cache in a directory.
    pub fn open(directory: &Path, options: &engine::OpenOptions) -> Result<Self, Error> {
        let platform = TestPlatform::new();
        let cache = engine::Cache::open(directory, options, Rc::clone(&platform) as Rc<dyn engine::Platform>);
        Ok(Self { cache: cache.map_err(error)?, platform, transaction: None })
    }

    /// Lets time pass.
    pub fn advance(&self, milliseconds: u32) {
        self.platform.advance(milliseconds);
    }

    fn run<T>(&mut self, operation: impl FnOnce(&mut engine::Cache) -> engine::Result<T>) -> Result<T, Error> {
        match self.transaction {
            Some(ticket) => self.cache.within(ticket, operation),
            None => operation(&mut self.cache),
        }
        .map_err(error)
    }

    operations! {
        /// `delete`
        delete(of: &Key as &key(of)) -> bool;
        /// `contains`
        contains(of: &Key as &key(of)) -> bool;
        /// `set`
        set(of: &Key as &key(of), to: &Value as &value(to), with: &SetOptions as &options(with)) -> u64;
        /// `add`
        add(of: &Key as &key(of), to: &Value as &value(to), with: &SetOptions as &options(with)) -> Option<u64>;
        /// `compare-and-set`
        compare_and_set(of: &Key as &key(of), expected: Option<u64> as expected, to: &Value as &value(to),
            with: &SetOptions as &options(with)) -> Option<u64>;
        /// `touch`
        touch(of: &Key as &key(of), to: Expiry as expiry(to)) -> bool;
        /// `push`
        push(queue: &str as queue, what: &Value as &value(what), at: Side as side(at),
            with: &SetOptions as &options(with)) -> i64;
        /// `queue-length`
        queue_length(queue: &str as queue) -> u64;
    }

    /// `get`
    pub fn get(&mut self, of: &Key) -> Result<Option<Value>, Error> {
        Ok(self.run(|cache| cache.get(&key(of)))?.map(own_value))
    }

    /// `get-entry`
    pub fn get_entry(&mut self, of: &Key) -> Result<Option<Entry>, Error> {
        Ok(self.run(|cache| cache.get_entry(&key(of)))?.map(entry))
    }

    /// `pop`
    pub fn pop(&mut self, of: &Key) -> Result<Option<Entry>, Error> {
        Ok(self.run(|cache| cache.pop(&key(of)))?.map(entry))
    }

    /// `increment`
    pub fn increment(
        &mut self,
        of: &Key,
        by: Number,
        initial: Option<Number>,
        with: &SetOptions,
    ) -> Result<Option<Number>, Error> {
        let sum = self.run(|cache| cache.increment(&key(of), number(by), initial.map(number), &options(with)))?;
        Ok(sum.map(own_number))
    }

    /// `decrement`
    pub fn decrement(
        &mut self,
        of: &Key,
        by: Number,
        initial: Option<Number>,
        with: &SetOptions,
    ) -> Result<Option<Number>, Error> {
        let sum = self.run(|cache| cache.decrement(&key(of), number(by), initial.map(number), &options(with)))?;
        Ok(sum.map(own_number))
    }

    /// `pull`
    pub fn pull(&mut self, queue: &str, at: Side) -> Result<Option<Queued>, Error> {
        Ok(self.run(|cache| cache.pull(queue, side(at)))?.map(queued))
    }

    /// `peek`
    pub fn peek(&mut self, queue: &str, at: Side) -> Result<Option<Queued>, Error> {
        Ok(self.run(|cache| cache.peek(queue, side(at)))?.map(queued))
    }

    /// `count`
    pub fn count(&mut self) -> Result<u64, Error> {
        self.run(engine::Cache::count)
    }

    /// `volume`
    pub fn volume(&mut self) -> Result<u64, Error> {
        self.run(engine::Cache::volume)
    }

    /// `evict`
    pub fn evict(&mut self, which: &Selection) -> Result<u64, Error> {
        self.run(|cache| cache.evict(&selection(which)))
    }

    /// `expire`
    pub fn expire(&mut self) -> Result<u64, Error> {
        self.run(engine::Cache::expire)
    }

    /// `cull`
    pub fn cull(&mut self) -> Result<u64, Error> {
        self.run(engine::Cache::cull)
    }

    /// `clear`
    pub fn clear(&mut self) -> Result<u64, Error> {
        self.run(engine::Cache::clear)
    }

    /// `first`
    pub fn first(&mut self, over: &Scan) -> Result<Option<Item>, Error> {
        Ok(self.run(|cache| cache.first(&scan(over)))?.map(item))
    }

    /// `items`, read to the end in pages of `limit`.
    pub fn items(&mut self, over: &Scan, limit: u32) -> Result<Vec<Item>, Error> {
        self.run(|cache| {
            let (mut cursor, mut all) = (cache.scan(&scan(over))?, Vec::new());
            loop {
                let page = cursor.next_items(cache, limit)?;
                if page.is_empty() {
                    return Ok(all);
                }
                all.extend(page.into_iter().map(item));
            }
        })
    }

    /// `keys`, read to the end in pages of `limit`.
    pub fn keys(&mut self, over: &Scan, limit: u32) -> Result<Vec<Key>, Error> {
        self.run(|cache| {
            let (mut cursor, mut all) = (cache.scan(&scan(over))?, Vec::new());
            loop {
                let page = cursor.next(cache, limit)?;
                if page.is_empty() {
                    return Ok(all);
                }
                all.extend(page.into_iter().map(own_key));
            }
        })
    }

    /// `stats`
    pub fn stats(&mut self) -> Result<Statistics, Error> {
        self.cache.statistics().map(statistics).map_err(error)
    }

    /// `recorded-stats`
    pub fn recorded_stats(&mut self) -> Result<Option<Statistics>, Error> {
        Ok(self.cache.recorded_statistics().map_err(error)?.map(statistics))
    }

    /// `reset-stats`
    pub fn reset_stats(&mut self) -> Result<(), Error> {
        self.cache.reset_statistics().map_err(error)
    }

    /// `configure`
    pub fn configure(&mut self, to: Changes) -> Result<(), Error> {
        self.cache.configure(&changes(&to)).map_err(error)
    }

    /// `get-recent`
    pub fn get_recent(&mut self, of: &Key, max_age_ms: u64) -> Result<Option<Entry>, Error> {
        Ok(self.run(|cache| cache.get_recent(&key(of), max_age_ms))?.map(entry))
    }

    /// `close`
    pub fn close(&mut self) -> Result<(), Error> {
        self.cache.close().map_err(error)
    }

    /// Number of problems that `repair` finds.
    pub fn repair(&mut self) -> Result<usize, Error> {
        Ok(self.run(engine::Cache::repair)?.len())
    }

    /// Number of problems that `check` finds.
    pub fn check(&mut self) -> Result<usize, Error> {
        Ok(self.run(engine::Cache::check)?.len())
    }

    /// Begins a transaction: what follows goes through it until it ends.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.transaction = Some(self.run(engine::Cache::begin)?);
        Ok(())
    }

    /// Ends the transaction.
    pub fn end(&mut self, commit: bool) -> Result<(), Error> {
        let Some(ticket) = self.transaction.take() else { return Err(Error::Closed) };
        if commit { self.cache.commit(ticket) } else { self.cache.rollback(ticket) }.map_err(error)
    }

    /// Runs something past the open transaction.
    pub fn beside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let transaction = self.transaction.take();
        let result = work(self);
        self.transaction = transaction;
        result
    }
}

fn key(key: &Key) -> engine::Key {
    match key {
        Key::Integer(integer) => engine::Key::Integer(*integer),
        Key::Real(real) => engine::Key::Real(*real),
        Key::Text(text) => engine::Key::Text(text.clone()),
        Key::Bytes(bytes) => engine::Key::Bytes(bytes.clone()),
    }
}

fn own_key(key: engine::Key) -> Key {
    match key {
        engine::Key::Integer(integer) => Key::Integer(integer),
        engine::Key::Real(real) => Key::Real(real),
        engine::Key::Text(text) => Key::Text(text),
        engine::Key::Bytes(bytes) => Key::Bytes(bytes),
    }
}

fn value(value: &Value) -> engine::Value {
    match value {
        Value::Integer(integer) => engine::Value::Integer(*integer),
        Value::Real(real) => engine::Value::Real(*real),
        Value::Text(text) => engine::Value::Text(text.clone()),
        Value::Bytes(bytes) => engine::Value::Bytes(bytes.clone()),
    }
}

fn own_value(value: engine::Value) -> Value {
    match value {
        engine::Value::Integer(integer) => Value::Integer(integer),
        engine::Value::Real(real) => Value::Real(real),
        engine::Value::Text(text) => Value::Text(text),
        engine::Value::Bytes(bytes) => Value::Bytes(bytes),
    }
}

fn number(number: Number) -> engine::Number {
    match number {
        Number::Integer(integer) => engine::Number::Integer(integer),
        Number::Real(real) => engine::Number::Real(real),
    }
}

fn own_number(number: engine::Number) -> Number {
    match number {
        engine::Number::Integer(integer) => Number::Integer(integer),
        engine::Number::Real(real) => Number::Real(real),
    }
}

fn expiry(expiry: Expiry) -> engine::Expiry {
    match expiry {
        Expiry::Default => engine::Expiry::Default,
        Expiry::Never => engine::Expiry::Never,
        Expiry::After(milliseconds) => engine::Expiry::After(milliseconds),
    }
}

fn options(options: &SetOptions) -> engine::SetOptions {
    engine::SetOptions { ttl: expiry(options.ttl), tags: options.tags.clone(), sliding: options.sliding }
}

fn side(side: Side) -> engine::Side {
    match side {
        Side::Front => engine::Side::Front,
        Side::Back => engine::Side::Back,
    }
}

fn selection(selection: &Selection) -> engine::Selection {
    match selection {
        Selection::All => engine::Selection::All,
        Selection::Tag(tag) => engine::Selection::Tag(tag.clone()),
        Selection::Prefix(prefix) => engine::Selection::Prefix(key(prefix)),
        Selection::Queue(queue) => engine::Selection::Queue(queue.clone()),
        Selection::Range(range) => engine::Selection::Range(bound(&range.start), bound(&range.end)),
    }
}

fn bound(bound: &Bound) -> engine::Bound {
    match bound {
        Bound::Unbounded => engine::Bound::Unbounded,
        Bound::Included(of) => engine::Bound::Included(key(of)),
        Bound::Excluded(of) => engine::Bound::Excluded(key(of)),
    }
}

fn scan(scan: &Scan) -> engine::Scan {
    let order = match scan.order {
        Order::Insertion => engine::Order::Insertion,
        Order::Key => engine::Order::Key,
    };
    engine::Scan { selection: selection(&scan.selection), order, reverse: scan.reverse, expired: scan.expired }
}

fn statistics(statistics: engine::Statistics) -> Statistics {
    let engine::Statistics { hits, misses, sets, deletes, evictions, removals, expirations } = statistics;
    Statistics { hits, misses, sets, deletes, evictions, removals, expirations }
}

fn changes(changes: &Changes) -> engine::Changes {
    engine::Changes {
        size_limit: limit(changes.size_limit),
        item_limit: limit(changes.item_limit),
        policy: changes.policy.map(policy),
        default_ttl: expiry(changes.default_ttl),
        inline_threshold: changes.inline_threshold,
        statistics: changes.statistics,
        durability: None,
        compression: None,
    }
}

fn limit(limit: Limit) -> engine::Limit {
    match limit {
        Limit::Recorded => engine::Limit::Recorded,
        Limit::Unlimited => engine::Limit::Unlimited,
        Limit::AtMost(most) => engine::Limit::AtMost(most),
    }
}

fn policy(policy: Policy) -> engine::Policy {
    match policy {
        Policy::None => engine::Policy::None,
        Policy::LeastRecentlyStored => engine::Policy::LeastRecentlyStored,
        Policy::LeastRecentlyUsed => engine::Policy::LeastRecentlyUsed,
        Policy::LeastFrequentlyUsed => engine::Policy::LeastFrequentlyUsed,
    }
}

fn entry(entry: engine::Entry) -> Entry {
    let engine::Metadata { stored_ms, expires_ms, sliding, accessed_ms, hits, size, tags, version } = entry.metadata;
    let metadata = Metadata { stored_ms, expires_ms, sliding, accessed_ms, hits, size, tags, version };
    Entry { value: own_value(entry.value), metadata }
}

fn item(item: engine::Item) -> Item {
    Item { key: own_key(item.key), entry: entry(item.entry) }
}

fn queued(queued: engine::Queued) -> Queued {
    Queued { position: queued.position, entry: entry(queued.entry) }
}

fn error(error: engine::Error) -> Error {
    match error {
        engine::Error::Timeout(text) => Error::Timeout(text),
        engine::Error::Locked(text) => Error::Locked(text),
        engine::Error::Full(text) => Error::Full(text),
        engine::Error::TooLarge { what, size, limit } => Error::TooLarge(Excess { what, size, limit }),
        engine::Error::WrongType(text) => Error::WrongType(text),
        engine::Error::Overflow(text) => Error::Overflow(text),
        engine::Error::InvalidArgument(text) => Error::InvalidArgument(text),
        engine::Error::ReadOnly(text) => Error::ReadOnly(text),
        engine::Error::NotFound(text) => Error::NotFound(text),
        engine::Error::PermissionDenied(text) => Error::PermissionDenied(text),
        engine::Error::Corrupt(text) => Error::Corrupt(text),
        engine::Error::UnsupportedFormat(text) => Error::UnsupportedFormat(text),
        engine::Error::Closed => Error::Closed,
        engine::Error::InTransaction => Error::InTransaction,
        other => Error::Io(other.to_string()),
    }
}
