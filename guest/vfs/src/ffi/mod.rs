//! The C side: tables of functions for SQLite, which translate its calls to safe ones.

mod file;
mod vfs;

pub(crate) use self::vfs::register;

/// What SQLite calls to set up its platform, where it is built for none of its own.
#[cfg(target_family = "wasm")]
mod platform {
    #![allow(unsafe_code, reason = "exports the symbols SQLite links to")]

    use std::ffi::c_int;

    use rusqlite::ffi::SQLITE_OK;

    // SAFETY: SQLite declares exactly this function, and leaves it undefined with SQLITE_OS_OTHER.
    #[unsafe(no_mangle)]
    extern "C" fn sqlite3_os_init() -> c_int {
        // Nothing to do: the VFS is registered before the first database is opened.
        SQLITE_OK
    }

    // SAFETY: as above.
    #[unsafe(no_mangle)]
    extern "C" fn sqlite3_os_end() -> c_int {
        SQLITE_OK
    }
}
