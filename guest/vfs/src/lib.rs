//! An SQLite VFS that lets many sandboxed instances and native programs share a database.
//!
//! [`register`] installs it. Files are read and written through `std`; what WASI lacks, locks and
//! shared memory, comes from a [`Coordination`] the embedder provides. Locks lie on the same bytes
//! as those of SQLite's own unix VFS, and the WAL-index is the same mapped `-shm` file, so native
//! SQLite programs can use the database at the same time.
//!
//! Without coordination the database has one owner, which something else must ensure: every lock
//! succeeds at once, and write-ahead logging needs `PRAGMA locking_mode = EXCLUSIVE` before it.
//!
//! # Before and after every operation
//!
//! [`begin_operation`] says how long it may wait for others to leave the shared memory at rest.
//!
//! Ask [`take_damage`]: if it answers, what was read is void and the connection has to be closed
//! and opened again. After an error, [`take_failure`] names the file and the reason.
//!
//! CAUTION: natively, closing any descriptor of a file releases the POSIX locks that SQLite's own
//! unix VFS holds on it in the same process. Use one of the two VFSes per process and file.

mod code;
mod coordination;
mod database;
mod disk;
mod ffi;
mod file;
mod lock;
mod memory;
mod optimistic;
mod os;
mod patience;
mod report;
mod vfs;
mod wal;
mod wal_index;

use std::ffi::CStr;

pub use coordination::{Coordination, Fault, LockMode, SharedFile};
pub use disk::{SyncDirectory, sync_directory};
pub use optimistic::{begin_optimistic_read, end_optimistic_read};
pub use os::write_fully;
pub use patience::begin_operation;
pub use report::{Damage, Failure, FailureKind, take_damage, take_failure};

/// Why a VFS was not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// There is a VFS of this name already.
    #[error("an SQLite VFS named {0:?} exists already")]
    NameTaken(std::ffi::CString),
    /// SQLite refused, with this result code.
    #[error("SQLite could not register the VFS: result code {0}")]
    Refused(i32),
}

/// Registers the VFS under a name, for the life of the process.
///
/// With `coordination`, many connections in many processes can share a database; with `None`
/// the caller vouches that there is only one. On WebAssembly, where it is the only VFS, it also
/// becomes the default. `sync_directory` waits until the names in a directory are on the disk: natively
/// [`sync_directory`] can do that. The first that is given is that of all.
pub fn register(
    name: &CStr,
    coordination: Option<Box<dyn Coordination>>,
    sync_directory: SyncDirectory,
) -> Result<(), RegisterError> {
    disk::sync_directories_with(sync_directory);
    ffi::register(name, coordination)
}
