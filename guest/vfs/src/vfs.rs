//! Opening, deleting and looking for files.

use std::fs;
use std::io;
use std::sync::Arc;

use rusqlite::ffi;

use crate::code::{Code, Result, from_error};
use crate::coordination::Coordination;
use crate::database::{DatabaseFile, Link, WalFile};
use crate::disk::{DiskFile, OpenMode, sync_directory_of};
use crate::file::{PlainFile, VfsFile};

/// What SQLite wants to open, from its `SQLITE_OPEN_` flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A database that others may use.
    Database,
    /// The write-ahead log of such a database.
    Log,
    /// A journal or temporary file.
    Other,
}

/// How SQLite wants to open it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenRequest {
    pub(crate) purpose: Purpose,
    pub(crate) mode: OpenMode,
    pub(crate) delete_on_close: bool,
}

/// A file that was opened.
pub(crate) struct Opened {
    pub(crate) file: Box<dyn VfsFile>,
    pub(crate) read_only: bool,
    /// Whether it offers shared memory.
    pub(crate) shareable: bool,
}

/// A registered VFS.
pub(crate) struct Vfs {
    coordination: Option<Arc<dyn Coordination>>,
}

impl Vfs {
    pub(crate) fn new(coordination: Option<Box<dyn Coordination>>) -> Self {
        Self { coordination: coordination.map(Arc::from) }
    }

    /// Opens a file; `link` is that of the database for whose log this is.
    pub(crate) fn open(&self, path: Option<&str>, request: OpenRequest, link: Option<Link>) -> Result<Opened> {
        let Some(path) = path else {
            let file = Box::new(PlainFile::in_memory());
            return Ok(Opened { file, read_only: false, shareable: false });
        };
        let (storage, read_only) =
            open_on_disk(path, request.mode).map_err(|error| from_error(path, "open", &error, ffi::SQLITE_CANTOPEN))?;
        let mut shareable = false;
        let file: Box<dyn VfsFile> = match (request.purpose, link) {
            (Purpose::Database, _) => {
                let coordination = self.coordination.clone();
                shareable = coordination.as_ref().is_some_and(|host| host.can_map());
                Box::new(DatabaseFile::new(storage, read_only, coordination)?)
            }
            (Purpose::Log, Some(link)) => Box::new(WalFile::new(storage, link)),
            (Purpose::Log, None) => return Err(Code(ffi::SQLITE_MISUSE)),
            (Purpose::Other, _) => Box::new(PlainFile::on_disk(storage, request.delete_on_close)),
        };
        Ok(Opened { file, read_only, shareable })
    }
}

/// Opens a file, for reading only where writing is not allowed.
fn open_on_disk(path: &str, mode: OpenMode) -> io::Result<(DiskFile, bool)> {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match DiskFile::open(path, mode) {
        Ok(file) => Ok((file, mode.read_only)),
        Err(error) if !mode.read_only && matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => {
            let read_only = OpenMode { read_only: true, ..OpenMode::default() };
            // The first error is the reason, the second only says that there is no way round.
            DiskFile::open(path, read_only).map(|file| (file, true)).map_err(|_| error)
        }
        Err(error) => Err(error),
    }
}

/// Deletes a file, and if asked makes sure that it stays so after a power loss.
pub(crate) fn delete(path: &str, sync_directory: bool) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => {
            if sync_directory {
                sync_directory_of(path);
            }
            Ok(())
        }
        // Expected: SQLite deletes without asking whether there is anything.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Code(ffi::SQLITE_IOERR_DELETE_NOENT)),
        Err(error) => Err(from_error(path, "delete", &error, ffi::SQLITE_IOERR_DELETE)),
    }
}

/// Whether there is something at a path. An empty file counts as none, because journals are ended
/// by being cut to nothing.
pub(crate) fn exists(path: &str) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(!metadata.is_file() || metadata.len() > 0),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(from_error(path, "status", &error, ffi::SQLITE_IOERR_ACCESS)),
    }
}

/// Whether the file at a path can be written.
pub(crate) fn is_writable(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.permissions().readonly())
}
