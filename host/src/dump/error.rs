//! Why a dump could not be written or read.

use std::io;

/// Shorthand for results of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a dump could not be written or read. Offsets are in bytes from the beginning of the dump.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The dump could not be read.
    #[error("the dump could not be read at byte {offset}: {source}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The dump could not be written.
    #[error("the dump could not be written at byte {offset}: {source}")]
    Write {
        /// Where.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// A value that was to be dumped could not be read.
    #[error("the value to be dumped at byte {offset} could not be read: {source}")]
    Source {
        /// Where the dump had got to.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// What is read is no dump at all.
    #[error("not a Larder dump: it begins with {found}")]
    NotADump {
        /// What was found.
        found: String,
    },
    /// The dump is of another version.
    #[error("a dump of format version {found}; this program knows version {known}")]
    Version {
        /// The version of the dump.
        found: u64,
        /// The version that can be read.
        known: u64,
    },
    /// The dump ends too early.
    #[error("the dump is cut short: it ends at byte {offset}, where {expected} should be")]
    Truncated {
        /// Where it ends.
        offset: u64,
        /// What is missing.
        expected: &'static str,
    },
    /// There is something else than what must be there.
    #[error("byte {offset} of the dump: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        offset: u64,
        /// What must be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Something is beyond its limit.
    #[error("byte {offset} of the dump: {what} is too large: {size}, at most {limit} is possible")]
    TooLarge {
        /// Where it is, or would be written.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// The trailer contradicts what comes before it.
    #[error("the dump is damaged: {what} is {found}, but the trailer at byte {offset} says {recorded}")]
    Damaged {
        /// Where the trailer begins.
        offset: u64,
        /// What differs.
        what: &'static str,
        /// What was found.
        found: String,
        /// What the trailer says.
        recorded: String,
    },
    /// An earlier error has left the dump half written, or half read.
    #[error("the dump can not go on after an earlier error")]
    Broken,
}

impl Error {
    /// Something else than what must be at `offset`.
    pub(super) fn unexpected(offset: u64, expected: &'static str, found: impl Into<String>) -> Self {
        Self::Unexpected { offset, expected, found: found.into() }
    }
}

/// For readers of a value through [`std::io::Read`]; the error itself is kept inside.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Read { source, .. } | Error::Write { source, .. } | Error::Source { source, .. } => source.kind(),
            Error::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            Error::Broken => io::ErrorKind::Other,
            Error::NotADump { .. }
            | Error::Version { .. }
            | Error::Unexpected { .. }
            | Error::TooLarge { .. }
            | Error::Damaged { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
