//! What a dump says of a cache and of its entries, and how large that may be.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::{KEY_LIMIT, QUEUE_LIMIT, SETTING_LIMIT, SETTINGS_LIMIT, TAG_LIMIT, TAGS_LIMIT};

/// What the name of a deque is called in errors.
pub(super) const DEQUE_NAME: &str = "the name of a deque";
/// What the name of an index is called in errors.
pub(super) const INDEX_NAME: &str = "the name of an index";

/// What a dump says of the cache it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// When the dump was begun, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Over how many shards the entries were spread.
    pub shards: Option<u32>,
    /// The settings of the cache by name.
    pub settings: BTreeMap<String, Setting>,
}

impl Header {
    /// A header that says only when the dump was begun, in milliseconds since the Unix epoch.
    pub fn created(created_ms: u64) -> Self {
        Self { created_ms, ..Self::default() }
    }

    /// Refuses what a reader would refuse; `offset` is where the header is to be.
    pub(super) fn check(&self, offset: u64) -> Result<()> {
        check_size(offset, "the number of settings", self.settings.len(), SETTINGS_LIMIT)?;
        for (name, setting) in &self.settings {
            check_size(offset, "the name of a setting", name.len(), SETTING_LIMIT)?;
            if let Setting::Text(text) = setting {
                check_size(offset, "a setting", text.len(), SETTING_LIMIT)?;
            }
        }
        Ok(())
    }
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// Whether or not.
    Flag(bool),
    /// A size, a count or a duration.
    Number(u64),
    /// A name.
    Text(String),
}

/// All that a dump says of an entry besides its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it is kept.
    pub place: Place,
    /// When it was stored, in milliseconds since the Unix epoch; of a value in a deque or index nobody knows,
    /// so it is when it was dumped.
    pub stored_ms: u64,
    /// When it stops being found, if ever, in milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// Its whole time to live in milliseconds, where that is known.
    pub ttl_ms: Option<u64>,
    /// Whether a hit starts the time to live anew.
    pub sliding: bool,
    /// Its labels.
    pub tags: Vec<String>,
    /// Its version in the cache that was dumped.
    pub version: Option<u64>,
}

impl Entry {
    /// An entry without tags that does not expire.
    pub fn new(place: Place, stored_ms: u64) -> Self {
        Self { place, stored_ms, expires_ms: None, ttl_ms: None, sliding: false, tags: Vec::new(), version: None }
    }

    /// Refuses what a reader would refuse; `offset` is where the entry is to be.
    pub(super) fn check(&self, offset: u64) -> Result<()> {
        self.place.check(offset)?;
        check_size(offset, "the number of tags", self.tags.len(), TAGS_LIMIT)?;
        self.tags.iter().try_for_each(|tag| check_size(offset, "a tag", tag.len(), TAG_LIMIT))
    }
}

/// Where an entry is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// Under a key.
    Key(Key),
    /// In a queue.
    Queue {
        /// Its name.
        name: String,
        /// Greater than those in front of it, less than those behind it.
        position: i64,
    },
    /// In a deque, behind those that come before it in the dump.
    Deque {
        /// Its name.
        name: String,
        /// How many values it may hold, if that is bounded.
        bound: Option<u64>,
    },
    /// In an index, behind those that come before it in the dump.
    Index {
        /// Its name.
        name: String,
        /// What the value is found by.
        key: Key,
    },
    /// In a queue of an index, behind those that come before it in the dump.
    IndexQueue {
        /// The name of the index.
        index: String,
        /// Its own.
        name: String,
        /// How many values it may hold, if that is bounded.
        bound: Option<u64>,
    },
}

impl Key {
    fn check(&self, offset: u64) -> Result<()> {
        match self {
            Self::Text(text) => check_size(offset, "the key", text.len(), KEY_LIMIT),
            Self::Bytes(bytes) => check_size(offset, "the key", bytes.len(), KEY_LIMIT),
            Self::Real(real) => check_real_key(offset, *real),
            Self::Integer(_) => Ok(()),
        }
    }
}

impl Place {
    fn check(&self, offset: u64) -> Result<()> {
        match self {
            Self::Key(key) => key.check(offset),
            Self::Queue { name, .. } => check_size(offset, "the name of a queue", name.len(), QUEUE_LIMIT),
            Self::Deque { name, .. } => check_size(offset, DEQUE_NAME, name.len(), QUEUE_LIMIT),
            Self::Index { name, key } => {
                check_size(offset, INDEX_NAME, name.len(), QUEUE_LIMIT).and_then(|()| key.check(offset))
            }
            Self::IndexQueue { index, name, .. } => check_size(offset, INDEX_NAME, index.len(), QUEUE_LIMIT)
                .and_then(|()| check_size(offset, "the name of a queue", name.len(), QUEUE_LIMIT)),
        }
    }
}

/// What an entry is found by. A dump keeps `Integer(1)` and `Real(1.0)` apart, which are the same key
/// of a cache.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A 64-bit signed integer.
    Integer(i64),
    /// A 64-bit float, not NaN.
    Real(f64),
    /// Unicode text.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

/// What is in a dump altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Number of entries.
    pub entries: u64,
    /// Size of the dump in bytes, trailer included.
    pub bytes: u64,
}

/// Refuses a length beyond its limit.
pub(super) fn check_size(offset: u64, what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size > limit {
        return Err(Error::TooLarge { offset, what, size: size as u64, limit: limit as u64 });
    }
    Ok(())
}

/// Refuses NaN, which equals nothing and so finds nothing.
pub(super) fn check_real_key(offset: u64, real: f64) -> Result<()> {
    if real.is_nan() {
        return Err(Error::unexpected(offset, "a key that is a number", "NaN"));
    }
    Ok(())
}
