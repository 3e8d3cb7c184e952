//! Deques and indexes: what they are called, and the order of a deque.
//!
//! | file | holds |
//! |---|---|
//! | `pieces` | the order of a deque |
//! | `compare` | which values are equal, and which comes first |

pub(crate) mod compare;
pub(crate) mod pieces;

use std::fmt;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, Result};

/// Longest name of a deque or index, in bytes.
pub const COLLECTION_LIMIT: usize = 1024;

/// What a collection is. The numbers are part of the format, and seed the hash of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Values in a line.
    Deque = 9,
    /// Values by key.
    Index = 10,
    /// Values in a line that belongs to an index; the name is that of the index, NUL, its own.
    Queue = 11,
}

impl Kind {
    /// The kind with a number.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Deque, Self::Index, Self::Queue].into_iter().find(|kind| *kind as i64 == number)
    }
}

/// A collection by name. There it is, whether or not anything is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl Home {
    /// A deque or index; refuses a name that can not be.
    pub(crate) fn new(kind: Kind, name: &str) -> Result<Self> {
        let home = Self { kind, name: name.to_owned() };
        if name.is_empty() || name.contains('\0') {
            return Err(Error::InvalidArgument(format!("{home}: a name must not be empty or contain NUL")));
        }
        if name.len() > COLLECTION_LIMIT {
            let (size, limit) = (name.len() as u64, COLLECTION_LIMIT as u64);
            return Err(Error::TooLarge { what: "the name of a deque or index".into(), size, limit });
        }
        Ok(home)
    }

    /// A queue that belongs to an index.
    pub(crate) fn queue_of(index: &Self, queue: &str) -> Result<Self> {
        crate::options::check_queue(queue)?;
        Ok(Self { kind: Kind::Queue, name: format!("{}\0{queue}", index.name) })
    }

    /// The hash that chooses the shard: XXH3-64 of the name, seeded with the kind's number. It also
    /// seeds the checksums of values.
    pub(crate) fn hash(&self) -> u64 {
        Self::hash_of(self.kind as i64, &self.name)
    }

    /// [`Home::hash`] of what a directory says, though it may be of no kind.
    pub(crate) fn hash_of(kind: i64, name: &str) -> u64 {
        xxh3_64_with_seed(name.as_bytes(), kind.cast_unsigned())
    }
}

impl fmt::Display for Home {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.name.split_once('\0')) {
            (Kind::Queue, Some((index, queue))) => write!(formatter, "the queue {queue:?} of the index {index:?}"),
            (Kind::Index, _) => write!(formatter, "the index {:?}", self.name),
            _ => write!(formatter, "the deque {:?}", self.name),
        }
    }
}
