//! Why an operation was not done.

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was not done. It has then changed nothing, and the handle can go on.
///
/// The cases are those of `error` in the WIT package; each carries the path or key it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The deadline of a wait passed.
    #[error("timed out waiting for {0}")]
    Timeout(String),
    /// Another owner holds the directory, or took it over.
    #[error("locked: {0}")]
    Locked(String),
    /// The disk is full, or a limit is reached and the policy evicts nothing.
    #[error("full: {0}")]
    Full(String),
    /// A key, value, tag or entry is beyond its limit.
    #[error("{what} is too large: {size} bytes, at most {limit} are possible")]
    TooLarge {
        /// What it is.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The value has another type than the operation needs.
    #[error("wrong type: {0}")]
    WrongType(String),
    /// A number beyond 64 bits or a time beyond the calendar.
    #[error("overflow: {0}")]
    Overflow(String),
    /// A place where there is nothing.
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
    /// The handle, or the transaction, was closed.
    #[error("the cache or the transaction is closed")]
    Closed,
    /// A transaction of the same handle is open.
    #[error("a transaction of this handle is open: work goes through it until it ends")]
    InTransaction,
    /// A grant that was released, or has expired and been given to somebody else.
    #[error("not held: {0}")]
    NotHeld(String),
    /// A lock, a limit or the like is in use with another bound.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Anything else the system reported.
    #[error("input/output error: {0}")]
    Io(String),
}

impl Error {
    /// An error of the file system at `path`, under the name that fits its kind.
    pub fn from_io(path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        // Without the number, which on WASI is not that of the host.
        let reason = error.to_string();
        let reason = reason.split(" (os error ").next().unwrap_or_default();
        let text = format!("{}: {reason}", path.display());
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound(text),
            ErrorKind::PermissionDenied => Self::PermissionDenied(text),
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(text),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full(text),
            ErrorKind::NotADirectory => Self::InvalidArgument(text),
            _ => Self::Io(text),
        }
    }

    /// The same at a path that nobody gave: where there should be a directory and is none, it is damage.
    pub(crate) fn from_own_file(path: &std::path::Path, error: &std::io::Error) -> Self {
        match Self::from_io(path, error) {
            Self::InvalidArgument(text) => Self::Corrupt(text),
            other => other,
        }
    }
}
