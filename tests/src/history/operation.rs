//! What can be done to a cache.

use serde::{Deserialize, Serialize};

/// One end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// The front.
    Front,
    /// The back.
    Back,
}

/// What is stored. Each body that is ever stored has a stamp of its own, so that whoever reads it knows
/// which call has stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Content {
    /// An integer, which can be added to.
    Number(i64),
    /// Text or bytes made of a stamp, so large.
    Body {
        /// Tells it from all others.
        stamp: u64,
        /// How many bytes: at least [`Content::LEAST`].
        size: u32,
    },
    /// What nobody has stored: a value that is torn, or of another kind.
    Torn,
}

impl Content {
    /// A body shows its stamp at least once.
    pub const LEAST: u32 = 16;
}

/// For how long an entry lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// In milliseconds; for ever if there is none.
    pub ttl_ms: Option<u32>,
    /// Whether each hit begins it anew.
    pub slides: bool,
}

impl Life {
    /// For ever.
    pub const LONG: Self = Self { ttl_ms: None, slides: false };
}

/// An operation on an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface, with their arguments")]
pub enum ItemAction {
    Get,
    GetEntry,
    GetRecent {
        max_age_ms: u32,
    },
    Contains,
    Set {
        content: Content,
        life: Life,
    },
    Add {
        content: Content,
        life: Life,
    },
    CompareAndSet {
        expected: Option<u64>,
        content: Content,
        life: Life,
    },
    CompareAndDelete {
        expected: u64,
    },
    Delete,
    Pop,
    Touch {
        ttl_ms: Option<u32>,
    },
    /// An absent one counts as 0.
    Increment {
        delta: i64,
    },
    /// As [`ItemAction::Set`], in parts.
    Write {
        content: Content,
        life: Life,
    },
    /// The same, but given up before its end.
    GiveUp {
        content: Content,
    },
    /// As [`ItemAction::Get`], in parts.
    Read,
    /// Ranges from the middle, the beginning and the end, one after the other.
    ReadRanges {
        /// Where the first one begins, in thousandths of the size.
        at: u32,
    },
    /// What an enumeration shows of one entry. Nobody calls it: an enumeration is one for each entry.
    Observe,
    /// What evicting a tag, or all, does to one entry. As above.
    Evict,
}

/// An operation on some places that belong together: entries, or an entry and an end of a deque, an index
/// and a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupAction {
    /// Stores all of them at once.
    SetMany {
        /// What all of them then hold.
        content: Content,
    },
    /// Removes all of them at once.
    DeleteMany,
    /// Reads all of them in a transaction.
    Read,
    /// Reads each of them.
    GetMany,
    /// Reads one of them.
    ReadOne {
        /// Which.
        member: u32,
    },
    /// Reads all of them and exchanges two, in a transaction.
    Swap {
        /// One of the two.
        from: u32,
        /// The other.
        to: u32,
    },
    /// The same, but undoes it.
    Abandon {
        /// One of the two.
        from: u32,
        /// The other.
        to: u32,
        /// Whether by a panic.
        panics: bool,
    },
}

/// An operation on a queue or deque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface, with their arguments")]
pub enum LineAction {
    Push { end: End, content: Content },
    Pull { end: End },
    Peek { end: End },
    Length,
}

/// An operation on an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface, with their arguments")]
pub enum IndexAction {
    Set {
        key: u32,
        content: Content,
    },
    SetDefault {
        key: u32,
        content: Content,
    },
    /// Stores the same under two keys at once.
    Update {
        keys: [u32; 2],
        content: Content,
    },
    Get {
        key: u32,
    },
    Delete {
        key: u32,
    },
    Pop {
        key: u32,
    },
    PeekItem {
        end: End,
    },
    PopItem {
        end: End,
    },
    MoveToEnd {
        key: u32,
        end: End,
    },
    Length,
    Clear,
}

/// An operation on a counter or average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface, with their arguments")]
pub enum TallyAction {
    Add { number: i32 },
    Get,
    Pop,
}

/// How a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Alone.
    Exclusive,
    /// Together with other readers.
    Read,
    /// By the only writer.
    Write,
    /// One of [`Mode::PERMITS`].
    Permit,
}

impl Mode {
    /// How many permits a semaphore has.
    pub const PERMITS: u32 = 3;
}

/// An operation on a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockAction {
    /// Takes it.
    Acquire {
        /// How.
        mode: Mode,
        /// Whether to wait for it.
        waits: bool,
    },
    /// Gives it back.
    Release,
}

/// Work on the whole cache that nobody is to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface")]
pub enum Upkeep {
    Expire,
    Cull,
    Compact,
    Check,
}

/// An operation, on a thing of its kind that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// On an entry.
    Item(u32, ItemAction),
    /// On entries that belong together.
    Group(u32, GroupAction),
    /// On a queue (of an even number) or deque.
    Line(u32, LineAction),
    /// On a lock.
    Lock(u32, LockAction),
    /// On an index.
    Index(u32, IndexAction),
    /// On a counter (of an even number) or average.
    Tally(u32, TallyAction),
    /// Asks for a value that is computed once.
    Memoize {
        /// Which value.
        memo: u32,
        /// What computing it comes to.
        stamp: u64,
        /// Whether computing it ends in a panic.
        panics: bool,
    },
    /// Asks for a value that is computed anew when it is too old.
    Refresh {
        /// Which value.
        memo: u32,
        /// What computing it comes to.
        stamp: u64,
        /// Whether computing it ends in a panic.
        panics: bool,
    },
    /// Takes some of a limit, a window (of an even number) or a bucket.
    Take {
        /// Which limit.
        limit: u32,
        /// How many.
        amount: u32,
    },
    /// Waits for others, for a while.
    Meet {
        /// Where.
        barrier: u32,
    },
    /// Gives all entries with a tag another time to live, at once.
    TouchMany {
        /// Its number.
        tag: u32,
        /// In milliseconds.
        ttl_ms: Option<u32>,
    },
    /// Stores many entries with a tag that nobody asks for.
    Crowd {
        /// Its number.
        tag: u32,
    },
    /// Enumerates all entries that [`Operation::Item`] is about.
    Scan {
        /// In the order of keys, else in that of insertion.
        by_key: bool,
        /// From the end.
        reverse: bool,
    },
    /// Removes all entries with a tag.
    Evict {
        /// Its number.
        tag: u32,
    },
    /// Removes all entries.
    Clear,
    /// Counts all entries.
    Count,
    /// Asks how much the cache takes on disk.
    Volume,
    /// Works on the whole cache.
    Upkeep(Upkeep),
    /// Sets the wall clock, by so many milliseconds.
    Leap {
        /// Forward, or back.
        milliseconds: i64,
    },
}
