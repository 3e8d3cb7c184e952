//! A foreign directory that is being made.
//!
//! It has no `cache.db` until all of it is there: until then the database is called [`DRAFT`], so
//! what an interruption leaves is no cache, and known for what it is.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::{Connection, OpenFlags, params};

use super::row::Row;
use super::schema::{self, Totals};
use super::transfer::Cell;
use crate::diskcache::format::{DATABASE, translate};
use crate::error::{Error, Result};
use crate::listing::children;
use crate::options::Durability;
use crate::platform::Platform;
use crate::settings::Settings;

/// Name of the database while it is being made. diskcache's own check passes over names like this.
const DRAFT: &str = "cache.db-draft";

/// A directory that is being made. Dropped before it is complete, it leaves nothing.
pub(super) struct Target {
    directory: PathBuf,
    settings: Settings,
    platform: Rc<dyn Platform>,
    /// None once it is complete.
    connection: Option<Connection>,
    totals: Totals,
    /// Directories of value files that were made.
    branches: BTreeSet<String>,
    /// Whether the directory itself was made.
    made: bool,
}

impl Target {
    /// Begins to make a directory, which must be new or empty.
    pub(super) fn create(directory: &Path, settings: &Settings, platform: Rc<dyn Platform>) -> Result<Self> {
        let made = make_directory(directory)?;
        // Made here first, so that nothing is ever opened that was there, and of two exports to the
        // same place one fails.
        let path = directory.join(DRAFT);
        File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| Error::from_io(&path, &error))
            .inspect_err(|_| {
                if made {
                    remove_empty(directory);
                }
            })?;
        let mut target = Self {
            directory: directory.to_owned(),
            settings: settings.clone(),
            platform,
            connection: None,
            totals: Totals { count: 0, size: 0, pickle_protocol: None },
            branches: BTreeSet::new(),
            made,
        };
        target.connection = Some(target.open_draft().map_err(|error| target.error(&error))?);
        Ok(target)
    }

    fn open_draft(&self) -> rusqlite::Result<Connection> {
        let path = self.directory.join(DRAFT);
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = match self.platform.vfs() {
            Some(vfs) => Connection::open_with_flags_and_vfs(&path, flags, vfs),
            None => Connection::open_with_flags(&path, flags),
        }?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "auto_vacuum", "FULL")?;
        // What an interruption leaves is thrown away, so nothing has to survive one.
        connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        schema::create(&connection, &self.settings)?;
        Ok(connection)
    }

    /// Runs `change` in a transaction. After an error the target is to be dropped.
    pub(super) fn write<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.run(|connection| connection.execute_batch("BEGIN"))?;
        let result = change(self)?;
        self.run(|connection| connection.execute_batch("COMMIT"))?;
        Ok(result)
    }

    /// Adds a row. False if its key is there already.
    pub(super) fn insert(&mut self, row: &Row, cell: &Cell) -> Result<bool> {
        let size = i64::try_from(cell.size).unwrap_or(i64::MAX);
        let inserted = self.run(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT OR IGNORE INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, \
                 mode, filename, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            insert.execute(params![
                row.key,
                row.raw,
                row.store_time,
                row.expire_time,
                row.access_time,
                row.access_count,
                row.tag,
                size,
                cell.mode,
                cell.filename,
                cell.value
            ])
        })?;
        if inserted > 0 {
            self.totals.count += 1;
            self.totals.size = self.totals.size.saturating_add(cell.size);
        }
        Ok(inserted > 0)
    }

    /// Whether there is a text key between two others.
    pub(super) fn has_key_between(&self, start: &str, end: &str) -> Result<bool> {
        self.run(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM Cache WHERE key > ?1 AND key < ?2 AND raw = 1)")?
                .query_row((start, end), |row| row.get(0))
        })
    }

    /// Notes which pickle protocol the keys have; that of the first one counts.
    pub(super) fn note_protocol(&mut self, protocol: Option<u8>) {
        self.totals.pickle_protocol = self.totals.pickle_protocol.or(protocol);
    }

    /// Makes a value file under a random name, as diskcache does.
    pub(super) fn create_value(&mut self) -> Result<(String, File)> {
        let digits = format!("{:016x}{:016x}", self.platform.random(), self.platform.random());
        let (branch, rest) = digits.split_at(2);
        let (twig, rest) = rest.split_at(2);
        let name = format!("{branch}/{twig}/{rest}.val");
        let path = self.directory.join(&name);
        let parent = self.directory.join(branch).join(twig);
        self.branches.insert(branch.to_owned());
        let created =
            fs::create_dir_all(parent).and_then(|()| File::options().write(true).create_new(true).open(&path));
        created.map(|file| (name, file)).map_err(|error| Error::from_io(&path, &error))
    }

    /// Waits until a value file is on the disk, if that is what the cache promises of its own.
    pub(super) fn sync_value(&self, name: &str, file: &File) -> Result<()> {
        if self.settings.durability == Durability::Full {
            file.sync_data().map_err(|error| self.value_error(name, &error))?;
        }
        Ok(())
    }

    /// Removes a value file that belongs to no row.
    pub(super) fn remove_value(&self, name: &str) {
        let path = self.directory.join(name);
        // What stays is found by diskcache's own check.
        let _ = fs::remove_file(&path);
        path.ancestors().skip(1).take(2).for_each(remove_empty);
    }

    /// The error about a value file.
    pub(super) fn value_error(&self, name: &str, error: &io::Error) -> Error {
        Error::from_io(&self.directory.join(name), error)
    }

    /// Completes the database and gives it its name.
    pub(super) fn complete(mut self) -> Result<()> {
        self.write(|target| target.run(|connection| schema::complete(connection, &target.settings, &target.totals)))?;
        self.run(|connection| connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
        if let Some(connection) = self.connection.take() {
            connection.close().map_err(|(_, error)| self.error(&error))?;
        }
        self.remove_journal();
        let (draft, path) = (self.directory.join(DRAFT), self.directory.join(DATABASE));
        let synced = File::options().write(true).open(&draft).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::from_io(&draft, &error))?;
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Error::InvalidArgument(format!("{} was made by somebody else meanwhile", path.display())));
        }
        fs::rename(&draft, &path).map_err(|error| Error::from_io(&path, &error))
    }

    /// Removes what SQLite leaves beside a database that it had for itself.
    fn remove_journal(&self) {
        for suffix in ["-journal", "-wal"] {
            // Most often there is none.
            let _ = fs::remove_file(self.directory.join(format!("{DRAFT}{suffix}")));
        }
    }

    fn run<T>(&self, statements: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let connection = self.connection.as_ref().ok_or(Error::Closed)?;
        statements(connection).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &rusqlite::Error) -> Error {
        // Asked for whatever the error is, so that it is not taken for a later one's reason.
        let failure = self.platform.take_failure();
        match translate(error, &self.directory.join(DRAFT)) {
            Error::Io(text) => failure.unwrap_or(Error::Io(text)),
            named => named,
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.connection = None;
        let draft = self.directory.join(DRAFT);
        if fs::symlink_metadata(&draft).is_err() {
            // It has its name.
            return;
        }
        // The database last: as long as it is there, the rest is known for what it is.
        for branch in &self.branches {
            let _ = fs::remove_dir_all(self.directory.join(branch));
        }
        self.remove_journal();
        let _ = fs::remove_file(draft);
        if self.made {
            remove_empty(&self.directory);
        }
    }
}

/// Makes a directory that is not there; whether it did. One with something in it is refused.
fn make_directory(directory: &Path) -> Result<bool> {
    let failed = |error: &io::Error| Error::from_io(directory, error);
    match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory).map_err(|error| failed(&error))?;
            return Ok(true);
        }
        Err(error) => return Err(failed(&error)),
        Ok(metadata) if !metadata.is_dir() => {
            return Err(Error::InvalidArgument(format!("{} is not a directory", directory.display())));
        }
        Ok(_) => {}
    }
    let children = children(directory).map_err(|error| failed(&error))?;
    let names: Vec<_> = children.iter().map(|child| child.file_name().to_string_lossy().into_owned()).collect();
    let Some(first) = names.first() else { return Ok(false) };
    let reason = if names.iter().any(|name| name == DRAFT) {
        format!("{DRAFT} is of an export that did not come to its end: remove the directory or name another")
    } else {
        format!("{first} is in it; an export goes to a directory that is new or empty")
    };
    Err(Error::InvalidArgument(format!("{} is not empty: {reason}", directory.display())))
}

/// Removes a directory if there is nothing in it.
fn remove_empty(directory: &Path) {
    let _ = fs::remove_dir(directory);
}
