//! `sqlite3_vfs`: registration, and what SQLite asks of the platform.

#![allow(unsafe_code, reason = "receives raw pointers from SQLite")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::ffi;

use super::file::Slot;
use crate::RegisterError;
use crate::code::{Code, Result, to_sqlite};
use crate::coordination::Coordination;
use crate::disk::OpenMode;
use crate::os;
use crate::patience;
use crate::vfs::{self, OpenRequest, Purpose, Vfs};

/// How much SQLite allocates for a file of ours.
const SLOT_SIZE: c_int = 64;
const _: () = assert!(size_of::<Slot>() <= 64);
/// The longest path in bytes, with the NUL at its end.
const PATH_MAX: c_int = 1024;
/// The Julian day number of 1970 in milliseconds.
const UNIX_EPOCH_JULIAN_MS: i64 = 210_866_760_000_000;
const DAY_MS: f64 = 86_400_000.0;

/// Registers a VFS that lives as long as the process.
pub(crate) fn register(
    name: &CStr,
    coordination: Option<Box<dyn Coordination>>,
) -> std::result::Result<(), RegisterError> {
    if is_taken(name) {
        return Err(RegisterError::NameTaken(name.to_owned()));
    }
    let state: &'static Vfs = Box::leak(Box::new(Vfs::new(coordination)));
    let table = Box::leak(Box::new(table(state, name.to_owned().into_raw())));
    #[cfg(target_family = "wasm")]
    let table = super::platform::offer(table);
    let make_default = c_int::from(cfg!(target_family = "wasm"));
    // SAFETY: the table and all it points to stay for ever, and the table is SQLite's from now on.
    match unsafe { ffi::sqlite3_vfs_register(table, make_default) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(RegisterError::Refused(code)),
    }
}

fn is_taken(name: &CStr) -> bool {
    // To look for a VFS, SQLite has to be initialised, which takes a VFS here.
    #[cfg(target_family = "wasm")]
    if !super::platform::has_vfs() {
        return false;
    }
    // SAFETY: the name is a C string, which is only read.
    let existing = unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) };
    !existing.is_null()
}

fn table(state: &'static Vfs, name: *const c_char) -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: SLOT_SIZE,
        mxPathname: PATH_MAX,
        pNext: ptr::null_mut(),
        zName: name,
        pAppData: ptr::from_ref(state).cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: Some(dl_open),
        xDlError: Some(dl_error),
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time_ms),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// A path from SQLite, which is UTF-8 as everything is.
///
/// # Safety
///
/// `path` must be null or a C string that outlives `'a`.
unsafe fn path_of<'a>(path: *const c_char) -> Result<Option<&'a str>> {
    if path.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let path = unsafe { CStr::from_ptr(path) };
    path.to_str().map(Some).map_err(|_| Code(ffi::SQLITE_CANTOPEN))
}

fn request_of(flags: c_int) -> OpenRequest {
    let has = |flag| flags & flag != 0;
    let purpose = if has(ffi::SQLITE_OPEN_MAIN_DB) {
        Purpose::Database
    } else if has(ffi::SQLITE_OPEN_WAL) {
        Purpose::Log
    } else {
        Purpose::Other
    };
    let mode = OpenMode {
        read_only: has(ffi::SQLITE_OPEN_READONLY),
        create: has(ffi::SQLITE_OPEN_CREATE),
        exclusive: has(ffi::SQLITE_OPEN_EXCLUSIVE),
    };
    OpenRequest { purpose, mode, delete_on_close: has(ffi::SQLITE_OPEN_DELETEONCLOSE) }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives memory of the size named in the table, for this file alone.
    unsafe { Slot::initialise(file) };
    let act = || {
        // SAFETY: SQLite gives the table that was registered.
        let state = unsafe { (*vfs).pAppData };
        // SAFETY: `register` put it there, and it stays for ever.
        let state = unsafe { &*state.cast::<Vfs>() };
        let request = request_of(flags);
        // SAFETY: SQLite keeps the path for as long as the file is open.
        let name = unsafe { path_of(path) }?;
        let link = if request.purpose == Purpose::Log {
            // SAFETY: SQLite made this path for the log of an open database.
            let database = unsafe { ffi::sqlite3_database_file_object(path) };
            // SAFETY: the file of that database, which is open and waits for its log.
            unsafe { Slot::link(database) }
        } else {
            None
        };
        let opened = state.open(name, request, link)?;
        // SAFETY: initialised above, and not yet given to SQLite.
        unsafe { Slot::fill(file, opened.file, opened.shareable) };
        Ok(opened.read_only)
    };
    match act() {
        Ok(read_only) => {
            // SAFETY: null or the address of a variable of SQLite's.
            if let Some(out) = unsafe { out_flags.as_mut() } {
                *out =
                    if read_only { (flags & !ffi::SQLITE_OPEN_READWRITE) | ffi::SQLITE_OPEN_READONLY } else { flags };
            }
            ffi::SQLITE_OK
        }
        Err(Code(code)) => code,
    }
}

