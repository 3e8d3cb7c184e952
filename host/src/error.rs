//! Why an operation was not done.

use crate::runtime::bindings::types::Error as Reported;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was not done. It has then changed nothing, and the cache can go on, unless a
/// case says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The deadline of a wait passed.
    #[error("timed out waiting for {0}")]
    Timeout(String),
    /// Another owner holds the directory alone.
    #[error("locked: {0}")]
    Locked(String),
    /// The disk is full, or a limit is reached and the policy evicts nothing.
    #[error("full: {0}")]
    Full(String),
    /// A key, value, tag or entry is beyond its limit.
    #[error("{what} is too large: {size} bytes, at most {limit} are possible")]
    TooLarge {
        /// What it is, with the key where there is one.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The value is of another type than the operation needs.
    #[error("wrong type: {0}")]
    WrongType(String),
    /// A number beyond 64 bits or a time beyond the calendar.
    #[error("overflow: {0}")]
    Overflow(String),
    /// A place of a deque where there is nothing.
    #[error("out of range: {0}")]
    OutOfRange(String),
    /// An argument that can not be.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// A change where only reading is possible.
    #[error("read-only: {0}")]
    ReadOnly(String),
    /// There is no cache at the path.
    #[error("not found: {0}")]
    NotFound(String),
    /// The file system forbids it.
    #[error("permission denied: {0}")]
    PermissionDenied(String),
    /// Something on disk is damaged.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// Not a Larder directory, or one of a newer version.
    #[error("unsupported format: {0}")]
    UnsupportedFormat(String),
    /// The cache or the transaction was closed. An open transaction is closed, and undone, by an
    /// error such as a full disk.
    #[error("the cache or the transaction is closed")]
    Closed,
    /// A transaction of the same instance of the component is open.
    #[error("a transaction is open: work goes through it until it ends")]
    InTransaction,
    /// A grant or a vacancy that was given back, or has lapsed and is somebody else's.
    #[error("not held: {0}")]
    NotHeld(String),
    /// A lock, a limit or a barrier is in use with another bound.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Anything else the system reported.
    #[error("input/output error: {0}")]
    Io(String),
    /// A value could not be encoded, or what is stored is no value of the type asked for.
    #[error("encoding: {0}")]
    Encoding(String),
    /// The component broke down in the middle of the call, whose outcome is unknown. Its instance
    /// was discarded; the next call uses another.
    #[error("the component failed: {0}")]
    Failed(String),
    /// A call took longer than [`crate::Limits::call`] allows, or opening an instance for it longer than
    /// [`crate::Limits::opening`], and was ended. Its outcome is unknown: all of it or nothing, and of an
    /// operation in steps those that were done. Its instance was discarded, with any transaction that was
    /// open in it; the next call uses another.
    #[error("the call took longer than its limit of {0:?}")]
    TimeLimit(std::time::Duration),
    /// The component needed more memory than [`crate::Limits::memory`] allows, and broke down over it, as
    /// in [`Error::Failed`].
    #[error("the component needed more memory than its limit of {0} bytes")]
    MemoryLimit(usize),
    /// The WebAssembly engine could not be started.
    #[error("the WebAssembly engine could not be started: {0}")]
    Engine(String),
}

impl Error {
    /// An error of the file system at `path`, under the name that fits its kind.
    pub(crate) fn from_io(path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let text = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound(text),
            ErrorKind::PermissionDenied => Self::PermissionDenied(text),
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(text),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(text),
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                Self::InvalidArgument(format!("{} is not a directory", path.display()))
            }
            _ => Self::Io(text),
        }
    }
}

impl From<Reported> for Error {
    fn from(error: Reported) -> Self {
        match error {
            Reported::Timeout(text) => Self::Timeout(text),
            Reported::Locked(text) => Self::Locked(text),
            Reported::Full(text) => Self::Full(text),
            Reported::TooLarge(excess) => Self::TooLarge { what: excess.what, size: excess.size, limit: excess.limit },
            Reported::WrongType(text) => Self::WrongType(text),
            Reported::Overflow(text) => Self::Overflow(text),
            Reported::OutOfRange(text) => Self::OutOfRange(text),
            Reported::InvalidArgument(text) => Self::InvalidArgument(text),
            Reported::ReadOnly(text) => Self::ReadOnly(text),
            Reported::NotFound(text) => Self::NotFound(text),
            Reported::PermissionDenied(text) => Self::PermissionDenied(text),
            Reported::Corrupt(text) => Self::Corrupt(text),
            Reported::UnsupportedFormat(text) => Self::UnsupportedFormat(text),
            Reported::Closed => Self::Closed,
            Reported::InTransaction => Self::InTransaction,
            Reported::NotHeld(text) => Self::NotHeld(text),
            Reported::Conflict(text) => Self::Conflict(text),
            Reported::Io(text) => Self::Io(text),
        }
    }
}
