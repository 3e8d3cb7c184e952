//! Operations on one key or one queue. Each is atomic, and a part of the open transaction if it goes
//! through one.

use super::Cache;
use super::session::Session;
use crate::entry::{Entry, Queued};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::number::Number;
use crate::options::{Expiry, SetOptions, Side, check_queue};
use crate::shard::{Mode, Shard, Step, Store, queue_hash};
use crate::value::Value;

impl Cache {
    /// The live value under a key.
    pub fn get(&mut self, key: &Key) -> Result<Option<Value>> {
        self.on_key(key, |shard, hash| shard.get(key, hash, None))
    }

    /// The live entry under a key.
    pub fn get_entry(&mut self, key: &Key) -> Result<Option<Entry>> {
        self.on_key(key, |shard, hash| shard.get(key, hash, None))
    }

    /// The live entry under a key, if it was stored at most `max_age_ms` ago.
    pub fn get_recent(&mut self, key: &Key, max_age_ms: u64) -> Result<Option<Entry>> {
        self.on_key(key, |shard, hash| shard.get(key, hash, Some(max_age_ms)))
    }

    /// Stores a value; returns its version.
    pub fn set(&mut self, key: &Key, value: &Value, options: &SetOptions) -> Result<u64> {
        let version = self.store(key, value, options, Mode::Always)?;
        version.ok_or_else(|| Error::Io("a value was not stored".into()))
    }

    /// Stores a value if the key has none that is live; returns its version.
    pub fn add(&mut self, key: &Key, value: &Value, options: &SetOptions) -> Result<Option<u64>> {
        self.store(key, value, options, Mode::IfAbsent)
    }

    /// Stores a value if the live entry has the expected version, or, with none, if there is none;
    /// returns the new version.
    pub fn compare_and_set(
        &mut self,
        key: &Key,
        expected: Option<u64>,
        value: &Value,
        options: &SetOptions,
    ) -> Result<Option<u64>> {
        self.store(key, value, options, expected.map_or(Mode::IfAbsent, Mode::IfVersion))
    }

    fn store(&mut self, key: &Key, value: &Value, options: &SetOptions, mode: Mode) -> Result<Option<u64>> {
        value.validate(key)?;
        let store = Store::new(value, options)?;
        self.on_key(key, |shard, hash| shard.set(key, hash, &store, mode))
    }

    /// Removes an entry; whether there was one that was live.
    pub fn delete(&mut self, key: &Key) -> Result<bool> {
        self.on_key(key, |shard, _| shard.delete(key, None))
    }

    /// Removes an entry that is live and has this version; whether there was one.
    pub fn compare_and_delete(&mut self, key: &Key, expected: u64) -> Result<bool> {
        self.on_key(key, |shard, _| shard.delete(key, Some(expected)))
    }

    /// Removes a live entry and returns it.
    pub fn pop(&mut self, key: &Key) -> Result<Option<Entry>> {
        self.on_key(key, |shard, hash| shard.pop(key, hash))
    }

    /// Gives a live entry another expiry; whether there was one.
    pub fn touch(&mut self, key: &Key, expiry: Expiry) -> Result<bool> {
        self.on_key(key, |shard, _| shard.touch(key, expiry))
    }

    /// Adds to a number; returns the sum.
    pub fn increment(
        &mut self,
        key: &Key,
        delta: Number,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        self.on_key(key, |shard, hash| shard.increment(key, hash, Step::Plus(delta), initial, options))
    }

    /// Subtracts from a number; returns the difference.
    pub fn decrement(
        &mut self,
        key: &Key,
        delta: Number,
        initial: Option<Number>,
        options: &SetOptions,
    ) -> Result<Option<Number>> {
        self.on_key(key, |shard, hash| shard.increment(key, hash, Step::Minus(delta), initial, options))
    }

    /// Whether a key has a live entry.
    pub fn contains(&mut self, key: &Key) -> Result<bool> {
        self.on_key(key, |shard, _| shard.contains(key))
    }

    /// Adds a value at one end of a queue; returns its position.
    pub fn push(&mut self, queue: &str, value: &Value, side: Side, options: &SetOptions) -> Result<i64> {
        value.validate(&Key::Text(queue.into()))?;
        let store = Store::new(value, options)?;
        self.on_queue(queue, |shard| shard.push(queue, &store, side))
    }

    /// Removes the live value at one end of a queue and returns it.
    pub fn pull(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.on_queue(queue, |shard| shard.pull(queue, side))
    }

    /// The live value at one end of a queue.
    pub fn peek(&mut self, queue: &str, side: Side) -> Result<Option<Queued>> {
        self.on_queue(queue, |shard| shard.peek(queue, side))
    }

    /// Number of values in a queue, expired ones included.
    pub fn queue_length(&mut self, queue: &str) -> Result<u64> {
        self.on_queue(queue, |shard| shard.queue_length(queue))
    }

    /// The names of the queues that are not empty, in order.
    pub fn queues(&mut self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.on_all(Shard::queues)?.into_iter().flatten().collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Runs an operation on the shard of a key.
    pub(super) fn on_key<T>(&mut self, key: &Key, operation: impl FnOnce(&mut Shard, u64) -> Result<T>) -> Result<T> {
        key.validate()?;
        let hash = key.hash();
        self.on_items(|session| operation(session.shard_of(hash)?, hash))
    }

    /// Runs an operation on the shard of a queue.
    fn on_queue<T>(&mut self, queue: &str, operation: impl FnOnce(&mut Shard) -> Result<T>) -> Result<T> {
        check_queue(queue)?;
        let hash = queue_hash(queue);
        self.on_items(|session| operation(session.shard_of(hash)?))
    }

    /// Runs an operation that may be a part of a transaction.
    pub(super) fn on_items<T>(&mut self, operation: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        self.assure_turn()?;
        self.under_tenure(operation)
    }
}
