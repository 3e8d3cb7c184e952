//! What reading returns.

use crate::key::Key;
use crate::value::Value;

/// An entry as it was read, value and metadata from one moment.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it holds.
    pub value: Value,
    /// All else.
    pub metadata: Metadata,
}

/// An entry with its key; in a queue the key is the position.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is found by.
    pub key: Key,
    /// The rest.
    pub entry: Entry,
}

/// An entry of a queue.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Its place in the queue.
    pub position: i64,
    /// The rest.
    pub entry: Entry,
}

/// What is known of an entry besides its value. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// When it was last stored.
    pub stored_ms: u64,
    /// When it stops being found.
    pub expires_ms: Option<u64>,
    /// Whether a hit postpones that.
    pub sliding: bool,
    /// When it was last read or stored, as far as the policy tracks it.
    pub accessed_ms: u64,
    /// How often it was read, as far as the policy tracks it.
    pub hits: u64,
    /// What it counts towards the volume, in bytes.
    pub size: u64,
    /// Its labels, in order.
    pub tags: Vec<String>,
    /// Changes whenever a value is stored.
    pub version: u64,
}