unsafe extern "C" fn delete(_vfs: *mut ffi::sqlite3_vfs, path: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: SQLite gives a C string that stays during the call.
    let path = unsafe { path_of(path) };
    to_sqlite(path.and_then(|path| vfs::delete(path.unwrap_or_default(), sync_directory != 0)))
}

unsafe extern "C" fn access(_vfs: *mut ffi::sqlite3_vfs, path: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives a C string that stays during the call.
    let path = unsafe { path_of(path) };
    let result = path.and_then(|path| {
        let path = path.unwrap_or_default();
        let answer = match flags {
            ffi::SQLITE_ACCESS_EXISTS => vfs::exists(path)?,
            _ => vfs::is_writable(path),
        };
        // SAFETY: SQLite gives the address of a variable of its own.
        unsafe { out.write(answer.into()) };
        Ok(())
    });
    to_sqlite(result)
}

/// Paths are kept as they are given: WASI has no current directory, and the host grants
/// directories by the names it gave them.
unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    size: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a C string that stays during the call.
    let Ok(Some(path)) = (unsafe { path_of(path) }) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let length = path.len();
    if path.is_empty() || usize::try_from(size).is_ok_and(|size| length >= size) || size <= 0 {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room for the path and its NUL, as checked above, in memory of SQLite's.
    unsafe { out.copy_from_nonoverlapping(path.as_ptr().cast(), length) };
    // SAFETY: as above.
    let end = unsafe { out.add(length) };
    // SAFETY: as above.
    unsafe { end.write(0) };
    ffi::SQLITE_OK
}

/// There are no extensions to load.
unsafe extern "C" fn dl_open(_vfs: *mut ffi::sqlite3_vfs, _path: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn dl_error(_vfs: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) {
    if size > 0 {
        // SAFETY: SQLite gives `size` writable bytes.
        unsafe { out.write(0) };
    }
}

unsafe extern "C" fn randomness(_vfs: *mut ffi::sqlite3_vfs, size: c_int, out: *mut c_char) -> c_int {
    let length = usize::try_from(size).unwrap_or(0);
    // SAFETY: SQLite gives `size` writable bytes, which need not be initialised before.
    unsafe { out.write_bytes(0, length) };
    // SAFETY: the same bytes, initialised above, and SQLite's for us alone during the call.
    let buffer = unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), length) };
    match os::fill_random(buffer) {
        Ok(()) => size,
        Err(_) => 0,
    }
}

unsafe extern "C" fn sleep(_vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    patience::note_pause();
    thread::sleep(Duration::from_micros(u64::try_from(microseconds).unwrap_or(0)));
    microseconds
}

/// Milliseconds since the beginning of the Julian calendar.
fn julian_ms() -> i64 {
    let since_1970 = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before),
    };
    since_1970.saturating_add(UNIX_EPOCH_JULIAN_MS)
}

unsafe extern "C" fn current_time_ms(_vfs: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives the address of a variable of its own.
    unsafe { out.write(julian_ms()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time(_vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    #[allow(clippy::cast_precision_loss, reason = "exact for the next 280,000 years")]
    let days = julian_ms() as f64 / DAY_MS;
    // SAFETY: SQLite gives the address of a variable of its own.
    unsafe { out.write(days) };
    ffi::SQLITE_OK
}
