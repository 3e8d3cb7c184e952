//! A database file and its write-ahead log, which have to know of each other: what is pending in
//! the log is written before others can see the WAL-index that speaks of it.

use std::ffi::c_int;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use crate::code::{Code, Result, from_error, from_fault};
use crate::coordination::{Coordination, SharedFile};
use crate::disk::{DiskFile, Storage as _};
use crate::file::{VfsFile, finish_read};
use crate::lock::{DatabaseLock, Level, LockError};
use crate::wal::{WalLog, is_commit_header};
use crate::wal_index::{Mapping, Slots, WalIndex};

/// What a database and its log share. SQLite uses both from one thread at a time, so the mutexes
/// are never contended; of the two, only one is ever held.
#[derive(Clone)]
pub(crate) struct Link {
    index: Arc<Mutex<WalIndex>>,
    log: Arc<Mutex<Option<WalLog<DiskFile>>>>,
}

impl Link {
    fn index(&self) -> MutexGuard<'_, WalIndex> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Option<WalLog<DiskFile>>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the log, if there is one, and reports it when it fails.
    fn with_log<T: Default>(
        &self,
        operation: &'static str,
        code: c_int,
        act: impl FnOnce(&mut WalLog<DiskFile>) -> std::io::Result<T>,
    ) -> Result<T> {
        match self.log().as_mut() {
            None => Ok(T::default()),
            Some(log) => act(log).map_err(|error| from_error(log.storage().path(), operation, &error, code)),
        }
    }
}

/// A database file.
pub(crate) struct DatabaseFile {
    storage: DiskFile,
    lock: DatabaseLock,
    shared: Option<Box<dyn SharedFile>>,
    coordination: Option<Arc<dyn Coordination>>,
    keep_log: bool,
    link: Link,
}

impl DatabaseFile {
    /// Takes an open file, and opens it once more for coordination.
    pub(crate) fn new(storage: DiskFile, read_only: bool, coordination: Option<Arc<dyn Coordination>>) -> Result<Self> {
        let path = storage.path();
        let shared = match &coordination {
            None => None,
            Some(coordination) => Some(
                coordination
                    .open(path, false, read_only)
                    .map_err(|fault| from_fault(path, "open", &fault, ffi::SQLITE_CANTOPEN))?,
            ),
        };
        let link = Link { index: Arc::new(Mutex::new(WalIndex::new(path))), log: Arc::new(Mutex::new(None)) };
        Ok(Self { storage, lock: DatabaseLock::default(), shared, coordination, keep_log: false, link })
    }

    fn failed(&self, operation: &'static str, error: &std::io::Error, code: c_int) -> Code {
        from_error(self.storage.path(), operation, error, code)
    }

    fn lock_failed(&self, error: LockError) -> Code {
        let (operation, fault, code) = match error {
            LockError::Busy => return Code(ffi::SQLITE_BUSY),
            LockError::Misuse => return Code(ffi::SQLITE_MISUSE),
            LockError::Lock(fault) => ("lock", fault, ffi::SQLITE_IOERR_LOCK),
            LockError::Downgrade(fault) => ("lock", fault, ffi::SQLITE_IOERR_RDLOCK),
            LockError::Unlock(fault) => ("unlock", fault, ffi::SQLITE_IOERR_UNLOCK),
        };
        from_fault(self.storage.path(), operation, &fault, code)
    }

    fn flush_log(&self) -> Result<()> {
        self.link.with_log("write", ffi::SQLITE_IOERR_WRITE, WalLog::flush)
    }
}

