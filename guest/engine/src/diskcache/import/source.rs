//! A foreign database, opened for reading only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::row::{COLUMNS, ForeignRow};
use crate::diskcache::format::{DATABASE, translate};
use crate::error::{Error, Result};
use crate::frozen::{State, address, has_log};
use crate::key::KEY_LIMIT;
use crate::options::DEFAULT_WAIT_MS;
use crate::platform::{Platform, Sharing};
use crate::value::VALUE_LIMIT;

/// The columns that are read.
const NEEDED: [&str; 8] = ["key", "raw", "expire_time", "tag", "size", "mode", "filename", "value"];

/// An open foreign database.
pub(super) struct Source {
    connection: Connection,
    directory: PathBuf,
    /// The state of a file that is read as if nobody could change it.
    frozen: Option<State>,
}

/// What was read at one place.
pub(super) enum Read {
    Row(ForeignRow),
    /// A row of no use by itself; the next one is behind this id.
    Unusable(i64, Error),
    /// Rows that can not be read; the next one that can is behind this id.
    Hole(i64, Error),
    End,
}

impl Source {
    /// Opens the database in `directory` and makes sure that it is what it should be.
    pub(super) fn open(directory: &Path, platform: &dyn Platform) -> Result<Self> {
        let path = directory.join(DATABASE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE
            | OpenFlags::SQLITE_OPEN_URI;
        // Without a log or a journal nobody has it open, and it is read as it stands, which leaves
        // no trace in its directory. Otherwise what the log holds has to be seen.
        let frozen = if has_log(&path) { None } else { Some(State::of(&path)?) };
        let address = address(&path, frozen.is_some())?;
        let connection = match platform.vfs() {
            Some(vfs) => Connection::open_with_flags_and_vfs(address, flags, vfs),
            None => Connection::open_with_flags(address, flags),
        }
        .map_err(|error| translate(&error, &path))?;
        let source = Self { connection, directory: directory.to_owned(), frozen };
        let alone = platform.vfs().is_some() && platform.sharing() != Sharing::Locks { databases: true };
        let configured = source.configure(alone).map_err(|error| translate(&error, &path));
        configured.and_then(|()| source.verify()).map_err(|error| source.explain(error))?;
        Ok(source)
    }

    /// Names the likely reason why a database with a log can not be read.
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::Io(_) | Error::ReadOnly(_) | Error::PermissionDenied(_) if self.frozen.is_none() => {
                Error::Locked(format!(
                    "{} has a write-ahead log that can not be read from here: it is in use or was not closed; close \
                     it with python-diskcache, and try again",
                    self.path().display()
                ))
            }
            other => other,
        }
    }

    fn configure(&self, alone: bool) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.busy_timeout(Duration::from_millis(u64::from(DEFAULT_WAIT_MS)))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        if alone && self.frozen.is_none() {
            // A file layer without shared memory reads a log only for a sole user.
            connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        }
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cell_size_check", true)
    }

    /// Refuses anything but an ordinary table with the columns that are read.
    fn verify(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::UnsupportedFormat(format!("{}: {what}", self.path().display())));
        let query = "SELECT count(*) FROM pragma_table_list
            WHERE schema = 'main' AND name = 'Cache' AND type = 'table' AND wr = 0";
        if self.query::<i64>(query)? != 1 {
            return refuse("Cache is no ordinary table");
        }
        let columns = NEEDED.map(|name| format!("'{name}'")).join(", ");
        let query =
            format!("SELECT count(*) FROM pragma_table_xinfo('Cache') WHERE name IN ({columns}) AND hidden = 0");
        if usize::try_from(self.query::<i64>(&query)?).ok() != Some(NEEDED.len()) {
            return refuse("the table Cache lacks columns of diskcache 5.6.3");
        }
        Ok(())
    }

    /// Number of rows.
    pub(super) fn count(&self) -> Result<u64> {
        self.query::<i64>("SELECT count(*) FROM Cache").map(i64::unsigned_abs)
    }

    /// The row after the id `after`.
    pub(super) fn next(&self, after: i64) -> Result<Read> {
        let read = self.row_after(after);
        self.assure_unchanged()?;
        match read {
            Ok(None) => Ok(Read::End),
            Ok(Some(Ok(row))) => Ok(Read::Row(row)),
            Ok(Some(Err(error))) => {
                Ok(Read::Unusable(self.id_after(after)?.filter(|id| *id > after).unwrap_or(i64::MAX), error))
            }
            Err(error @ Error::Corrupt(_)) => Ok(Read::Hole(self.end_of_hole(after), error)),
            Err(error) => Err(error),
        }
    }

    fn row_after(&self, after: i64) -> Result<Option<Result<ForeignRow>>> {
        let (key_limit, value_limit) = (KEY_LIMIT as u64, VALUE_LIMIT as u64);
        let run = || {
            let query = format!("SELECT {COLUMNS} FROM Cache WHERE rowid > ?1 ORDER BY rowid LIMIT ?2");
            let mut statement = self.connection.prepare_cached(&query)?;
            let mut rows = statement.query((after, 1, key_limit.cast_signed(), value_limit.cast_signed()))?;
            let Some(row) = rows.next()? else { return Ok(Ok(None)) };
            if row.get::<_, i64>(0)? <= after {
                return Ok(Err(self.disorder()));
            }
            ForeignRow::take(row).map(|row| Ok(Some(row)))
        };
        run().map_err(|error| translate(&error, &self.path()))?
    }

    /// What is wrong with a page that lists rows in another order than their ids: nothing would come to an end
    /// in it, for what is looked for behind a row may be that row again.
    fn disorder(&self) -> Error {
        Error::Corrupt(format!("{}: rows are out of order", self.path().display()))
    }

    fn id_after(&self, after: i64) -> Result<Option<i64>> {
        let run = || {
            let mut statement =
                self.connection.prepare_cached("SELECT rowid FROM Cache WHERE rowid > ?1 ORDER BY rowid LIMIT 1")?;
            let mut rows = statement.query([after])?;
            rows.next()?.map(|row| row.get(0)).transpose()
        };
        run().map_err(|error| translate(&error, &self.path()))
    }

    /// The least id behind which rows can be read again, found by halving.
    fn end_of_hole(&self, after: i64) -> i64 {
        let readable = |id| self.row_after(id).is_ok();
        let (mut bad, mut step) = (after, 1_i64);
        let mut good = loop {
            // From one to the next: the span of all ids is twice the greatest step.
            let probe = bad.saturating_add(step);
            if probe == i64::MAX || readable(probe) {
                break probe;
            }
            bad = probe;
            step = step.saturating_mul(2);
        };
        while good.saturating_sub(bad) > 1 {
            let middle = bad.midpoint(good);
            *(if readable(middle) { &mut good } else { &mut bad }) = middle;
        }
        good
    }

    /// Whether there is a raw key of the same bytes as this pickled one.
    pub(super) fn has_raw_twin(&self, key: &[u8]) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM Cache WHERE key = ?1 AND raw <> 0)";
        self.connection
            .prepare_cached(query)
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)))
            .map_err(|error| translate(&error, &self.path()))
    }

    /// Where its value files are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    fn query<T: rusqlite::types::FromSql>(&self, query: &str) -> Result<T> {
        self.connection.query_row(query, [], |row| row.get(0)).map_err(|error| translate(&error, &self.path()))
    }

    /// Refuses what was read from a file that somebody has begun to change meanwhile.
    fn assure_unchanged(&self) -> Result<()> {
        let path = self.path();
        match self.frozen {
            Some(frozen) if has_log(&path) || State::of(&path)? != frozen => {
                Err(Error::Locked(format!("{}: changed while it was read; begin the import anew", path.display())))
            }
            _ => Ok(()),
        }
    }
}
