//! What came of an operation, and when.

use serde::{Deserialize, Serialize};

use super::operation::{Content, Operation};

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
    /// A key of an index with its value, if there is one.
    Pair(Option<(u32, Content)>),
    /// A mean, as its bits, and of how many numbers; if there are any.
    Mean(Option<(u64, u64)>),
    /// The number of an opening, unless the others did not come.
    Opening(Option<u64>),
    /// The number of a grant; none if there was no waiting, or in vain.
    Fence(Option<u64>),
    /// The value, and when it was computed, if this call did.
    Memo {
        /// The stamp of whoever computed it.
        stamp: u64,
        /// From when to when.
        computed: Option<(u64, u64)>,
    },
    /// A panic on purpose in the middle of it: it was not done.
    Abandoned,
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
    /// When it had ended; for ever ahead if it never did. Nothing that it does comes later.
    pub ended: u64,
    /// What came of it; none if nobody knows.
    pub outcome: Option<Outcome>,
}

impl Call {
    /// When a call ends that never does.
    pub const NEVER: u64 = u64::MAX;

    /// Whether it is known what came of it.
    pub fn is_complete(&self) -> bool {
        self.outcome.is_some()
    }
}
