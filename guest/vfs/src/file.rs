//! What SQLite does with an open file, and the files that need nothing special.

use std::ffi::c_int;

use rusqlite::ffi;

use crate::code::{Code, Result, from_error};
use crate::database::Link;
use crate::disk::{DiskFile, Storage};
use crate::lock::Level;
use crate::memory::MemoryFile;
use crate::wal_index::{Mapping, Slots};

/// An open file. Locks and shared memory matter only for databases.
pub(crate) trait VfsFile: Send {
    /// Fills the buffer from `offset` on, and the rest with zeros if the file ends before.
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<()>;
    /// Writes all bytes at `offset`.
    fn write(&mut self, bytes: &[u8], offset: u64) -> Result<()>;
    /// Cuts or extends the file.
    fn resize(&mut self, size: u64) -> Result<()>;
    /// Waits until everything is on the disk.
    fn sync(&mut self) -> Result<()>;
    /// Size in bytes.
    fn size(&mut self) -> Result<u64>;
    /// Finishes what is pending; the file is dropped afterwards whatever the result.
    fn close(&mut self) -> Result<()>;

    /// Raises the lock.
    fn lock(&mut self, _level: Level) -> Result<()> {
        Ok(())
    }
    /// Lowers the lock.
    fn unlock(&mut self, _level: Level) -> Result<()> {
        Ok(())
    }
    /// Whether somebody is about to write.
    fn is_reserved(&mut self) -> Result<bool> {
        Ok(false)
    }
    /// How far the file is locked.
    fn level(&self) -> Level {
        Level::None
    }
    /// Sets how long locks wait, in milliseconds, and returns the last setting; none if they can't.
    fn set_wait_ms(&mut self, _wait_ms: u32) -> Option<u32> {
        None
    }
    /// Whether the log stays when the last connection closes, after setting it if asked to; none
    /// if there is no log.
    fn keep_log(&mut self, _keep: Option<bool>) -> Option<bool> {
        None
    }
    /// Whether others read the database through the WAL-index.
    fn has_other_readers(&mut self) -> Result<bool> {
        Ok(false)
    }
    /// Whether the path leads elsewhere by now.
    fn has_moved(&self) -> Result<bool> {
        Ok(false)
    }

    /// Maps a region of the WAL-index.
    fn shm_map(&mut self, _region: usize, _size: usize, _grow: bool) -> Result<Mapping> {
        Err(Code(ffi::SQLITE_IOERR_SHMMAP))
    }
    /// Takes slots of the WAL-index.
    fn shm_lock(&mut self, _slots: Slots) -> Result<()> {
        Err(Code(ffi::SQLITE_IOERR_SHMLOCK))
    }
    /// Releases slots of the WAL-index.
    fn shm_unlock(&mut self, _slots: Slots) -> Result<()> {
        Err(Code(ffi::SQLITE_IOERR_SHMLOCK))
    }
    /// Orders accesses to the WAL-index.
    fn shm_barrier(&mut self) {}
    /// Lets go of the WAL-index.
    fn shm_detach(&mut self, _delete: bool) {}

    /// What a database shares with its log.
    fn link(&self) -> Option<Link> {
        None
    }
}

/// Zero-fills what a read did not, and reports it as SQLite wants it.
pub(crate) fn finish_read(buffer: &mut [u8], count: usize) -> Result<()> {
    match buffer.get_mut(count..) {
        Some(rest) if !rest.is_empty() => {
            rest.fill(0);
            Err(Code(ffi::SQLITE_IOERR_SHORT_READ))
        }
        _ => Ok(()),
    }
}

/// A file whose only user is this connection: a rollback journal, or one without a name.
pub(crate) struct PlainFile<S> {
    storage: S,
    path: String,
    delete_on_close: bool,
}

impl PlainFile<DiskFile> {
    pub(crate) fn on_disk(storage: DiskFile, delete_on_close: bool) -> Self {
        let path = storage.path().to_owned();
        Self { storage, path, delete_on_close }
    }
}

impl PlainFile<MemoryFile> {
    pub(crate) fn in_memory() -> Self {
        Self { storage: MemoryFile::default(), path: "temporary file".to_owned(), delete_on_close: false }
    }
}

impl<S: Storage + Send> VfsFile for PlainFile<S> {
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
        if self.delete_on_close {
            let result = std::fs::remove_file(&self.path);
            result.map_err(|error| self.failed("delete", &error, ffi::SQLITE_IOERR_CLOSE))?;
        }
        Ok(())
    }
}

impl<S> PlainFile<S> {
    fn failed(&self, operation: &'static str, error: &std::io::Error, code: c_int) -> Code {
        from_error(&self.path, operation, error, code)
    }
}
