//! `sqlite3_io_methods`: what SQLite does with an open file.

#![allow(unsafe_code, reason = "receives raw pointers from SQLite")]

use std::ffi::{c_int, c_void};
use std::slice;

use rusqlite::ffi;

use crate::code::{Code, Result, to_sqlite};
use crate::coordination::LockMode;
use crate::database::Link;
use crate::file::VfsFile;
use crate::lock::Level;
use crate::wal_index::Slots;

/// SQLite's file object with ours behind it. SQLite allocates and frees the memory.
#[repr(C)]
pub(super) struct Slot {
    base: ffi::sqlite3_file,
    file: Option<Box<dyn VfsFile>>,
}

/// The most a device may tear when power is lost while it writes; see `POWERSAFE_OVERWRITE` below.
const SECTOR_SIZE: c_int = 4096;

/// What holds of the files here.
///
/// `POWERSAFE_OVERWRITE`: writing a range does not endanger bytes outside of it, as SQLite assumes
/// of every unix file system. `SUBPAGE_READ`: any range can be read. Nothing else: not
/// `UNDELETABLE_WHEN_OPEN`, since anyone may delete the files, not `SAFE_APPEND` or an atomic
/// size, since a file may have grown before its bytes are on the disk.
const CHARACTERISTICS: c_int = ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SUBPAGE_READ;

const PRIVATE: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The methods of a file without shared memory. Version 1 tells SQLite so.
static PRIVATE_METHODS: ffi::sqlite3_io_methods = PRIVATE;

/// The methods of a database with shared memory.
static SHARED_METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    ..PRIVATE
};

impl Slot {
    /// Makes SQLite's file object one that is not open.
    ///
    /// # Safety
    ///
    /// `file` must point to at least `size_of::<Slot>()` bytes, aligned for any type, for us alone.
    pub(super) unsafe fn initialise(file: *mut ffi::sqlite3_file) {
        let empty = Self { base: ffi::sqlite3_file { pMethods: std::ptr::null() }, file: None };
        // SAFETY: as the caller promises. What was there before was not a `Slot`.
        unsafe { file.cast::<Self>().write(empty) };
    }

    /// Puts an open file into an initialised slot.
    ///
    /// # Safety
    ///
    /// `file` must have been initialised with [`Slot::initialise`] and not be in use.
    pub(super) unsafe fn fill(file: *mut ffi::sqlite3_file, opened: Box<dyn VfsFile>, shareable: bool) {
        // SAFETY: as the caller promises.
        let slot = unsafe { &mut *file.cast::<Self>() };
        slot.base.pMethods = if shareable { &raw const SHARED_METHODS } else { &raw const PRIVATE_METHODS };
        slot.file = Some(opened);
    }

    /// What the database shares with its log; none if it was not opened by this VFS.
    ///
    /// # Safety
    ///
    /// `file` must be null or point to a file object SQLite considers valid, not in use meanwhile.
    pub(super) unsafe fn link(file: *mut ffi::sqlite3_file) -> Option<Link> {
        // SAFETY: every file object begins with this pointer.
        let methods = unsafe { file.as_ref() }?.pMethods;
        let ours = [&raw const SHARED_METHODS, &raw const PRIVATE_METHODS];
        if !ours.contains(&methods) {
            return None;
        }
        // SAFETY: only `fill` sets these methods, so this is a slot.
        let slot = unsafe { &*file.cast::<Self>() };
        slot.file.as_ref()?.link()
    }
}

/// Calls a method of the file behind SQLite's object.
///
/// # Safety
///
/// `file` must be an object that `Slot::fill` filled and that is not in use. SQLite calls the
/// methods of a file only after opening it, and never two at a time.
unsafe fn with<T>(file: *mut ffi::sqlite3_file, act: impl FnOnce(&mut dyn VfsFile) -> Result<T>) -> Result<T> {
    // SAFETY: as the caller promises.
    let slot = unsafe { &mut *file.cast::<Slot>() };
    match &mut slot.file {
        Some(file) => act(file.as_mut()),
        None => Err(Code(ffi::SQLITE_MISUSE)),
    }
}

/// Converts a number that SQLite means to be positive.
fn unsigned<T, U: TryFrom<T>>(number: T) -> Result<U> {
    U::try_from(number).map_err(|_| Code(ffi::SQLITE_MISUSE))
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file, once.
    let result = unsafe { with(file, |file| file.close()) };
    // SAFETY: the same; afterwards SQLite only frees the memory.
    let slot = unsafe { &mut *file.cast::<Slot>() };
    slot.file = None;
    slot.base.pMethods = std::ptr::null();
    to_sqlite(result)
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let (amount, offset) = (unsigned(amount)?, unsigned(offset)?);
        // The buffer may be uninitialised memory of C, which must be written before it is a slice.
        // SAFETY: SQLite gives `amount` writable bytes.
        unsafe { buffer.cast::<u8>().write_bytes(0, amount) };
        // SAFETY: the same bytes, initialised above, and SQLite's for us alone during the call.
        let buffer = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), amount) };
        file.read(buffer, offset)
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let (amount, offset) = (unsigned(amount)?, unsigned(offset)?);
        // SAFETY: SQLite gives `amount` initialised bytes, which stay unchanged during the call.
        let bytes = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), amount) };
        file.write(bytes, offset)
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, |file| file.resize(unsigned(size)?)) })
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, |file| file.sync()) })
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let size = file.size()?.try_into().map_err(|_| Code(ffi::SQLITE_IOERR_FSTAT))?;
        // SAFETY: SQLite gives the address of a variable of its own.
        unsafe { out.write(size) };
        Ok(())
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

