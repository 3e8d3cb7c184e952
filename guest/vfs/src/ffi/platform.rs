//! What SQLite calls to set up its platform, where it is built for none of its own.

#![allow(unsafe_code, reason = "exports the symbols SQLite links to")]

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi;

/// The first VFS that was registered. SQLite needs one before it is initialised, and calls
/// `sqlite3_os_init` for it.
static FIRST: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(ptr::null_mut());

/// Whether a VFS was offered.
pub(super) fn has_vfs() -> bool {
    !FIRST.load(Ordering::Acquire).is_null()
}

/// Offers a VFS for SQLite's initialisation; later ones are registered after it.
pub(super) fn offer(vfs: &'static mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    let vfs = ptr::from_mut(vfs);
    let _ = FIRST.compare_exchange(ptr::null_mut(), vfs, Ordering::AcqRel, Ordering::Acquire);
    vfs
}

// SAFETY: SQLite declares exactly this function, and leaves it undefined with SQLITE_OS_OTHER.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_init() -> c_int {
    let first = FIRST.load(Ordering::Acquire);
    if first.is_null() {
        // Not an end: SQLite tries again when it is next used.
        return ffi::SQLITE_ERROR;
    }
    // SAFETY: only tables that stay for ever are offered, and none but SQLite uses them.
    unsafe { ffi::sqlite3_vfs_register(first, 1) }
}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_end() -> c_int {
    ffi::SQLITE_OK
}
