//! What an operation says, of the cache or of the model.

use larder_engine::Error;

use super::operation::Stored;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Done,
    Whether(bool),
    WhetherEach(Vec<bool>),
    Count(u64),
    Found(Option<Stored>),
    FoundEach(Vec<Option<Stored>>),
    Sum(Option<i64>),
    Position(i64),
    /// A value of a queue, with its position.
    Queued(Option<(i64, Stored)>),
    Names(Vec<String>),
    /// Number and size.
    Measured(u64, u64),
    Refused(Refusal),
}

/// Errors that the model knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Refusal {
    Full,
    TooLarge,
    WrongType,
    ReadOnly,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Full(_) => Self::Full,
            Error::TooLarge { .. } => Self::TooLarge,
            Error::WrongType(_) => Self::WrongType,
            Error::ReadOnly(_) => Self::ReadOnly,
            other => panic!("no operation of the model may end in {other}"),
        }
    }
}

/// What is known of an entry, of the cache or of the model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Its key, or its queue and position.
    pub(super) name: String,
    pub(super) value: Stored,
    pub(super) stored_ms: u64,
    pub(super) expires_ms: Option<u64>,
    pub(super) sliding: bool,
    pub(super) tags: Vec<String>,
    pub(super) size: u64,
    /// When it was last used, once that is recorded.
    pub(super) used_ms: Option<u64>,
    /// How often it was read, likewise.
    pub(super) hits: Option<u64>,
}

/// The name of an entry of a queue.
pub(super) fn name_in_queue(queue: &str, position: i64) -> String {
    format!("{queue} at {position}")
}