fn level_of(level: c_int) -> Result<Level> {
    match level {
        ffi::SQLITE_LOCK_NONE => Ok(Level::None),
        ffi::SQLITE_LOCK_SHARED => Ok(Level::Shared),
        ffi::SQLITE_LOCK_RESERVED => Ok(Level::Reserved),
        ffi::SQLITE_LOCK_PENDING => Ok(Level::Pending),
        ffi::SQLITE_LOCK_EXCLUSIVE => Ok(Level::Exclusive),
        _ => Err(Code(ffi::SQLITE_MISUSE)),
    }
}

fn number_of(level: Level) -> c_int {
    match level {
        Level::None => ffi::SQLITE_LOCK_NONE,
        Level::Shared => ffi::SQLITE_LOCK_SHARED,
        Level::Reserved => ffi::SQLITE_LOCK_RESERVED,
        Level::Pending => ffi::SQLITE_LOCK_PENDING,
        Level::Exclusive => ffi::SQLITE_LOCK_EXCLUSIVE,
    }
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, |file| file.lock(level_of(level)?)) })
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, |file| file.unlock(level_of(level)?)) })
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let reserved = file.is_reserved()?;
        // SAFETY: SQLite gives the address of a variable of its own.
        unsafe { out.write(reserved.into()) };
        Ok(())
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let answer = match operation {
            ffi::SQLITE_FCNTL_LOCKSTATE => number_of(file.level()),
            ffi::SQLITE_FCNTL_HAS_MOVED => file.has_moved()?.into(),
            ffi::SQLITE_FCNTL_EXTERNAL_READER => file.has_other_readers()?.into(),
            ffi::SQLITE_FCNTL_POWERSAFE_OVERWRITE => 1,
            ffi::SQLITE_FCNTL_LOCK_TIMEOUT => {
                // SAFETY: this operation comes with the address of an int.
                let wait_ms = unsafe { argument.cast::<c_int>().read() };
                // Less than 0 means for ever.
                let wait_ms = u32::try_from(wait_ms).unwrap_or(c_int::MAX.cast_unsigned());
                let before = file.set_wait_ms(wait_ms).ok_or(Code(ffi::SQLITE_NOTFOUND))?;
                c_int::try_from(before).unwrap_or(c_int::MAX)
            }
            ffi::SQLITE_FCNTL_PERSIST_WAL => {
                // SAFETY: this operation comes with the address of an int; less than 0 only asks.
                let keep = unsafe { argument.cast::<c_int>().read() };
                let keep = (keep >= 0).then_some(keep != 0);
                file.keep_log(keep).ok_or(Code(ffi::SQLITE_NOTFOUND))?.into()
            }
            // A hint only; growing in advance would not save a write.
            ffi::SQLITE_FCNTL_SIZE_HINT => return Ok(()),
            _ => return Err(Code(ffi::SQLITE_NOTFOUND)),
        };
        // SAFETY: all operations that come here are documented to give the address of an int.
        unsafe { argument.cast::<c_int>().write(answer) };
        Ok(())
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    CHARACTERISTICS
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    grow: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        // SAFETY: SQLite gives the address of a variable of its own, null until there is a region.
        unsafe { out.write(std::ptr::null_mut()) };
        let mapping = file.shm_map(unsigned(region)?, unsigned(size)?, grow != 0)?;
        // SAFETY: as above.
        unsafe { out.write(mapping.address) };
        // Not an error: SQLite uses the region, and knows that it must not write there.
        if mapping.read_only { Err(Code(ffi::SQLITE_READONLY)) } else { Ok(()) }
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        let mode = if flags & ffi::SQLITE_SHM_SHARED != 0 { LockMode::Shared } else { LockMode::Exclusive };
        let slots = Slots::new(first, count, mode).ok_or(Code(ffi::SQLITE_MISUSE))?;
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 { file.shm_unlock(slots) } else { file.shm_lock(slots) }
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    let act = |file: &mut dyn VfsFile| {
        file.shm_barrier();
        Ok(())
    };
    // SAFETY: SQLite calls this with an open file. It can not fail then.
    let _ = unsafe { with(file, act) };
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    let act = |file: &mut dyn VfsFile| {
        file.shm_detach(delete != 0);
        Ok(())
    };
    // SAFETY: SQLite calls this with an open file.
    to_sqlite(unsafe { with(file, act) })
}
