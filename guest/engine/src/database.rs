//! One SQLite database: opening, transactions, and errors that name it.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::{Error, Result};
use crate::frozen;
use crate::options::Durability;
use crate::pages::Pages;
use crate::platform::Platform;
use crate::statements::{Prepared, Statements};

/// How much of a database is kept in memory, in KiB. More than SQLite's 2 MiB, so that a step of work on
/// the whole cache, and most of the index of keys of a large one, has room.
const PAGE_CACHE_KIB: i32 = 8 * 1024;

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    /// Refuse changes.
    pub(crate) read_only: bool,
    /// Whether the directory can not be written: no locks are taken and no files made. See
    /// [`crate::frozen`].
    pub(crate) frozen: bool,
    /// Keep everybody else out: no locks and no shared memory per operation.
    pub(crate) exclusive: bool,
    /// Longest wait for others, in milliseconds.
    pub(crate) wait_ms: u32,
}

impl Access {
    /// Whether the file itself is opened for reading. A sole owner locks it exclusively, which takes
    /// one that is open for writing.
    fn opens_for_reading(self) -> bool {
        self.frozen || (self.read_only && !self.exclusive)
    }
}

/// An open database.
pub(crate) struct Database {
    prepared: Prepared,
    path: PathBuf,
    platform: Rc<dyn Platform>,
    pages: Pages,
}

impl Database {
    /// Opens the database at `path`, making an empty file if there is none and changes are allowed.
    pub(crate) fn open(path: &Path, access: Access, platform: &Rc<dyn Platform>) -> Result<Self> {
        platform.begin_operation(access.wait_ms);
        let mode = if access.opens_for_reading() {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        };
        let mut flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let mut name = path.as_os_str().to_owned();
        if access.frozen {
            assure_no_log(path)?;
            flags |= OpenFlags::SQLITE_OPEN_URI;
            name = frozen::address(path, true)?.into();
        }
        let connection = match platform.vfs() {
            Some(vfs) => Connection::open_with_flags_and_vfs(name, flags, vfs),
            None => Connection::open_with_flags(name, flags),
        }
        .map_err(|error| translate(&error, path, &**platform))?;
        let database = Self {
            prepared: Prepared::wrap(connection),
            path: path.to_owned(),
            platform: Rc::clone(platform),
            pages: Pages::default(),
        };
        database.configure(access).map_err(|error| database.error(&error))?;
        Ok(database)
    }

