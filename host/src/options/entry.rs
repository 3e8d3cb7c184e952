//! How entries are stored, and what is known of them.

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

/// What a value that is written in parts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Bytes.
    Bytes,
    /// Text. Anything but UTF-8 is [`Error::InvalidArgument`](crate::Error::InvalidArgument).
    Text,
    /// Text if all of it is UTF-8, else bytes.
    #[default]
    Detected,
}

impl From<Content> for wit::Content {
    fn from(content: Content) -> Self {
        match content {
            Content::Bytes => Self::Bytes,
            Content::Text => Self::Text,
            Content::Detected => Self::Detected,
        }
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
        Self { value: entry.value.into(), metadata: entry.metadata.into() }
    }
}

impl From<types::Metadata> for Metadata {
    fn from(metadata: types::Metadata) -> Self {
        Self {
            stored: time(metadata.stored_ms),
            expires: metadata.expires_ms.map(time),
            sliding: metadata.sliding,
            accessed: time(metadata.accessed_ms),
            hits: metadata.hits,
            size: metadata.size,
            tags: metadata.tags,
            version: metadata.version,
        }
    }
}

/// The time so many milliseconds after the Unix epoch, or the latest there is.
fn time(milliseconds: u64) -> SystemTime {
    const LATEST: u64 = 253_402_300_799_999; // the end of the year 9999
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds.min(LATEST))
}
