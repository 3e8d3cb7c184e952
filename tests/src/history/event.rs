//! What can be done to a cache, what may come of it, and how both are written down.

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

/// An operation on an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the operations of the WIT interface, with their arguments")]
pub enum ItemAction {
    Get,
    GetEntry,
    Contains,
    Set {
        content: Content,
        ttl_ms: Option<u32>,
    },
    Add {
        content: Content,
        ttl_ms: Option<u32>,
    },
    CompareAndSet {
        expected: Option<u64>,
        content: Content,
        ttl_ms: Option<u32>,
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
    /// What an enumeration shows of one entry. Nobody calls it: an enumeration is one for each entry.
    Observe,
    /// What evicting a tag does to one entry. As above.
    Evict,
}

/// An operation on some entries that belong together.
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
    /// Asks for a value that is computed once.
    Memoize {
        /// Which value.
        memo: u32,
        /// What computing it comes to.
        stamp: u64,
    },
    /// Takes one of a limit.
    Take,
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
    /// Counts all entries.
    Count,
    /// Works on the whole cache.
    Upkeep(Upkeep),
    /// Sets the wall clock, by so many milliseconds.
    Leap {
        /// Forward, or back.
        milliseconds: i64,
    },
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done.
    Done,
    /// A value, if there is one.
    Value(Option<Content>),
    /// A value and its version.
    Entry(Option<(Content, u64)>),
    /// The version of what was stored, unless it was refused.
    Version(Option<u64>),
    /// Whether there was something.
    Flag(bool),
    /// Several of these.
    Flags(Vec<bool>),
    /// What was added up.
    Sum(i64),
    /// Several values.
    Values(Vec<Option<Content>>),
    /// What an enumeration showed: number, content, version.
    Items(Vec<(u32, Content, u64)>),
    /// How many.
    Count(u64),
    /// The number of a grant; none if there was no waiting, or in vain.
    Fence(Option<u64>),
    /// The value, and when it was computed, if this call did.
    Memo {
        /// The stamp of whoever computed it.
        stamp: u64,
        /// From when to when.
        computed: Option<(u64, u64)>,
    },
    /// The value is of another type.
    WrongType,
    /// What was held was lost before.
    Lapsed,
    /// An error that says that nothing has changed.
    Refused(String),
    /// The end of the instance in the middle of it: perhaps it was done.
    Unknown(String),
    /// What must never be.
    Failed(String),
}

/// An operation of a client, from its beginning to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Who.
    pub client: u32,
    /// What.
    pub operation: Operation,
    /// When it began, in nanoseconds of a clock that all processes of the machine have in common.
    pub begun: u64,
    /// When it had ended; for ever ahead if it never did.
    pub ended: u64,
    /// What came of it; none if nobody knows.
    pub outcome: Option<Outcome>,
}

impl Call {
    /// When a call ends that never does.
    pub const NEVER: u64 = u64::MAX;

    /// Whether it is over.
    pub fn is_complete(&self) -> bool {
        self.outcome.is_some()
    }
}