    fn configure(&self, access: Access) -> rusqlite::Result<()> {
        let connection = self.connection();
        // SQLite counts in 31 bits: 24 days, which is as good as what may be asked for beyond.
        let wait_ms = access.wait_ms.min(i32::MAX.unsigned_abs());
        connection.busy_timeout(Duration::from_millis(u64::from(wait_ms)))?;
        if access.exclusive && !access.frozen {
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        // Plans depend on statements alone: else SQLite compiles a statement anew whenever a
        // parameter changes that a plan might profit from, which takes longer than running it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        if access.read_only {
            connection.pragma_update(None, "query_only", true)?;
        }
        connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
        // Look at every page before trusting it: the directory may be damaged or hostile.
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "trusted_schema", false)
    }

    /// Makes commits wait for the disk, or not.
    pub(crate) fn set_durability(&self, durability: Durability) -> Result<()> {
        let synchronous = match durability {
            Durability::Relaxed => "NORMAL",
            Durability::Full => "FULL",
        };
        self.run(|connection| connection.pragma_update(None, "synchronous", synchronous))
    }

    /// Empties the log after so many frames, and cuts it down to them if it has become longer.
    pub(crate) fn set_log_length(&self, frames: u64) -> Result<()> {
        self.empty_log_after(frames)?;
        let bytes = frames.cast_signed().saturating_mul(4120);
        self.run(|connection| connection.pragma_update_and_check(None, "journal_size_limit", bytes, |_| Ok(())))
    }

    /// Empties the log after so many frames.
    pub(crate) fn empty_log_after(&self, frames: u64) -> Result<()> {
        let frames = frames.cast_signed();
        self.run(|connection| connection.pragma_update_and_check(None, "wal_autocheckpoint", frames, |_| Ok(())))
    }

    /// Moves the log's content to the database and cuts it to nothing, as far as nobody reads it.
    pub(crate) fn empty_log(&self) -> Result<()> {
        // Whether it was busy is in the first column, and fine.
        self.run(|connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())))
    }

    /// Prepares an empty file: free pages can be given back in steps, and changes go to a
    /// write-ahead log. Both are recorded in the file, and the former only if it comes first.
    pub(crate) fn prepare_file(&self) -> Result<()> {
        self.run(|connection| connection.pragma_update(None, "auto_vacuum", "INCREMENTAL"))?;
        let mode: String =
            self.run(|connection| connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)))?;
        if mode.eq_ignore_ascii_case("wal") {
            Ok(())
        } else {
            Err(Error::Io(format!("{}: write-ahead logging is not possible here", self.path.display())))
        }
    }

    /// How many pages the database has as the open transaction leaves it.
    pub(crate) fn pages(&self) -> Result<u64> {
        let pages = self.count_pages()?;
        self.pages.set(self.connection(), pages);
        Ok(pages)
    }

    /// How many pages the database has, for a read that may turn out to be void: nothing is kept of it.
    pub(crate) fn count_pages(&self) -> Result<u64> {
        let pages: i64 =
            self.run(|connection| connection.prepare_cached("PRAGMA page_count")?.query_row([], |row| row.get(0)))?;
        Ok(pages.max(0).cast_unsigned())
    }

    /// How many pages it has at most, if that is known; inside of a transaction.
    pub(crate) fn most_pages(&self) -> Option<u64> {
        self.pages.most(self.connection())
    }

    /// Takes note of a row of so many bytes that is written.
    pub(crate) fn note_growth(&self, bytes: u64) {
        self.pages.grow(bytes);
    }

    /// Vouches that note was taken of all rows of the open transaction that may be long.
    pub(crate) fn vouch_for_pages(&self) {
        self.pages.vouch();
    }

    /// Takes note that rows are written whose length is not known.
    pub(crate) fn forget_pages(&self) {
        self.pages.forget();
    }

    /// Where the database is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The connection, for statements that belong to no transaction of this type.
    pub(crate) fn connection(&self) -> &Connection {
        self.prepared.borrow_owner()
    }

    /// Runs statements, naming the database in their error.
    pub(crate) fn run<T>(&self, statements: impl FnOnce(&Statements<'_, '_>) -> rusqlite::Result<T>) -> Result<T> {
        self.prepared.run(statements).map_err(|error| self.error(&error))
    }

    /// Runs `change` in a write transaction: all of it happens, or on an error nothing.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.begin()?;
        let result = change(self.connection()).and_then(|value| self.commit().map(|()| value));
        if result.is_err() {
            self.rollback();
        }
        result
    }

    /// Runs `change` as a part of the write transaction that is open: all of it happens, or on an
    /// error nothing of this part.
    pub(crate) fn nested<T>(&self, change: impl FnOnce() -> Result<T>) -> Result<T> {
        self.begin_part()?;
        let result = change();
        self.end_part(result.is_ok())?;
        result
    }

    /// Begins a part of the open write transaction that can be undone by itself.
    pub(crate) fn begin_part(&self) -> Result<()> {
        self.execute("SAVEPOINT part")
    }

    /// Ends the part that was begun last, and undoes it unless it is to be kept.
    pub(crate) fn end_part(&self, kept: bool) -> Result<()> {
        if !kept && self.is_in_transaction() {
            // Else SQLite has rolled back the whole transaction, as after a full disk.
            self.execute("ROLLBACK TO part")?;
        }
        if self.is_in_transaction() { self.execute("RELEASE part") } else { Ok(()) }
    }

    /// Begins a write transaction.
    pub(crate) fn begin(&self) -> Result<()> {
        self.execute("BEGIN IMMEDIATE")
    }

    /// Commits the open transaction.
    pub(crate) fn commit(&self) -> Result<()> {
        self.pages.across_commit(self.connection(), || self.execute("COMMIT"))
    }

    /// Undoes the open transaction, if there still is one: after some errors SQLite has done so
    /// itself. If even this fails, closing the connection undoes it.
    pub(crate) fn rollback(&self) {
        if self.is_in_transaction() {
            let _ = self.execute("ROLLBACK");
        }
    }

    /// Whether a transaction is open.
    pub(crate) fn is_in_transaction(&self) -> bool {
        !self.connection().is_autocommit()
    }

    /// Runs `read` in a read transaction, so that all its statements see the same moment.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.is_in_transaction() {
            return read();
        }
        self.execute("BEGIN")?;
        let result = read();
        // It has changed nothing, so its end cannot fail but with the connection.
        self.rollback();
        result
    }

    fn execute(&self, statement: &'static str) -> Result<()> {
        self.run(|connection| connection.prepare_cached(statement)?.execute([]).map(drop))
    }

    /// The error of this crate for one of SQLite's.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> Error {
        translate(error, &self.path, &*self.platform)
    }
}

/// What a log holds can not be seen where nothing can be written.
pub(crate) fn assure_no_log(path: &Path) -> Result<()> {
    if frozen::has_log(path) {
        return Err(Error::Locked(format!(
            "{} can not be written, but somebody is writing it, or was and did not close it: open it for writing once",
            path.display()
        )));
    }
    Ok(())
}

fn translate(error: &rusqlite::Error, path: &Path, platform: &dyn Platform) -> Error {
    let failure = platform.take_failure();
    let text = || format!("{}: {error}", path.display());
    let Some(code) = error.sqlite_error_code() else {
        // Not SQLite itself: a column of another type than the schema allows.
        return Error::Corrupt(text());
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Error::Timeout(format!("others to finish with {}", path.display()))
        }
        ErrorCode::FileLockingProtocolFailed => {
            Error::Timeout(format!("others to leave the index of the log of {} at rest", path.display()))
        }
        // In a sound database no statement of this crate violates a constraint.
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation => Error::Corrupt(text()),
        ErrorCode::DiskFull => Error::Full(format!("{}: no space left on the disk", path.display())),
        ErrorCode::ReadOnly => Error::ReadOnly(text()),
        ErrorCode::TooBig => Error::TooLarge {
            what: format!("a row of {}", path.display()),
            size: u64::try_from(crate::value::VALUE_LIMIT).unwrap_or(u64::MAX),
            limit: 1_000_000_000,
        },
        _ if is_short_read(error) => Error::Corrupt(format!("{}: the file is cut short", path.display())),
        _ => failure.unwrap_or_else(|| Error::Io(text())),
    }
}

fn is_short_read(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHORT_READ)
}