impl VfsFile for DatabaseFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let result = self.storage.read(buffer, offset);
        let count = result.map_err(|error| self.failed("read", &error, ffi::SQLITE_IOERR_READ))?;
        finish_read(buffer, count)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let result = self.storage.write(bytes, offset);
        result.map_err(|error| self.failed("write", &error, ffi::SQLITE_IOERR_WRITE))
    }

    fn resize(&mut self, size: u64) -> Result<()> {
        let result = self.storage.resize(size);
        result.map_err(|error| self.failed("truncate", &error, ffi::SQLITE_IOERR_TRUNCATE))
    }

    fn sync(&mut self) -> Result<()> {
        let result = self.storage.sync();
        result.map_err(|error| self.failed("sync", &error, ffi::SQLITE_IOERR_FSYNC))
    }

    fn size(&mut self) -> Result<u64> {
        let result = self.storage.size();
        result.map_err(|error| self.failed("size", &error, ffi::SQLITE_IOERR_FSTAT))
    }

    fn close(&mut self) -> Result<()> {
        self.link.index().detach(false);
        self.unlock(Level::None)
    }

    fn lock(&mut self, level: Level) -> Result<()> {
        let wait_ms = self.link.index().wait_ms();
        if level == Level::Exclusive {
            let mut index = self.link.index();
            // The last to close the database copies the log into it, without further locks.
            index.check_whole()?;
            // Whoever uses the index also holds a shared lock. If not, locks were lost, and
            // nobody may take this database for his own.
            if index.is_used_by_others()? {
                return Err(Code(ffi::SQLITE_BUSY));
            }
        }
        let result = self.lock.raise(self.shared.as_deref(), level, wait_ms);
        result.map_err(|error| self.lock_failed(error))
    }

    fn unlock(&mut self, level: Level) -> Result<()> {
        let result = self.lock.lower(self.shared.as_deref(), level);
        result.map_err(|error| self.lock_failed(error))
    }

    fn is_reserved(&mut self) -> Result<bool> {
        self.lock.is_reserved(self.shared.as_deref()).map_err(|fault| {
            let code = ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
            from_fault(self.storage.path(), "query lock", &fault, code)
        })
    }

    fn level(&self) -> Level {
        self.lock.level()
    }

    fn set_wait_ms(&mut self, wait_ms: u32) -> Option<u32> {
        self.shared.as_ref().map(|_| self.link.index().set_wait_ms(wait_ms))
    }

    fn keep_log(&mut self, keep: Option<bool>) -> Option<bool> {
        self.keep_log = keep.unwrap_or(self.keep_log);
        Some(self.keep_log)
    }

    fn has_other_readers(&mut self) -> Result<bool> {
        self.link.index().has_other_readers()
    }

    fn has_moved(&self) -> Result<bool> {
        let result = self.storage.has_moved();
        result.map_err(|error| self.failed("status", &error, ffi::SQLITE_IOERR_FSTAT))
    }

    fn shm_map(&mut self, region: usize, size: usize, grow: bool) -> Result<Mapping> {
        let Some(coordination) = &self.coordination else {
            return Err(Code(ffi::SQLITE_IOERR_SHMMAP));
        };
        self.link.index().map(coordination.as_ref(), region, size, grow)
    }

    fn shm_lock(&mut self, slots: Slots) -> Result<()> {
        self.link.index().lock(slots)
    }

    fn shm_unlock(&mut self, slots: Slots) -> Result<()> {
        if slots.is_read_lock()
            && let Some(coordination) = &self.coordination
            && self.link.index().end_glance(slots, coordination.as_ref())?
        {
            return Ok(());
        }
        // Its result does not matter: no commit is ever pending (see `wal`), and a lost frame
        // makes whatever depends on it fail.
        let flushed = if slots.is_write_lock() {
            self.link.with_log("write", ffi::SQLITE_IOERR_WRITE, WalLog::end_transaction)
        } else {
            self.flush_log()
        };
        self.link.index().unlock(slots).and(flushed)
    }

    fn shm_barrier(&mut self) {
        // As above; the barrier itself can not fail.
        let _ = self.flush_log();
        if let Some(coordination) = &self.coordination {
            self.link.index().barrier(coordination.as_ref());
        }
    }

    fn shm_detach(&mut self, delete: bool) {
        self.link.index().detach(delete);
    }

    fn link(&self) -> Option<Link> {
        Some(self.link.clone())
    }
}

/// The write-ahead log of a database.
pub(crate) struct WalFile {
    link: Link,
}

impl WalFile {
    pub(crate) fn new(storage: DiskFile, link: Link) -> Self {
        *link.log() = Some(WalLog::new(storage));
        Self { link }
    }
}

impl VfsFile for WalFile {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let code = ffi::SQLITE_IOERR_READ;
        let count = self.link.with_log("read", code, |log| log.read(buffer, offset))?;
        finish_read(buffer, count)
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        if is_commit_header(bytes) {
            // An index that was lost since the transaction began would be published anew with
            // this commit, but without the frames before it: others would read old pages.
            self.link.index().check_intact()?;
        }
        self.link.with_log("write", ffi::SQLITE_IOERR_WRITE, |log| log.write(bytes, offset))
    }

    fn resize(&mut self, size: u64) -> Result<()> {
        self.link.with_log("truncate", ffi::SQLITE_IOERR_TRUNCATE, |log| log.resize(size))
    }

    fn sync(&mut self) -> Result<()> {
        self.link.with_log("sync", ffi::SQLITE_IOERR_FSYNC, WalLog::sync)
    }

    fn size(&mut self) -> Result<u64> {
        self.link.with_log("size", ffi::SQLITE_IOERR_FSTAT, WalLog::size)
    }

    fn close(&mut self) -> Result<()> {
        let flushed = self.link.with_log("write", ffi::SQLITE_IOERR_CLOSE, WalLog::flush);
        *self.link.log() = None;
        flushed
    }
}
