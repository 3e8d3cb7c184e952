//! What the VFS asks of its surroundings to share a database: locks, sizes and mapped pages.
//!
//! The traits mirror the WIT interface `larder:cache/coordination`, so that the component only
//! forwards calls, and native tests can stand in for the host with the same system calls.

#![allow(unsafe_code, reason = "declares the calls that replace memory; their callers are in `region`")]

/// How a range of bytes is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Together with other shared locks.
    Shared,
    /// Alone.
    Exclusive,
}

/// Why a call was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is not there.
    #[error("no such file")]
    NotFound,
    /// The operating system or the host forbids it.
    #[error("permission denied")]
    Denied,
    /// This host, engine or platform can not do it.
    #[error("not supported here")]
    Unsupported,
    /// The file was deleted, replaced or cut short underneath. What was read from its mapped
    /// pages is void.
    #[error("the file was deleted, replaced or cut short while in use")]
    Damaged,
    /// Not enough disk, memory, handles or regions: of what.
    #[error("exhausted: {0}")]
    Exhausted(String),
    /// An argument that can not be: which.
    #[error("invalid argument: {0}")]
    Invalid(String),
    /// Anything else the operating system reported.
    #[error("{0}")]
    Io(String),
}

/// A host that lets many instances and processes share a directory.
///
/// One value serves all connections of a VFS, from any thread.
pub trait Coordination: Send + Sync {
    /// Opens a file for coordination, by the path it was given to the VFS, or that path with
    /// `-shm` after it. Creates it if asked. Each call gives a handle that excludes all others.
    fn open(&self, path: &str, create: bool, read_only: bool) -> Result<Box<dyn SharedFile>, Fault>;

    /// Whether [`SharedFile::map`] can work. If not, connections offer SQLite no shared memory,
    /// and write-ahead logging works only with `locking_mode = EXCLUSIVE`.
    fn can_map(&self) -> bool;

    /// Orders all memory accesses before it before all after it, for every observer, and checks
    /// that the `length` bytes at `memory` are still a region mapped by [`SharedFile::map`].
    ///
    /// # Safety
    ///
    /// The bytes must be one whole region that is mapped, and stay so during the call. Others
    /// may write to them meanwhile.
    unsafe fn barrier(&self, memory: *const u8, length: usize) -> Result<(), Fault>;
}

/// A file opened for coordination. Its locks end with it.
///
/// SQLite never uses a file from two threads at once, so a handle may move between threads but
/// need not be shared by them.
pub trait SharedFile: Send {
    /// Locks a range of bytes, which need not exist, or changes the mode of a range that is held.
    /// Waits up to `wait_ms` milliseconds for others; false means that others held it all the time.
    fn lock(&self, start: u64, length: u64, mode: LockMode, wait_ms: u32) -> Result<bool, Fault>;

    /// Releases a range of bytes, as far as that can be done also when it reports a fault.
    fn unlock(&self, start: u64, length: u64) -> Result<(), Fault>;

    /// Whether another handle holds a lock that keeps this one from locking the range exclusively.
    fn is_locked(&self, start: u64, length: u64) -> Result<bool, Fault>;

    /// Size of the file in bytes.
    fn size(&self) -> Result<u64, Fault>;

    /// Cuts or extends the file to `size` bytes, with zeros.
    fn resize(&self, size: u64) -> Result<(), Fault>;

    /// Puts the bytes of the file from `offset` on in place of the `length` bytes at `memory`.
    ///
    /// # Safety
    ///
    /// The memory must be the caller's own, aligned to 64 KiB, with no reference into it, and
    /// must be neither freed nor reused before [`SharedFile::unmap`] succeeded.
    unsafe fn map(&self, offset: u64, memory: *mut u8, length: usize) -> Result<(), Fault>;

    /// Makes mapped memory the caller's own again, filled with zeros.
    ///
    /// # Safety
    ///
    /// The memory must be exactly what one call of [`SharedFile::map`] mapped, with no reference
    /// into it.
    unsafe fn unmap(&self, memory: *mut u8, length: usize) -> Result<(), Fault>;
}
