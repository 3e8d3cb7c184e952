//! Where a value is: an entry's under a key or at a position of a queue, or that of a collection.

use std::fmt;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::collection::Home;
use crate::error::{Error, Result};
use crate::key::Key;

/// Seed of the hash of a queue's name; keys have 0 to 3.
const QUEUE_SEED: u64 = 4;
/// Seed of the hash of a record's name.
const RECORD_SEED: u64 = 6;

/// Where a value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Address<'a> {
    /// Under a key with this hash.
    Key(&'a Key, u64),
    /// At this position of a queue.
    Queue(&'a str, i64),
    /// In a collection.
    Member(&'a Home, Slot<'a>),
}

/// Where a value of a collection is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Slot<'a> {
    /// In a row of a deque: the number of the collection, that of the row. Both are 0 as long as a new
    /// value has none.
    Row(i64, i64),
    /// Under this key of an index.
    Key(&'a Key),
}

impl Address<'_> {
    /// The hash that seeds the checksum of the value: of the key, or of the queue's or deque's name.
    /// The position is not known yet when the file of a value is written. For a key of an index:
    /// XXH3-64 of its hash, little endian, seeded with that of the index's name.
    pub(crate) fn hash(self) -> u64 {
        match self {
            Self::Key(_, hash) => hash,
            Self::Queue(queue, _) => queue_hash(queue),
            Self::Member(home, Slot::Row(..)) => home.hash(),
            Self::Member(home, Slot::Key(key)) => xxh3_64_with_seed(&key.hash().to_le_bytes(), home.hash()),
        }
    }

    /// Bytes it counts for in the volume.
    pub(crate) fn size(self) -> u64 {
        match self {
            Self::Key(key, _) => key.size(),
            Self::Queue(queue, _) => queue.len() as u64 + 8,
            Self::Member(_, Slot::Row(..)) => 8,
            Self::Member(_, Slot::Key(key)) => key.size() + 8,
        }
    }

    /// What goes into the columns `key`, `queue` and `position` of an entry.
    pub(crate) fn columns(&self) -> rusqlite::Result<[ToSqlOutput<'_>; 3]> {
        let null = || ToSqlOutput::Borrowed(ValueRef::Null);
        Ok(match self {
            Self::Key(key, _) => [key.to_sql()?, null(), null()],
            Self::Queue(queue, position) => [null(), queue.to_sql()?, position.to_sql()?],
            // No entry.
            Self::Member(..) => return Err(rusqlite::Error::InvalidQuery),
        })
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key, _) => key.fmt(formatter),
            Self::Queue(queue, position) => write!(formatter, "position {position} of the queue {queue:?}"),
            Self::Member(home, Slot::Row(..)) => write!(formatter, "a value of {home}"),
            Self::Member(home, Slot::Key(key)) => write!(formatter, "{key} of {home}"),
        }
    }
}

/// The hash that chooses the shard of a queue: XXH3-64 of its name, seeded with 4.
pub(crate) fn queue_hash(queue: &str) -> u64 {
    xxh3_64_with_seed(queue.as_bytes(), QUEUE_SEED)
}

/// The hash that chooses the shard of a record: XXH3-64 of its name, seeded with 6.
pub(crate) fn record_hash(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), RECORD_SEED)
}

/// An [`Address`] that was read from a row.
#[derive(Debug, Clone)]
pub(crate) enum OwnAddress {
    /// Under a key.
    Key(Key),
    /// At this position of a queue.
    Queue(String, i64),
}

impl OwnAddress {
    /// Reads the columns `key`, `queue` and `position`, from `first` on.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Result<Self>> {
        let (key, queue): (_, Option<String>) = (row.get_ref(first)?, row.get(first + 1)?);
        let position: Option<i64> = row.get(first + 2)?;
        Ok(match (key, queue, position) {
            (ValueRef::Null, Some(queue), Some(position)) => Ok(Self::Queue(queue, position)),
            (key, None, None) => Key::from_column(key).map(Self::Key),
            _ => Err(Error::Corrupt("an entry in the database has a key and a queue".into())),
        })
    }

    /// Borrows it.
    pub(crate) fn borrowed(&self) -> Address<'_> {
        match self {
            Self::Key(key) => Address::Key(key, key.hash()),
            Self::Queue(queue, position) => Address::Queue(queue, *position),
        }
    }
}
